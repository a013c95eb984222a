-- A lot may be listed in slices, one lot and one shard each (auction.Split).

-- +goose Up
-- MySQL has no words for adding what is not there yet. sqlc does not read what is prepared: columns.sql tells it.
-- +goose StatementBegin
SET @add_slices = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'lots' AND column_name = 'slices') = 0,
  'ALTER TABLE lots ADD COLUMN slices INT NOT NULL DEFAULT 0, ADD COLUMN slice INT NOT NULL DEFAULT 0, ADD COLUMN slice_of VARBINARY(16) NULL', 'DO 0');
-- +goose StatementEnd
PREPARE add_slices FROM @add_slices;
EXECUTE add_slices;
DEALLOCATE PREPARE add_slices;

-- +goose Down
ALTER TABLE lots DROP COLUMN slices, DROP COLUMN slice, DROP COLUMN slice_of;
