-- What people do: shifts, post checks, and the closed loop of a violation.

CREATE TABLE shifts (
    id            TEXT PRIMARY KEY NOT NULL,
    enterprise_id TEXT NOT NULL REFERENCES enterprises (id),
    monitor_id    TEXT NOT NULL REFERENCES monitors (id),
    started_at    BIGINT NOT NULL,
    -- Null while it runs.
    ended_at      BIGINT,
    -- Handover note.
    note          TEXT
);
CREATE INDEX shifts_by_enterprise ON shifts (enterprise_id, started_at);
-- Overlaps of one monitor are refused.
CREATE INDEX shifts_by_monitor ON shifts (monitor_id, started_at);
CREATE INDEX shifts_by_start ON shifts (started_at, id);

-- Post checks (查岗), one row for each enterprise asked.
CREATE TABLE inquiries (
    id               TEXT PRIMARY KEY NOT NULL,
    enterprise_id    TEXT NOT NULL REFERENCES enterprises (id),
    question         TEXT NOT NULL,
    sent_at          BIGINT NOT NULL,
    -- Time allowed for the answer, bound included.
    answer_within_ms BIGINT NOT NULL,
    -- The first answer; later ones are refused.
    answered_at      BIGINT,
    answer           TEXT,
    responder        TEXT,
    phone            TEXT
);
CREATE INDEX inquiries_by_time ON inquiries (sent_at, id);
CREATE INDEX inquiries_by_enterprise ON inquiries (enterprise_id, sent_at);

-- A driver was told.
CREATE TABLE violation_reminders (
    id              TEXT PRIMARY KEY NOT NULL,
    violation_id    TEXT NOT NULL REFERENCES violations (id),
    -- `terminal_voice`, `phone` or `other`.
    channel         TEXT NOT NULL,
    text            TEXT NOT NULL,
    sent_at         BIGINT NOT NULL,
    -- When the terminal answered the voice text, and its JT/T 808 result code.
    acknowledged_at BIGINT,
    result          BIGINT
);
CREATE INDEX reminders_by_violation ON violation_reminders (violation_id, sent_at);

-- The enterprise dealt with it.
CREATE TABLE violation_handlings (
    id           TEXT PRIMARY KEY NOT NULL,
    violation_id TEXT NOT NULL REFERENCES violations (id),
    -- `educated`, `penalised`, `suspended`, `dismissed` or `false_alarm`.
    result       TEXT NOT NULL,
    note         TEXT NOT NULL,
    -- Reference to a document, where one was given.
    evidence     TEXT,
    -- Who recorded it.
    author       TEXT NOT NULL,
    at           BIGINT NOT NULL
);
CREATE INDEX handlings_by_violation ON violation_handlings (violation_id, at);

-- A second person judged a claim of false alarm.
CREATE TABLE violation_reviews (
    id           TEXT PRIMARY KEY NOT NULL,
    violation_id TEXT NOT NULL REFERENCES violations (id),
    -- The claim; one review for each.
    handling_id  TEXT NOT NULL UNIQUE REFERENCES violation_handlings (id),
    -- `approved` or `rejected`.
    decision     TEXT NOT NULL,
    note         TEXT NOT NULL,
    author       TEXT NOT NULL,
    at           BIGINT NOT NULL
);
CREATE INDEX reviews_by_violation ON violation_reviews (violation_id, at);
