package store

import (
	"context"
	"strconv"

	"rostrum/store/db"
)

// maxLotsAtOnce bounds the lots of one UPDATE: the server looks for each of its values among all of them.
const maxLotsAtOnce = 50

// updateLots writes lots, at most maxLotsAtOnce, by one statement, and gives how many rows it found: as many as lots, or
// ApplyToLot's guard has refused one of them.
func (b *batch) updateLots(ctx context.Context, lots []*lot) (int64, error) {
	b.scratch = appendUpdate(b.scratch[:0], b.shard, lots)
	result, err := b.conn.ExecContext(ctx, string(b.scratch))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// appendUpdate is ApplyToLot for several lots, its values written into the text. What stands on the right of SET and in
// WHERE are the row's values before: sold and stock are each set once.
func appendUpdate(b []byte, shard int, lots []*lot) []byte {
	delta := func(b []byte, l *lot) []byte { return strconv.AppendInt(b, l.delta, 10) }
	added := func(b []byte, l *lot) []byte { return strconv.AppendInt(b, l.added, 10) }
	b = appendByLot(append(b, "UPDATE lots SET sold = sold + "...), lots, delta)
	b = appendByLot(append(b, ", version = "...), lots, func(b []byte, l *lot) []byte { return strconv.AppendInt(b, l.Version, 10) })
	b = appendByLot(append(b, ", state = "...), lots, func(b []byte, l *lot) []byte { return appendLiteral(b, string(l.State)) })
	b = appendByLot(append(b, ", closes_us = "...), lots, func(b []byte, l *lot) []byte { return strconv.AppendInt(b, l.ClosesUs, 10) })
	b = appendByLot(append(b, ", stock = stock + "...), lots, added)
	b = strconv.AppendInt(append(b, " WHERE shard = "...), int64(shard), 10)
	b = append(b, " AND id IN ("...)
	for i, l := range lots {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendID(b, l.ID)
	}
	b = appendByLot(append(b, ") AND sold + "...), lots, delta)
	b = appendByLot(append(b, " <= stock + "...), lots, added)
	b = appendByLot(append(b, " AND sold + "...), lots, delta)
	return append(b, " >= 0"...)
}

// appendByLot appends the value that each lot has, in the fewest words: one that all share stands alone.
func appendByLot(b []byte, lots []*lot, value func(b []byte, l *lot) []byte) []byte {
	first := string(value(nil, lots[0]))
	one := true
	for _, l := range lots[1:] {
		one = one && string(value(nil, l)) == first
	}
	if one {
		return append(append(append(b, '('), first...), ')')
	}
	b = append(b, "CASE id"...)
	for _, l := range lots {
		b = appendID(append(b, " WHEN "...), l.ID)
		b = value(append(b, " THEN "...), l)
	}
	return append(b, " END"...)
}

func appendID(b []byte, id db.ID) []byte { return appendHex(b, id[:]) }
