-- Chunks leave by their number, many at a time, when a file holds them: by the key of several columns each
-- statement would walk through the whole table.
CREATE UNIQUE INDEX track_chunks_by_id ON track_chunks (id);
