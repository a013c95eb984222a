package auctiontest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

var (
	ctx        = context.Background()
	deployment = auction.Deployment{ID: uuid.MustParse("01939c00-0000-7000-8000-000000000001"), Shards: 2}
	lot        = uuid.MustParse("01939c00-0000-7000-8000-000000000002")
)

func closed(seq int64) auction.Record {
	return auction.Record{Deployment: deployment.ID, Epoch: 1, Seq: seq, Kind: auction.KindClosed, Lot: lot, Version: seq, TimeUS: seq, Reason: "time"}
}

func delivery(t *testing.T, r auction.Record, offset int64) auction.Delivery {
	t.Helper()
	raw, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return auction.Delivery{Record: r, Raw: raw, Offset: offset}
}

func TestJournal(t *testing.T) {
	var j Journal
	if s, err := j.Stats(ctx, 0); err != nil || s != (auction.JournalStats{}) {
		t.Errorf("empty: %+v, %v", s, err)
	}
	j.Append(closed(1), closed(2), closed(3), closed(4))
	read := func(after int64, most int) []auction.Record {
		t.Helper()
		records, err := j.Read(ctx, 0, auction.Cursor{Epoch: 1, Seq: after}, most)
		if err != nil {
			t.Fatal(err)
		}
		return records
	}
	if diff := cmp.Diff([]auction.Record{closed(2), closed(3)}, read(1, 2)); diff != "" {
		t.Error(diff)
	}
	if err := j.Trim(ctx, 0, auction.Cursor{Epoch: 1, Seq: 2}); err != nil || len(read(0, 9)) != 2 || len(read(4, 9)) != 0 {
		t.Errorf("trimmed: %v, %v", read(0, 9), err)
	}
	want := auction.JournalStats{Length: 2, First: closed(3).At(), Last: closed(4).At(), OldestUS: 3}
	if s, err := j.Stats(ctx, 0); err != nil || s != want {
		t.Errorf("stats %+v, %v", s, err)
	}
	j.Poison(0, closed(4).At())
	if _, err := j.Read(ctx, 0, auction.Cursor{}, 9); fault.CodeOf(err) != "journal_damaged" || len(read(0, 1)) != 1 {
		t.Errorf("read over poison: %v", err)
	}
}

