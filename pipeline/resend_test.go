package pipeline

import (
	"testing"
	"time"

	"rostrum/auction"
)

func TestResend(t *testing.T) {
	at := func(seq int64) auction.Position { return auction.Position{Epoch: 1, Seq: seq} }
	gap := func(p auction.Position, seq, since int64) auction.Position {
		p.GapSeq, p.GapSinceUS = seq, since
		return p
	}
	halted := func(p auction.Position) auction.Position { p.Halted = "fork"; return p }
	type look struct {
		seconds  float64 // since the look before
		position auction.Position
		acked    int64
		want     bool
	}
	cases := map[string][]look{
		"moves, however slowly": {{1, at(1), 9, false}, {1, at(2), 9, false}, {1.9, at(3), 9, false}, {1.9, at(4), 9, false}, {1.9, at(5), 9, false}},
		"nothing to send":       {{1, at(9), 9, false}, {1, at(9), 9, false}, {2, at(9), 9, false}, {2, at(9), 9, false}},
		"stands still: again after 4 s, then 8, then 10 at most": {
			{1, at(5), 9, false}, {2, at(5), 9, false}, {1.9, at(5), 9, false}, {0.1, at(5), 9, true},
			{2, at(5), 9, false}, {2, at(5), 9, false}, {2, at(5), 9, false}, {1.9, at(5), 9, false}, {0.1, at(5), 9, true},
			{2, at(5), 9, false}, {2, at(5), 9, false}, {2, at(5), 9, false}, {2, at(5), 9, false}, {2, at(5), 9, true},
			{2, at(5), 9, false}, {2, at(5), 9, false}, {2, at(5), 9, false}, {2, at(5), 9, false}, {2, at(5), 9, true}},
		"moved once: 4 s again":                           {{1, at(5), 9, false}, {2, at(5), 9, false}, {2, at(5), 9, true}, {1, at(6), 9, false}, {2, at(6), 9, false}, {2, at(6), 9, true}},
		"the ledger was away, which is no standing still": {{1, at(5), 9, false}, {600, at(5), 9, false}, {2, at(5), 9, false}, {2, at(5), 9, true}},
		"a gap is answered at once, and once": {{1, at(5), 9, false}, {1, gap(at(5), 6, 1), 9, true}, {1, gap(at(5), 6, 1), 9, false}, {2, gap(at(5), 6, 1), 9, false},
			{1.5, gap(at(5), 6, 1), 9, true}},
		"the same gap, noted anew":  {{1, gap(at(5), 6, 1), 9, true}, {1, gap(at(5), 6, 2), 9, true}, {1, gap(at(5), 6, 2), 9, false}},
		"a gap that was filled":     {{1, gap(at(8), 6, 1), 9, false}},
		"a halted shard is let be":  {{1, halted(at(5)), 9, false}, {2, halted(gap(at(5), 6, 1)), 9, false}, {2, halted(at(5)), 9, false}, {2, halted(at(5)), 9, false}, {1, gap(at(5), 6, 1), 9, true}},
		"the position is of before": {{1, at(5), 9, false}, {1, at(3), 9, false}, {2, at(3), 9, false}, {2, at(3), 9, true}},
	}
	for name, looks := range cases {
		x := resend{after: 4 * time.Second, longest: 10 * time.Second}
		now := time.Unix(1_770_000_000, 0)
		for i, l := range looks {
			now = now.Add(time.Duration(l.seconds * float64(time.Second)))
			if got := x.due(now, l.position, auction.Cursor{Epoch: 1, Seq: l.acked}); got != l.want {
				t.Errorf("%s: look %d says %v", name, i, got)
			}
		}
	}
}

func TestBackoff(t *testing.T) {
	b := backoff{first: 5, last: 50}
	for i, want := range []time.Duration{5, 10, 20, 40, 50, 50} {
		if got := b.grow(); got != want {
			t.Errorf("wait %d is %d, want %d", i, got, want)
		}
	}
	if b.reset(); b.grow() != 5 {
		t.Error("reset does not begin again")
	}
}
