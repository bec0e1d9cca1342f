-- A driver or an enterprise contests a violation; a second person decides.

CREATE TABLE violation_appeals (
    id           TEXT PRIMARY KEY NOT NULL,
    violation_id TEXT NOT NULL REFERENCES violations (id),
    grounds      TEXT NOT NULL,
    -- Who contests it.
    appellant    TEXT NOT NULL,
    -- Reference to a document, where one was given.
    evidence     TEXT,
    at           BIGINT NOT NULL
);
CREATE INDEX appeals_by_violation ON violation_appeals (violation_id, at);

-- From the closed loop, as `handled_at` is: never touched by a flush. The last appeal: when it was made, and
-- `waiting`, `approved` or `rejected`.
ALTER TABLE violations ADD COLUMN appealed_at BIGINT;
ALTER TABLE violations ADD COLUMN appeal_status TEXT;
-- What waits for the regulator is asked for often, and is little.
CREATE INDEX violations_by_appeal ON violations (appeal_status, started_at)
    WHERE appeal_status IS NOT NULL;

-- A review decides a claim of false alarm or an appeal. The table is made anew: its column must be allowed to
-- be null, and not every engine can change that.
CREATE TABLE reviews_of_claims (
    id           TEXT PRIMARY KEY NOT NULL,
    violation_id TEXT NOT NULL REFERENCES violations (id),
    -- What was decided, one of the two; one review for each.
    handling_id  TEXT UNIQUE REFERENCES violation_handlings (id),
    appeal_id    TEXT UNIQUE REFERENCES violation_appeals (id),
    -- `approved` or `rejected`.
    decision     TEXT NOT NULL,
    note         TEXT NOT NULL,
    author       TEXT NOT NULL,
    at           BIGINT NOT NULL,
    CHECK ((handling_id IS NULL) <> (appeal_id IS NULL))
);
INSERT INTO reviews_of_claims (id, violation_id, handling_id, decision, note, author, at)
    SELECT id, violation_id, handling_id, decision, note, author, at FROM violation_reviews;
DROP TABLE violation_reviews;
ALTER TABLE reviews_of_claims RENAME TO violation_reviews;
CREATE INDEX reviews_by_violation ON violation_reviews (violation_id, at);
