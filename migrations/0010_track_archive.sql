-- The track archive: what is in the files, and who wants what kept.
-- `track_chunks` holds only what is not in a file yet.

-- The catalogue: a file that is not here is no part of the archive.
CREATE TABLE track_files (
    -- Below the archive's URL.
    path          TEXT PRIMARY KEY NOT NULL,
    -- Local days since 1970-01-01; all fixes of the file are of this day.
    day           BIGINT NOT NULL,
    -- Vehicle number divided by the vehicles of a bucket.
    bucket        BIGINT NOT NULL,
    fixes         BIGINT NOT NULL,
    -- Lowest and highest vehicle number, earliest and latest fix time.
    vehicle_first BIGINT NOT NULL,
    vehicle_last  BIGINT NOT NULL,
    first_at      BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    -- Length of the file, and of the page index and footer at its end.
    bytes         BIGINT NOT NULL,
    footer_bytes  BIGINT NOT NULL,
    -- SHA-256 of the file, hexadecimal.
    checksum      TEXT NOT NULL,
    written_at    BIGINT NOT NULL,
    -- When others took its place; readers that began before may still be on it. Null while it counts.
    removed_at    BIGINT
);
-- The track of a vehicle.
CREATE INDEX track_files_by_bucket ON track_files (bucket, last_at) WHERE removed_at IS NULL;
-- Merging and retention go by day.
CREATE INDEX track_files_by_day ON track_files (day, bucket) WHERE removed_at IS NULL;

-- Tracks that must stay whatever their age: an accident, a case.
CREATE TABLE legal_holds (
    id         TEXT PRIMARY KEY NOT NULL,
    case_no    TEXT NOT NULL,
    vehicle_id BIGINT NOT NULL REFERENCES vehicles (id),
    reason     TEXT NOT NULL,
    -- Fix times that are held, the end not included; null means all.
    from_at    BIGINT,
    to_at      BIGINT,
    set_at     BIGINT NOT NULL,
    -- Null while it holds.
    lifted_at  BIGINT
);
CREATE INDEX legal_holds_by_vehicle ON legal_holds (vehicle_id);

-- What retention took away.
CREATE TABLE track_purges (
    at         BIGINT NOT NULL,
    -- Local days since 1970-01-01.
    day        BIGINT NOT NULL,
    files      BIGINT NOT NULL,
    bytes      BIGINT NOT NULL,
    -- Fixes taken away, and fixes that a hold kept.
    fixes      BIGINT NOT NULL,
    fixes_held BIGINT NOT NULL,
    PRIMARY KEY (day, at)
);
