package store

import (
	"context"
	"slices"
	"strconv"
)

// Statements that change several rows by their keys, each in its own way, as text: CASE key WHEN … THEN … END. As everywhere
// in WHERE and on the right of SET, a column there is what the row had before.

// change is one row's key and values, in the texts that the statement has of them.
type change struct {
	key    string
	values []string
}

func number64(n int64) string { return strconv.FormatInt(n, 10) }

// appendKeys appends the keys of changes, in parentheses.
func appendKeys(b []byte, changes []change) []byte {
	for i, c := range changes {
		b = append(append(b, "(,"[min(i, 1)]), c.key...)
	}
	return append(b, ')')
}

// appendCase appends the n-th value of each change, in the fewest words: one that all share stands alone.
func appendCase(b []byte, key string, changes []change, n int) []byte {
	first := changes[0].values[n]
	if !slices.ContainsFunc(changes, func(c change) bool { return c.values[n] != first }) {
		return append(append(append(b, '('), first...), ')')
	}
	b = append(append(b, "CASE "...), key...)
	for _, c := range changes {
		b = append(append(b, " WHEN "...), c.key...)
		b = append(append(b, " THEN "...), c.values[n]...)
	}
	return append(b, " END"...)
}

// maxLotsAtOnce bounds the lots of one UPDATE: the server looks for each of its values among all of them.
const maxLotsAtOnce = 50

// updateLots writes lots, at most maxLotsAtOnce, by one statement, and gives how many rows it found: as many as lots, or
// ApplyToLot's guard has refused one of them.
func (b *batch) updateLots(ctx context.Context, lots []*lot) (int64, error) {
	b.scratch = appendLots(b.scratch[:0], b.shard, lots)
	result, err := b.conn.ExecContext(ctx, string(b.scratch))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// appendLots is ApplyToLot for several lots.
func appendLots(b []byte, shard int, lots []*lot) []byte {
	const delta, version, state, closes, added = 0, 1, 2, 3, 4
	changes := make([]change, len(lots))
	for i, l := range lots {
		changes[i] = change{string(appendHex(nil, l.ID[:])), []string{delta: number64(l.delta), version: number64(l.Version),
			state: string(appendLiteral(nil, string(l.State))), closes: number64(l.ClosesUs), added: number64(l.added)}}
	}
	b = appendCase(append(b, "UPDATE lots SET sold = sold + "...), "id", changes, delta)
	b = appendCase(append(b, ", version = "...), "id", changes, version)
	b = appendCase(append(b, ", state = "...), "id", changes, state)
	b = appendCase(append(b, ", closes_us = "...), "id", changes, closes)
	b = appendCase(append(b, ", stock = stock + "...), "id", changes, added)
	b = append(strconv.AppendInt(append(b, " WHERE shard = "...), int64(shard), 10), " AND id IN "...)
	b = appendCase(append(appendKeys(b, changes), " AND sold + "...), "id", changes, delta)
	b = appendCase(append(b, " <= stock + "...), "id", changes, added)
	b = appendCase(append(b, " AND sold + "...), "id", changes, delta)
	return append(b, " >= 0"...)
}

// appendRaise is RaisePublished for several shards and topics.
func appendRaise(b []byte, topics []string, shards []int, seqs map[int]int64) []byte {
	names, changes := make([]change, len(topics)), make([]change, len(shards))
	for i, topic := range topics {
		names[i].key = string(appendLiteral(nil, topic))
	}
	for i, shard := range shards {
		changes[i] = change{strconv.Itoa(shard), []string{number64(seqs[shard])}}
	}
	b = appendCase(append(b, "UPDATE published SET seq = "...), "shard", changes, 0)
	b = appendKeys(append(b, " WHERE topic IN "...), names)
	b = appendKeys(append(b, " AND shard IN "...), changes)
	return appendCase(append(b, " AND seq <= "...), "shard", changes, 0)
}
