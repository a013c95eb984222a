package pipeline

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"rostrum/auction"
	"rostrum/auction/auctiontest"
)

// leaseDesk answers as it is told, and counts.
type leaseDesk struct {
	ok    bool
	err   error
	asked int
}

func (l *leaseDesk) Hold(context.Context, string, string, time.Duration) (bool, error) {
	l.asked++
	return l.ok, l.err
}

func (l *leaseDesk) Leave(context.Context, string, string) error { return nil }

func TestHold(t *testing.T) {
	away := errors.New("redis away")
	type step struct {
		after int // ms since the step before
		ok    bool
		err   error
		want  bool
		asked int  // in all
		begun bool // work begun under the lease goes on
	}
	cases := map[string][]step{
		"renewed when a third is gone": {{0, true, nil, true, 1, false}, {900, true, nil, true, 1, true}, {200, true, nil, true, 2, true}, {900, true, nil, true, 2, true}},
		"somebody else has it":         {{0, false, nil, false, 1, false}, {1000, false, nil, false, 2, false}, {1000, true, nil, true, 3, false}},
		"taken away":                   {{0, true, nil, true, 1, false}, {1100, false, nil, false, 2, false}, {1, true, nil, true, 3, false}},
		"ran out and had again":        {{0, true, nil, true, 1, false}, {3001, true, nil, true, 2, false}},
		"redis away: used for half of it, then no more": {{0, true, nil, true, 1, false}, {1400, false, away, true, 2, true}, {200, false, away, false, 3, true},
			{200, true, nil, true, 4, true}},
		"redis away from the start": {{0, false, away, false, 1, false}},
	}
	for name, steps := range cases {
		now, desk := time.Unix(1_770_000_000, 0), &leaseDesk{}
		r := NewRelay(&Kafka{o: Options{Shards: 1}}, &auctiontest.Journal{}, nil, desk,
			RelayOptions{Lease: 3 * time.Second, Clock: func() time.Time { return now }})
		s := r.shards[0]
		for i, at := range steps {
			now, desk.ok, desk.err = now.Add(time.Duration(at.after)*time.Millisecond), at.ok, at.err
			got := s.hold(context.Background())
			if got != at.want || desk.asked != at.asked || s.begun != at.begun {
				t.Errorf("%s, step %d: hold %v, asked %d, begun %v; want %+v", name, i, got, desk.asked, s.begun, at)
			}
			s.begun = s.begun || got
		}
	}
}

func carrierOf(j auction.Journal, maxBatch, maxBytes int) *carrier {
	return &carrier{journal: j, log: slog.New(slog.DiscardHandler), maxBatch: maxBatch, maxBytes: maxBytes}
}

func journalOf(n int) (*auctiontest.Journal, []auction.Record) {
	j, bid := &auctiontest.Journal{}, sampleRecords()[2]
	var records []auction.Record
	for i := range n {
		bid.Shard, bid.Seq = 0, int64(i+1)
		records = append(records, bid)
	}
	j.Append(records...)
	return j, records
}

func TestReadPacksByBytes(t *testing.T) {
	j, records := journalOf(10)
	m, err := Envelope(records[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ batch, bytes, want int }{
		{1000, 1 << 20, 10}, {4, 1 << 20, 4}, {1000, 3 * len(m.Value), 3}, {1000, 3*len(m.Value) + 1, 3}, {1000, 1, 1},
	} {
		messages, upTo, err := carrierOf(j, c.batch, c.bytes).read(context.Background())
		if err != nil || len(messages) != c.want || upTo != records[c.want-1].At() {
			t.Errorf("%+v: %d messages up to %v, %v", c, len(messages), upTo, err)
		}
	}
}

func TestReadStopsAtPoison(t *testing.T) {
	j, records := journalOf(10)
	j.Poison(0, records[6].At())
	c := carrierOf(j, 1000, 1<<20)
	for c.acked.Seq < 6 {
		messages, upTo, err := c.read(context.Background())
		if err != nil || len(messages) == 0 {
			t.Fatalf("after %v: %d messages, %v", c.acked, len(messages), err)
		}
		c.acked = upTo
	}
	if _, upTo, err := c.read(context.Background()); !errors.Is(err, errPoison) || upTo != records[5].At() {
		t.Errorf("at the poison: up to %v, %v", upTo, err)
	}
}

// TestReadStopsAtWhatCannotBeSent: a record that is wrong in itself is poison too, and what is before it goes out first.
func TestReadStopsAtWhatCannotBeSent(t *testing.T) {
	for name, spoil := range map[string]func(*auction.Record){
		"wrong":     func(r *auction.Record) { r.Currency = "" },
		"too large": func(r *auction.Record) { r.Reason = strings.Repeat("x", auction.MaxRecordBytes) },
	} {
		j, records := journalOf(2)
		bad := records[1]
		bad.Seq++
		spoil(&bad)
		j.Append(bad)
		c := carrierOf(j, 1000, 1<<20)
		messages, upTo, err := c.read(context.Background())
		if err != nil || len(messages) != 2 {
			t.Fatalf("%s: %d messages, %v", name, len(messages), err)
		}
		c.acked = upTo
		if _, _, err := c.read(context.Background()); !errors.Is(err, errPoison) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTroubleIsToldOnce(t *testing.T) {
	var out bytes.Buffer
	x := trouble{log: slog.New(slog.NewTextHandler(&out, nil))}
	for _, err := range []error{nil, errors.New("a"), errors.New("b"), nil, nil, errors.New("c")} {
		x.note("relaying", err)
	}
	if fails, works := strings.Count(out.String(), "fails"), strings.Count(out.String(), "again"); fails != 2 || works != 1 {
		t.Errorf("%d failures and %d recoveries told:\n%s", fails, works, &out)
	}
}
