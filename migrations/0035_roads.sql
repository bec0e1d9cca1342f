-- Road maps. The newest import is in force; older ones stay because violations name them.
CREATE TABLE road_maps (
    -- Follows from the content of the map.
    version  TEXT PRIMARY KEY NOT NULL,
    -- Name of the prepared file in the folder `roads` of the data folder.
    file     TEXT NOT NULL,
    -- Name of the extract that was imported.
    source   TEXT NOT NULL,
    -- Value of the registry counter at the import: the highest one is in force.
    imported BIGINT NOT NULL
);

-- Limits that the operator sets over the map's. Of the targets one is given: way, name or line.
CREATE TABLE road_limits (
    id            TEXT PRIMARY KEY NOT NULL,
    -- One way of OpenStreetMap; only forward (0) or backward (1) where not null.
    way           BIGINT,
    backward      BIGINT,
    -- Every way with that name or number; inside the box of two points where `line` is given.
    name          TEXT,
    -- Points as in `routes.line`.
    line          BYTEA,
    half_width_m  DOUBLE PRECISION,
    one_direction BIGINT,
    limit_mkmh    BIGINT NOT NULL,
    -- Names of the classes that it is for, separated by spaces; empty means all.
    classes       TEXT NOT NULL,
    -- Null means always (from) and for ever (to, exclusive).
    from_at       BIGINT,
    to_at         BIGINT,
    set_by        TEXT NOT NULL
);
