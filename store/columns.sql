-- For sqlc alone: the columns that a migration adds by a prepared statement. A test holds the two together.
ALTER TABLE lots ADD COLUMN slices INT NOT NULL DEFAULT 0, ADD COLUMN slice INT NOT NULL DEFAULT 0, ADD COLUMN slice_of VARBINARY(16) NULL;
