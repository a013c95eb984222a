// Package db is what sqlc makes of queries/*.sql, and the column types it uses. Only package store sees it.
package db

import (
	"database/sql/driver"
	"fmt"
)

// ID is the 16 bytes of a UUID as a BINARY(16) column holds them: a type of its own, because a uuid.UUID gives the
// database its text. All zero is "none".
type ID [16]byte

// Value gives the bytes.
func (id ID) Value() (driver.Value, error) { return id[:], nil }

// Scan takes 16 bytes.
func (id *ID) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(id) {
		return fmt.Errorf("an id of 16 bytes was expected, not %T of %d", src, len(b))
	}
	copy(id[:], b)
	return nil
}
