-- What contradicts the record that stands is told once, by what it says, and goes on to be told once where
-- another record comes to stand there.
CREATE TABLE contradictions_once (
    vehicle_id BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    -- What the record says that does not stand: place and speed. The note, in rows that are older.
    other      TEXT NOT NULL,
    -- What differs.
    note       TEXT NOT NULL,
    PRIMARY KEY (vehicle_id, at, other)
);
INSERT INTO contradictions_once (vehicle_id, at, other, note)
    SELECT vehicle_id, at, note, note FROM contradictions;
DROP TABLE contradictions;
ALTER TABLE contradictions_once RENAME TO contradictions;
CREATE INDEX contradictions_by_time ON contradictions (at);
