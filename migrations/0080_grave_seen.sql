-- When a violation that may become graver while it lasts became grave enough for a reminder: by fix time, and when that
-- fix was received. Null for other kinds, and where it never did.
ALTER TABLE violations ADD COLUMN grave_at BIGINT;
ALTER TABLE violations ADD COLUMN grave_seen_at BIGINT;
