-- What arrives: terminals, what could not be read, and the journal of fixes.

-- Terminals that hold an authentication code of ours.
CREATE TABLE terminals (
    phone         TEXT PRIMARY KEY NOT NULL,
    -- SHA-256 of the code; the code itself is known to the terminal only.
    code_hash     BYTEA NOT NULL,
    registered_at BIGINT NOT NULL,
    -- Attributes of the registration message 0x0100, kept for the terminal page.
    province      BIGINT NOT NULL,
    county        BIGINT NOT NULL,
    manufacturer  TEXT NOT NULL,
    model         TEXT NOT NULL,
    device        TEXT NOT NULL,
    -- The plate that it claimed, as sent; may differ from the register.
    plate         TEXT NOT NULL
);

-- Terminals that the register does not know. Bounded: the one seen longest ago leaves.
CREATE TABLE unknown_terminals (
    phone         TEXT PRIMARY KEY NOT NULL,
    -- How often it knocked.
    sightings     BIGINT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    -- Address of the last attempt.
    address       TEXT NOT NULL,
    -- Plate claimed in the last attempt that claimed one.
    plate         TEXT
);
CREATE INDEX unknown_terminals_by_age ON unknown_terminals (last_seen_at, phone);

-- Frames and records that could not be read. Bounded: the oldest leave.
CREATE TABLE quarantine (
    id          BIGINT PRIMARY KEY NOT NULL,
    at          BIGINT NOT NULL,
    protocol    TEXT NOT NULL,
    -- Stable reason, such as `checksum`.
    code        TEXT NOT NULL,
    -- Who sent it: an address, or a file and line.
    peer        TEXT NOT NULL,
    -- The first bytes of it.
    bytes       BYTEA NOT NULL,
    -- Length before it was cut.
    bytes_total BIGINT NOT NULL
);

-- One row is one group commit: acknowledgements leave only after it is on disk. On SQLite this
-- table is used in a file of its own, so that appends never wait for a flush.
CREATE TABLE journal (
    sequence BIGINT PRIMARY KEY NOT NULL,
    -- Fixes in the record: progress of a replay is told in fixes.
    fixes    BIGINT NOT NULL,
    -- A record of `track::JournalRecord`, checksum inside.
    bytes    BYTEA NOT NULL
);
