package store

import (
	"strings"
	"testing"

	"rostrum/auction"
	"rostrum/store/db"
)

func TestOneStatementForManyLots(t *testing.T) {
	lotOf := func(id byte, delta, added int64) *lot {
		return &lot{Lot: db.Lot{ID: db.ID{15: id}, Version: int64(id), State: auction.LotOpen, ClosesUs: 9}, delta: delta, added: added}
	}
	a, b := "x'"+strings.Repeat("0", 31)+"1'", "x'"+strings.Repeat("0", 31)+"2'"
	got := string(appendLots(nil, 3, []*lot{lotOf(1, 5, 0), lotOf(2, -1, 0)}))
	delta := "CASE id WHEN " + a + " THEN 5 WHEN " + b + " THEN -1 END"
	want := "UPDATE lots SET sold = sold + " + delta + ", version = CASE id WHEN " + a + " THEN 1 WHEN " + b + " THEN 2 END, state = ('open'), " +
		"closes_us = (9), stock = stock + (0) WHERE shard = 3 AND id IN (" + a + "," + b + ") AND sold + " + delta + " <= stock + (0) AND sold + " + delta + " >= 0"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestOneStatementForManyPositions(t *testing.T) {
	got := string(appendRaise(nil, []string{"a", "it's"}, []int{2, 7}, map[int]int64{2: 20, 7: 70}))
	seq := "CASE shard WHEN 2 THEN 20 WHEN 7 THEN 70 END"
	if want := "UPDATE published SET seq = " + seq + " WHERE topic IN ('a',x'69742773') AND shard IN (2,7) AND seq <= " + seq; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
