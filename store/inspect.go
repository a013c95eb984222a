package store

import (
	"context"
	"strconv"
)

// MinPacket is the max_allowed_packet that the store's largest statements need, bytes: MariaDB's default.
const MinPacket = 16 << 20

// Facts are what the server says of itself. What it does not tell (a stand-in) is empty.
type Facts struct {
	Version          string // e.g. "10.11.19-MariaDB"
	FlushLogAtCommit string // innodb_flush_log_at_trx_commit: 1 is at each
	LogBin           string // ON, OFF
	SyncBinlog       string // 1 is at each commit
	Isolation        string // of the store's sessions
	MaxPacket        int64  // max_allowed_packet, bytes
}

// Inspect asks the server about itself. fault Unavailable `unavailable`.
func (s *Store) Inspect(ctx context.Context) (Facts, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	var f Facts
	var err error
	if f.Version, err = s.Version(ctx); err != nil {
		return f, err
	}
	rows, err := s.db.QueryContext(ctx, settingsText)
	if err != nil {
		return f, classify("inspect", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return f, classify("inspect", err)
		}
		f.set(name, value)
	}
	return f, classify("inspect", rows.Err())
}

// Version gives the server's version text, e.g. "10.11.19-MariaDB".
func (s *Store) Version(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	var version string
	return version, classify("version", s.db.QueryRowContext(ctx, versionText).Scan(&version))
}

func (f *Facts) set(name, value string) {
	switch name {
	case "innodb_flush_log_at_trx_commit":
		f.FlushLogAtCommit = value
	case "log_bin":
		f.LogBin = value
	case "sync_binlog":
		f.SyncBinlog = value
	case "max_allowed_packet":
		f.MaxPacket, _ = strconv.ParseInt(value, 10, 64) // what is no number is not told
	case "transaction_isolation", "tx_isolation": // MySQL's name, MariaDB's
		f.Isolation = value
	}
}
