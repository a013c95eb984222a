package pipeline

import (
	"testing"
	"time"

	"rostrum/auction"
	"rostrum/auction/auctiontest"
)

// TestAcknowledgementsAreToldInsideTheLeaseOnly: whoever waits for one must not be released by a relay that may have been
// replaced meanwhile.
func TestAcknowledgementsAreToldInsideTheLeaseOnly(t *testing.T) {
	start := time.Unix(1_770_000_000, 0)
	for name, c := range map[string]struct {
		after time.Duration // from the lease's beginning to the acknowledgement
		told  bool
	}{
		"at once":               {0, true},
		"just before the end":   {3*time.Second - 1, true},
		"at the end":            {3 * time.Second, false},
		"long after the end":    {time.Minute, false},
		"a clock that ran back": {-time.Second, true},
	} {
		now := start
		var heard []auction.Cursor
		r := NewRelay(&Kafka{o: Options{Shards: 2}}, &auctiontest.Journal{}, nil, &leaseDesk{ok: true}, RelayOptions{
			Lease: 3 * time.Second, Clock: func() time.Time { return now },
			Acked: func(shard int, at auction.Cursor) {
				if shard != 1 {
					t.Errorf("%s: told of shard %d", name, shard)
				}
				heard = append(heard, at)
			}})
		s := r.shards[1]
		if !s.hold(t.Context()) {
			t.Fatal("no lease")
		}
		s.acked = auction.Cursor{Epoch: 2, Seq: 7}
		now = start.Add(c.after)
		s.acknowledged()
		if c.told != (len(heard) == 1) || c.told && heard[0] != s.acked {
			t.Errorf("%s: told %v, want told %v of %v", name, heard, c.told, s.acked)
		}
	}
}

// TestWhatWasReadAheadIsUsedOnlyWhereItBelongs: after a failure, a resend or a new lease the cursor is elsewhere.
func TestWhatWasReadAheadIsUsedOnlyWhereItBelongs(t *testing.T) {
	j, records := journalOf(30)
	c := carrierOf(j, 10, 1<<20)
	after := func(n int) int64 {
		t.Helper()
		messages, upTo, err := c.read(t.Context())
		if err != nil || len(messages) == 0 {
			t.Fatalf("%d messages, %v", len(messages), err)
		}
		if first := upTo.Seq - int64(len(messages)); first != int64(n) {
			t.Errorf("read on after %d, want %d", first, n)
		}
		return upTo.Seq
	}
	after(0)
	after(0) // the request failed: from the first unacknowledged again
	c.acked = records[9].At()
	c.settleInto(t, records[10:20])
	j.Trim(t.Context(), 0, records[29].At()) // nobody else could give it now
	if upTo := after(10); upTo != 20 {
		t.Errorf("read up to %d", upTo)
	}
	c.acked = records[19].At()
	if messages, _, err := c.read(t.Context()); len(messages) != 0 || err != nil {
		t.Errorf("what was read ahead was given twice: %d, %v", len(messages), err)
	}
}

// settleInto waits for what is read ahead, checks it, and lays it back.
func (c *carrier) settleInto(t *testing.T, want []auction.Record) {
	t.Helper()
	records := c.settle()
	if len(records) != len(want) || records[0].At() != want[0].At() {
		t.Fatalf("%d records were read ahead, want %d", len(records), len(want))
	}
	c.ahead = make(chan []auction.Record, 1)
	c.ahead <- records
}
