-- When a violation that became graver while it lasted was seen to be grave enough for a reminder; null where it was
-- so from the beginning, or never.
ALTER TABLE violations ADD COLUMN grave_seen_at BIGINT;
