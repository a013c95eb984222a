// Package migrations holds the schema, step by step. A step that was released is never changed; every statement can be
// run twice, because MySQL commits each table by itself.
package migrations

import "embed"

// Files are the steps, by number.
//
//go:embed *.sql
var Files embed.FS
