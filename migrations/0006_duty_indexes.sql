-- The facts of a period must not cost more as history grows.

-- A shift touches a period when it ends after its beginning; a running one ends never. Without
-- this, every shift that ever began before the period's end is looked at. Expressions in indexes
-- take two pairs of parentheses on PostgreSQL; SQLite does not mind.
CREATE INDEX shifts_by_end ON shifts ((COALESCE(ended_at, 9223372036854775807)));
