-- The register: who must be watched, by whom, and along which lines.
--
-- This list of migrations runs unchanged on SQLite and on PostgreSQL. So: times are BIGINT,
-- milliseconds since 1970 UTC; yes and no are SMALLINT 1 and 0; bytes are BYTEA (a type name that
-- SQLite takes as it comes); numbers that we give out come from `counters`, because the two
-- engines have no common word for a column that counts by itself.

-- Numbers that only grow. A row is taken with UPDATE ... RETURNING inside the transaction that
-- uses the number, so that the order of numbers is the order of commits on both engines.
CREATE TABLE counters (
    -- What is counted; the names stand in `src/store/counters.rs`.
    name  TEXT PRIMARY KEY NOT NULL,
    -- The last number given out, or the version reached.
    value BIGINT NOT NULL
);

CREATE TABLE enterprises (
    -- Identifier from the fleet folder.
    id          TEXT PRIMARY KEY NOT NULL,
    name        TEXT NOT NULL,
    -- Unified social credit code; empty where the folder leaves it empty.
    credit_code TEXT NOT NULL,
    -- Six-digit division code; filters compare its significant prefix.
    region      TEXT NOT NULL,
    -- Name of the kind, as in the contract.
    kind        TEXT NOT NULL
);

CREATE TABLE vehicles (
    -- Our number for it: never reused, so that tracks outlive changes of the register.
    id            BIGINT PRIMARY KEY NOT NULL,
    -- Plate and colour are the natural key; another plate is another vehicle.
    plate         TEXT NOT NULL,
    plate_color   TEXT NOT NULL,
    -- Phone number of its terminal, leading zeros dropped; a terminal is in one vehicle at a time.
    terminal      TEXT UNIQUE,
    -- Who answers for it now; violations keep who answered then.
    enterprise_id TEXT NOT NULL REFERENCES enterprises (id),
    class         TEXT NOT NULL,
    seats         BIGINT,
    -- Empty where the enterprise's region holds.
    region        TEXT,
    -- One-way length of its line, kilometres.
    line_km       DOUBLE PRECISION,
    -- Usual route. Not a reference: routes may be imported after the fleet.
    route_id      TEXT,
    UNIQUE (plate, plate_color)
);
-- Vehicles of an enterprise: the duty facts and the fleet company's page.
CREATE INDEX vehicles_by_enterprise ON vehicles (enterprise_id);

CREATE TABLE drivers (
    -- Our number for the driver; fixes carry it.
    id            BIGINT PRIMARY KEY NOT NULL,
    -- Licence or certificate number, the natural key.
    licence       TEXT NOT NULL UNIQUE,
    -- Empty until a fleet folder names a driver who was first seen on the wire.
    name          TEXT NOT NULL,
    -- Null for the same reason.
    enterprise_id TEXT REFERENCES enterprises (id),
    phone         TEXT NOT NULL
);

CREATE TABLE monitors (
    id            TEXT PRIMARY KEY NOT NULL,
    name          TEXT NOT NULL,
    enterprise_id TEXT NOT NULL REFERENCES enterprises (id),
    -- End of the training's validity; null means never trained.
    trained_until BIGINT
);
CREATE INDEX monitors_by_enterprise ON monitors (enterprise_id);

-- Which route a vehicle drives, and when. A fleet folder replaces all rows of the vehicles that
-- its assignments name.
CREATE TABLE assignments (
    vehicle_id BIGINT NOT NULL REFERENCES vehicles (id),
    -- Line in the folder, so that the order of equal periods stays.
    position   BIGINT NOT NULL,
    route_id   TEXT NOT NULL,
    -- Null means always (from) and for ever (to, exclusive).
    from_at    BIGINT,
    to_at      BIGINT,
    PRIMARY KEY (vehicle_id, position)
);

CREATE TABLE routes (
    id           TEXT PRIMARY KEY NOT NULL,
    name         TEXT NOT NULL,
    half_width_m DOUBLE PRECISION NOT NULL,
    -- The line as pairs of little-endian 32-bit integers, latitude then longitude, millionths of
    -- a degree: a thousand routes of a thousand points load in milliseconds.
    line         BYTEA NOT NULL,
    -- The operator's limit along it, thousandths of km/h.
    limit_mkmh   BIGINT,
    -- Name of the road kind, where the operator said so.
    road         TEXT
);

CREATE TABLE areas (
    id         TEXT PRIMARY KEY NOT NULL,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    limit_mkmh BIGINT,
    -- Daily hours as local minutes of the day; both null for the whole day.
    begin_min  BIGINT,
    end_min    BIGINT,
    -- Names of the classes that it is for, separated by spaces; null means all.
    classes    TEXT,
    -- Polygons of rings of points: each level is a little-endian 32-bit count, then its members;
    -- points as in `routes.line`.
    polygons   BYTEA NOT NULL
);

-- Rulebook documents. The newest import rules; older ones stay because violations name them.
CREATE TABLE rulebooks (
    version  TEXT PRIMARY KEY NOT NULL,
    -- The TOML document, as imported.
    text     TEXT NOT NULL,
    -- Value of the registry counter at the import: the highest one is in force.
    imported BIGINT NOT NULL
);
