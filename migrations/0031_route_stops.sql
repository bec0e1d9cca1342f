-- Planned stops of a route, points as in `routes.line`; empty where the file lists none.
ALTER TABLE routes ADD COLUMN stops BYTEA;
