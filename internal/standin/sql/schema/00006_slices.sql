-- The stand-in's side of store/migrations/00006_slices.sql: the same columns.

ALTER TABLE lots ADD COLUMN slices INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lots ADD COLUMN slice INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lots ADD COLUMN slice_of BLOB NULL CHECK (length(slice_of) <= 16);
