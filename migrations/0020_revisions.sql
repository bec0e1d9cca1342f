-- Judging again: what waits for it, where it begins, and what it changed.

-- The identifier stays when a correction moves the beginning of a violation; this one follows from
-- the newest value, so that the next word of the detectors finds its row.
ALTER TABLE violations ADD COLUMN natural_id TEXT NOT NULL DEFAULT '';
UPDATE violations SET natural_id = id;
CREATE INDEX violations_by_natural_id ON violations (natural_id);
-- When the raw fixes around it are to be kept as evidence; null when that is done, or while it is open.
ALTER TABLE violations ADD COLUMN evidence_due BIGINT;
CREATE INDEX violations_evidence_due ON violations (evidence_due) WHERE evidence_due IS NOT NULL;

-- Revisions that were superseded; the newest one is the row of `violations`.
CREATE TABLE violation_revisions (
    violation_id TEXT NOT NULL REFERENCES violations (id),
    revision     BIGINT NOT NULL,
    -- 1 when this revision took the violation back.
    withdrawn    SMALLINT NOT NULL,
    revised_at   BIGINT NOT NULL,
    -- Null for a first revision that was found while the data came in order.
    reason       TEXT,
    -- The violation as it stood, as in `violations`.
    body         TEXT NOT NULL,
    PRIMARY KEY (violation_id, revision)
);

-- Raw fixes around a violation, kept as long as the violation. A copy: tracks go sooner.
CREATE TABLE violation_evidence (
    violation_id TEXT NOT NULL REFERENCES violations (id),
    revision     BIGINT NOT NULL,
    made_at      BIGINT NOT NULL,
    -- Period of the fixes, the second moment not included.
    from_at      BIGINT NOT NULL,
    to_at        BIGINT NOT NULL,
    -- Fixes of the period at that moment; more than are kept where a long violation is thinned.
    fixes_total  BIGINT NOT NULL,
    -- A run of `track`.
    fixes        BYTEA NOT NULL,
    -- SHA-256 of the canonical form, hexadecimal.
    hash         TEXT NOT NULL,
    PRIMARY KEY (violation_id, revision)
);

-- What must be judged again, written in the transaction that stores the reason for it.
CREATE TABLE rejudge_queue (
    id             BIGINT PRIMARY KEY NOT NULL,
    vehicle_id     BIGINT NOT NULL,
    -- `late`: fixes came after later ones; `rules`: someone asked for it.
    cause          TEXT NOT NULL,
    -- Late: fix times of the first and the last of them. Rules: the period, second moment not included.
    from_at        BIGINT NOT NULL,
    to_at          BIGINT NOT NULL,
    -- Late: how many, and when the first and the last of them were received.
    fixes          BIGINT NOT NULL,
    received_first BIGINT NOT NULL,
    received_last  BIGINT NOT NULL,
    -- Rules: what is written into the revisions.
    reason         TEXT
);
CREATE INDEX rejudge_queue_by_vehicle ON rejudge_queue (vehicle_id, id);

-- States of a vehicle's detectors at moments of the last days: all fixes before that moment are in
-- them, none from it on. Judging again begins at one.
CREATE TABLE vehicle_checkpoints (
    vehicle_id BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    -- 1 when it is no local midnight: kept for hours only.
    brief      SMALLINT NOT NULL,
    -- Versioned blob of `detect`; opaque here.
    state      BYTEA NOT NULL,
    PRIMARY KEY (vehicle_id, at)
);
CREATE INDEX vehicle_checkpoints_by_time ON vehicle_checkpoints (at);

-- Minutes in which the vehicle drove, as in `operating_minutes`, which is their union over the
-- enterprise: without them no minute could ever be taken back. Null for none.
ALTER TABLE vehicle_days ADD COLUMN driving BYTEA;
