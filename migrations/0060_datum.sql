-- In which datum a vehicle gives its places: wgs84, gcj02 or bd09. Null means what its enterprise declares, and
-- there wgs84. What is stored is WGS-84 always: a declaration is for what comes after it.
ALTER TABLE vehicles ADD COLUMN datum TEXT;
ALTER TABLE enterprises ADD COLUMN datum TEXT;

-- The datum of which its places look, and from which fix time on; null while they look as they are declared.
ALTER TABLE vehicle_live ADD COLUMN datum_found TEXT;
ALTER TABLE vehicle_live ADD COLUMN datum_found_from BIGINT;
-- Enterprises ask for theirs, and these are few.
CREATE INDEX vehicle_live_datum ON vehicle_live (vehicle_id) WHERE datum_found IS NOT NULL;
