-- Permits and contracts of vehicles: what exempts from the night ban, and charter contracts. A fleet
-- folder replaces all rows of the vehicles that its permits name.
CREATE TABLE permits (
    vehicle_id BIGINT NOT NULL REFERENCES vehicles (id),
    -- Line in the folder, so that the order stays.
    position   BIGINT NOT NULL,
    -- Name of the kind, such as `relay_voucher`.
    kind       TEXT NOT NULL,
    -- Number or name of the paper; may be empty.
    reference  TEXT NOT NULL,
    -- Null means always (from) and for ever (to, exclusive).
    from_at    BIGINT,
    to_at      BIGINT,
    PRIMARY KEY (vehicle_id, position)
);
