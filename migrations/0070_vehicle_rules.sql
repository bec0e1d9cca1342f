-- Every import of a rulebook, also of one that was imported before: what was judged stays judged by the rules
-- that were in force after the import that was the newest then.
CREATE TABLE rulebook_imports (
    -- Value of the registry counter at the import.
    imported BIGINT PRIMARY KEY NOT NULL,
    version  TEXT NOT NULL
);
INSERT INTO rulebook_imports (imported, version) SELECT imported, version FROM rulebooks;

-- By the rules after which import the fixes of a vehicle are judged, from each fix time on to the next; before
-- the first, nothing was judged. 0 is the built-in rulebook.
CREATE TABLE vehicle_rules (
    vehicle_id BIGINT NOT NULL,
    from_at    BIGINT NOT NULL,
    imported   BIGINT NOT NULL,
    PRIMARY KEY (vehicle_id, from_at)
);
-- What was judged before this was noted counts as judged by the rules of now.
INSERT INTO vehicle_rules (vehicle_id, from_at, imported)
    SELECT vehicle_id, 0, COALESCE((SELECT MAX(imported) FROM rulebooks), 0) FROM vehicle_states;