func TestLeases(t *testing.T) {
	now := time.Unix(1, 0)
	l := &Leases{Now: func() time.Time { return now }}
	for i, step := range []struct {
		after int // s
		owner string
		leave bool
		want  bool
	}{{0, "a", false, true}, {1, "b", false, false}, {1, "a", false, true}, {2, "b", false, false}, {2, "b", false, true}, {0, "a", true, false},
		{0, "a", false, false}, {0, "b", true, false}, {0, "a", false, true}} {
		now = now.Add(time.Duration(step.after) * time.Second)
		if step.leave {
			if err := l.Leave(ctx, "x", step.owner); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if ok, err := l.Hold(ctx, "x", step.owner, 3*time.Second); ok != step.want || err != nil {
			t.Errorf("step %d: %v, %v", i, ok, err)
		}
	}
	if l.Owner("x") != "a" || l.Owner("y") != "" {
		t.Errorf("owners %q and %q", l.Owner("x"), l.Owner("y"))
	}
}

func TestLedgerAppliesOnce(t *testing.T) {
	l := NewLedger(deployment)
	records, p, err := l.Cut(ctx, 0, auction.Cursor{}, 1)
	if err != nil || len(records) != 2 || p.Seq != 2 || p.Epoch != 1 {
		t.Fatalf("first cut: %+v, %+v, %v", records, p, err)
	}
	if _, _, err := l.Cut(ctx, 0, auction.Cursor{}, 1); fault.CodeOf(err) != "overtaken" {
		t.Errorf("a second cut by who has not seen the first: %v", err)
	}
	batch := []auction.Delivery{delivery(t, records[0], 0), delivery(t, records[1], 1), delivery(t, closed(3), 2), delivery(t, closed(5), 3)}
	a, err := l.Apply(ctx, 0, batch)
	if err != nil || a.Records != 1 || a.Duplicates != 2 || a.AheadSeq != 5 || a.Position.NextOffset != 3 {
		t.Fatalf("%+v, %v", a, err)
	}
	if a, err = l.Apply(ctx, 0, []auction.Delivery{delivery(t, closed(4), 4), delivery(t, closed(5), 5)}); err != nil || a.Records != 2 || a.AheadSeq != 0 {
		t.Errorf("%+v, %v", a, err)
	}
	other := closed(4)
	other.Reason = "operator"
	if _, err = l.Apply(ctx, 0, []auction.Delivery{delivery(t, other, 6)}); fault.CodeOf(err) != "fork" {
		t.Errorf("fork: %v", err)
	}
	if _, err = l.Apply(ctx, 0, nil); fault.CodeOf(err) != "shard_halted" {
		t.Errorf("halted: %v", err)
	}
	if got := l.Applied(0); len(got) != 5 || got[4].Seq != 5 || len(l.Applied(1)) != 0 {
		t.Errorf("applied %+v", got)
	}
}

func TestLedgerHooks(t *testing.T) {
	l := NewLedger(deployment)
	away := errors.New("away")
	l.Before = func(method string, shard int) error {
		if method == "Apply" && shard == 1 {
			return away
		}
		return nil
	}
	l.After = func(string, int) error { return away }
	genesis := auction.Record{Deployment: deployment.ID, Epoch: 1, Seq: 1, Kind: auction.KindGenesis, TimeUS: 1, Shards: 2}
	if _, err := l.Apply(ctx, 1, []auction.Delivery{delivery(t, genesis, 0)}); !errors.Is(err, away) || len(l.Applied(1)) != 0 {
		t.Errorf("refused before: %v, applied %v", err, l.Applied(1))
	}
	if _, err := l.Apply(ctx, 0, []auction.Delivery{delivery(t, genesis, 0)}); !errors.Is(err, away) || len(l.Applied(0)) != 1 {
		t.Errorf("lost after: %v, applied %v", err, l.Applied(0))
	}
}

func TestLedgerIsSteered(t *testing.T) {
	l := NewLedger(deployment)
	if _, _, err := l.Cut(ctx, 0, auction.Cursor{}, 1); err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		what string
		do   func() error
		want auction.Position
	}{
		{"note", func() error { return l.NoteGap(ctx, 0, 3, 7) }, auction.Position{Epoch: 1, Seq: 2, GapSeq: 3, GapSinceUS: 7}},
		{"halt", func() error { return l.Halt(ctx, 0, "why") }, auction.Position{Epoch: 1, Seq: 2, GapSeq: 3, GapSinceUS: 7, Halted: "why"}},
		{"accept", func() error { return l.AcceptGap(ctx, 0, 6) }, auction.Position{Epoch: 1, Seq: 5}},
		{"alive", func() error { return l.Alive(ctx, []int{0}, 9) }, auction.Position{Epoch: 1, Seq: 5, AliveUS: 9}},
		{"rewind", func() error { return l.Rewind(ctx, 0, 4) }, auction.Position{Epoch: 1, Seq: 5, AliveUS: 9, NextOffset: 4}},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatalf("%s: %v", s.what, err)
		}
		if p, err := l.Position(ctx, 0); err != nil || p != s.want {
			t.Errorf("%s: %+v, want %+v (%v)", s.what, p, s.want, err)
		}
	}
	if err := l.AcceptGap(ctx, 0, 6); fault.CodeOf(err) != "no_gap" {
		t.Errorf("accept what is no gap: %v", err)
	}
	if _, err := l.Deployment(ctx, auction.Deployment{ID: lot, Shards: 2}); fault.CodeOf(err) != "deployment_differs" {
		t.Errorf("another deployment: %v", err)
	}
}
