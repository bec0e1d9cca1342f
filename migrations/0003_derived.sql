-- What the shards derive from the journal. All of it is written by one transaction per flush,
-- together with the journal sequence that each vehicle has seen.

-- Saved state of a vehicle's detectors. Apart from `vehicle_live`, because lists read that one
-- and must not drag these bytes along.
CREATE TABLE vehicle_states (
    vehicle_id       BIGINT PRIMARY KEY NOT NULL,
    -- Journal records up to this one are in the state.
    journal_sequence BIGINT NOT NULL,
    -- Versioned blob of `detect`; opaque here.
    state            BYTEA NOT NULL,
    -- Fixes that are not in a chunk yet, encoded as a run of `track`.
    tail             BYTEA NOT NULL
);

-- Last known facts of a vehicle, for lists and maps.
CREATE TABLE vehicle_live (
    vehicle_id         BIGINT PRIMARY KEY NOT NULL,
    -- The newest fix by fix time: when, and when it came.
    fix_at             BIGINT NOT NULL,
    received_at        BIGINT NOT NULL,
    -- Millionths of a degree, WGS-84.
    lat_udeg           BIGINT NOT NULL,
    lon_udeg           BIGINT NOT NULL,
    speed_mkmh         BIGINT NOT NULL,
    -- Degrees clockwise from north.
    course_deg         BIGINT,
    -- Bits of JT/T 808 0x0200.
    alarm              BIGINT NOT NULL,
    status             BIGINT NOT NULL,
    driver_id          BIGINT,
    -- Driving time left before each fatigue limit, milliseconds; null where the limit does not
    -- apply now.
    left_continuous_ms BIGINT,
    left_night_ms      BIGINT,
    left_24h_ms        BIGINT,
    left_7d_ms         BIGINT,
    -- Fix time of the first qualified record: from then on the vehicle is in the network (N7).
    first_qualified_at BIGINT
);

-- The stored track in pieces.
CREATE TABLE track_chunks (
    vehicle_id BIGINT NOT NULL,
    -- Fix times of the earliest and the latest fix.
    first_at   BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    -- Tells chunks of one period apart; in the order of writing.
    id         BIGINT NOT NULL,
    fixes      BIGINT NOT NULL,
    -- 1 when it holds fixes that came after later ones: it overlaps other chunks.
    late       SMALLINT NOT NULL,
    -- A run of `track`.
    bytes      BYTEA NOT NULL,
    -- `last_at` is part of the key so that a period is found without touching rows.
    PRIMARY KEY (vehicle_id, first_at, last_at, id)
);

CREATE TABLE violations (
    -- Hash of plate, kind and start: writing the same one twice is harmless.
    id                   TEXT PRIMARY KEY NOT NULL,
    -- Not references: a flush must never fail on what the register says.
    vehicle_id           BIGINT NOT NULL,
    -- Who answered for the vehicle, and where, when it was found.
    enterprise_id        TEXT NOT NULL,
    region               TEXT NOT NULL,
    driver_id            BIGINT,
    kind                 TEXT NOT NULL,
    severity             TEXT NOT NULL,
    started_at           BIGINT NOT NULL,
    -- Null while it is open.
    ended_at             BIGINT,
    first_seen_at        BIGINT NOT NULL,
    -- Fix time of the last fix in the condition.
    last_fix_at          BIGINT NOT NULL,
    confirmed_at         BIGINT NOT NULL,
    -- 1 when a revision took it back.
    withdrawn            SMALLINT NOT NULL,
    revision             BIGINT NOT NULL,
    revised_at           BIGINT NOT NULL,
    revision_reason      TEXT,
    -- The whole violation as JSON: limit, peak, ratios, points, evidence, details. The columns
    -- above repeat what filters and joins need.
    body                 TEXT NOT NULL,
    -- Hash over all of the above: an unchanged violation is not written again.
    fingerprint          BIGINT NOT NULL,
    -- From the closed loop, so that a list needs no join; never touched by a flush.
    -- First reminder sent.
    reminded_at          BIGINT,
    -- First completed handling (any result but a claim of false alarm).
    handled_at           BIGINT,
    -- Result of the last handling.
    handling_result      TEXT,
    -- 1 when a second person approved that it was a false alarm.
    false_alarm_approved SMALLINT NOT NULL
);
-- The list, newest first; then the same of one vehicle and of one enterprise.
CREATE INDEX violations_by_start ON violations (started_at, id);
CREATE INDEX violations_by_vehicle ON violations (vehicle_id, started_at);
CREATE INDEX violations_by_enterprise ON violations (enterprise_id, started_at);
-- N5 asks for offline movement that began before the period and reaches into it.
CREATE INDEX violations_offline ON violations (last_fix_at) WHERE kind = 'offline_movement';

-- Minutes of a local day in which any vehicle of the enterprise was driving.
CREATE TABLE operating_minutes (
    enterprise_id TEXT NOT NULL,
    -- Local days since 1970-01-01.
    day           BIGINT NOT NULL,
    -- 180 bytes: minute m is bit m % 8 of byte m / 8.
    minutes       BYTEA NOT NULL,
    PRIMARY KEY (enterprise_id, day)
);
-- The duty of all enterprises asks by day.
CREATE INDEX operating_minutes_by_day ON operating_minutes (day);

-- What came from a vehicle on a local day.
CREATE TABLE vehicle_days (
    vehicle_id BIGINT NOT NULL,
    day        BIGINT NOT NULL,
    fixes      BIGINT NOT NULL,
    -- Of these, with nothing wrong: the data-qualified rate.
    qualified  BIGINT NOT NULL,
    duplicates BIGINT NOT NULL,
    -- Earliest and latest fix time of the day.
    first_at   BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    -- Minutes with a fix, as in `operating_minutes`.
    online     BYTEA NOT NULL,
    PRIMARY KEY (vehicle_id, day)
);

-- Driving while the terminal reported a fault.
CREATE TABLE fault_runs (
    vehicle_id BIGINT NOT NULL,
    -- First and last fix of the run.
    from_at    BIGINT NOT NULL,
    to_at      BIGINT NOT NULL,
    alarm      BIGINT NOT NULL,
    PRIMARY KEY (vehicle_id, from_at)
);
CREATE INDEX fault_runs_by_end ON fault_runs (to_at);

-- Records that contradict each other, or a track altered after the fact.
CREATE TABLE contradictions (
    vehicle_id BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    -- What differs; part of the key, so that one finding is written once.
    note       TEXT NOT NULL,
    PRIMARY KEY (vehicle_id, at, note)
);
CREATE INDEX contradictions_by_time ON contradictions (at);

-- Everything that changed, in the order of commits and without gaps: the change feed and the
-- event stream read it.
CREATE TABLE changes (
    seq  BIGINT PRIMARY KEY NOT NULL,
    at   BIGINT NOT NULL,
    -- `violation`, `duty` or `inquiry`.
    kind TEXT NOT NULL,
    -- Identifier of what changed.
    key  TEXT NOT NULL,
    -- Its state after the change, JSON.
    body TEXT NOT NULL
);
