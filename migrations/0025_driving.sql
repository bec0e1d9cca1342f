-- What drivers did, as the vehicles tell it: fatigue is judged from these pieces of all vehicles, and
-- from nothing else.
CREATE TABLE driving (
    -- A driver's number; of the unknown driver of vehicle v, -1 - v.
    subject    BIGINT NOT NULL,
    -- Local hour since 1970 in which the pieces end.
    bucket     BIGINT NOT NULL,
    -- The vehicle that tells it.
    vehicle_id BIGINT NOT NULL,
    -- Versioned blob of `detect`, in order; opaque here.
    pieces     BYTEA NOT NULL,
    PRIMARY KEY (subject, bucket, vehicle_id)
);
-- Who was at the wheel of a vehicle that is judged again.
CREATE INDEX driving_by_vehicle ON driving (vehicle_id, bucket, subject);
-- What is older than the retention of tracks goes hour by hour.
CREATE INDEX driving_by_bucket ON driving (bucket);
