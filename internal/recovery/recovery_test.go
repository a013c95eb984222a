package recovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// world is a shard seen from all sides: each call is noted in order, and one of them can be told to fail.
type world struct {
	calls    []string
	fail     string
	vouch    auction.Vouch
	position auction.Position
	end      int64 // of the partition, after draining
	applied  int64 // offsets the consumer applies a look
	lots     []auction.Lot
	excused  []auction.Span
	records  []auction.Record
	loaded   auction.ShardState
	journal  []auction.Record
	wrong    bool   // the gate counts something else than was loaded
	taken    int    // looks until another process lets the lease go
	forgets  string // when the ledger fails over to a copy that lacks its newest record
}

var deployment = uuid.MustParse("018f0000-0000-7000-8000-000000000001")

func (w *world) call(what string) error {
	if n := len(w.calls); n == 0 || w.calls[n-1] != what {
		w.calls = append(w.calls, what)
	}
	if w.fail == what {
		return errors.New("broken " + what)
	}
	if w.forgets == what {
		w.position.Seq, w.forgets = w.position.Seq-1, ""
	}
	return nil
}

func (w *world) Vouched(context.Context, int) (auction.Vouch, error) {
	return w.vouch, w.call("vouched")
}
func (w *world) BeginLoad(context.Context, int) (string, error) { return "token", w.call("begin") }
func (w *world) Loading(_ context.Context, _ int, token string) error {
	if token != "token" {
		return errors.New("another token")
	}
	return w.call("loading")
}
func (w *world) Load(_ context.Context, token string, s auction.ShardState, journal []auction.Record) (auction.Digest, error) {
	if token != "token" {
		return auction.Digest{}, errors.New("another token")
	}
	w.loaded, w.journal = s, journal
	d := s.Digest()
	if w.wrong {
		d.Left++
	}
	return d, w.call("load")
}
func (w *world) Vouch(_ context.Context, _ int, epoch int64) error {
	w.vouch = auction.Vouch{Valid: true, Epoch: epoch, Seq: w.loaded.Seq}
	return w.call("vouch")
}
func (w *world) Disown(context.Context, int) error { w.vouch.Valid = false; return w.call("disown") }
func (w *world) Holds(context.Context, int, uuid.UUID) (auction.LotBook, error) {
	return auction.LotBook{}, fault.New(fault.NotFound, "lot_not_loaded", "")
}
func (w *world) Identity(_ context.Context, d auction.Deployment) (auction.Deployment, error) {
	return d, nil
}
func (w *world) Hold(context.Context, string, string, time.Duration) (bool, error) {
	w.taken--
	return w.taken < 0, w.call("hold")
}
func (w *world) Leave(context.Context, string, string) error { return w.call("leave") }

func (w *world) Position(context.Context, int) (auction.Position, error) {
	p := w.position
	w.position.NextOffset = min(w.position.NextOffset+w.applied, w.end)
	if w.fail == "position" {
		return p, errors.New("broken position")
	}
	return p, nil
}
func (w *world) Cut(_ context.Context, shard int, drained auction.Cursor, nowUS int64) ([]auction.Record, auction.Position, error) {
	if err := w.call("cut"); err != nil || w.position.At().Before(drained) {
		return nil, auction.Position{}, cmp.Or(err, error(fault.New(fault.Unavailable, "forgotten", "")))
	}
	w.position.Epoch, w.position.Seq = w.position.Epoch+1, w.position.Seq+1
	r := auction.Record{Deployment: deployment, Shard: shard, Epoch: w.position.Epoch, Seq: w.position.Seq,
		Kind: auction.KindCut, TimeUS: nowUS, Reason: "recovery"}
	return []auction.Record{r}, w.position, nil
}
func (w *world) LotsToLoad(_ context.Context, _ int, after uuid.UUID, limit int) ([]auction.Lot, error) {
	i := slices.IndexFunc(w.lots, func(l auction.Lot) bool { return slices.Compare(l.ID[:], after[:]) > 0 })
	if i < 0 {
		return nil, w.call("lots")
	}
	return w.lots[i:min(i+limit, len(w.lots))], w.call("lots")
}
func (w *world) LotRecords(_ context.Context, _ int, lot uuid.UUID, after int64, limit int) ([]auction.Record, error) {
	var of []auction.Record
	for _, r := range w.records {
		if r.Lot == lot && r.Seq > after && len(of) < limit {
			of = append(of, r)
		}
	}
	return of, w.call("records")
}
func (w *world) Excused(context.Context, int) ([]auction.Span, error) {
	return w.excused, w.call("excused")
}
func (w *world) Drain(context.Context, int) (int64, error) { return w.end, w.call("drain") }

func (w *world) recovery() *Recovery {
	return New(w, w, w, Options{Deployment: deployment, Owner: "me", Lease: time.Second, PageLots: 2, DrainTimeout: 5 * time.Second})
}

// sold is a shard with three open lots, each sold once, whose records interleave.
func sold() *world {
	now := time.Now().UnixMicro()
	w := &world{position: auction.Position{Epoch: 3, Seq: 20, NextOffset: 30, AliveUS: now - 10e6}, end: 40, applied: 4}
	for n := byte(1); n <= 3; n++ {
		w.lots = append(w.lots, auction.Lot{ID: uuid.UUID{15: n}, Format: auction.Flash, Stock: 5, PerBuyer: 1, PriceMinor: 100,
			Currency: "EUR", State: auction.LotOpen, OpensUS: now - 60e6, ClosesUS: now + 60e6})
	}
	for seq := int64(11); seq <= 16; seq++ {
		w.records = append(w.records, auction.Record{Deployment: deployment, Epoch: 3, Seq: seq, Kind: auction.KindBid,
			Lot: w.lots[seq%3].ID, Version: 1 + (seq-11)/3, TimeUS: now - 20e6, Bid: uuid.UUID{0: 1, 15: byte(seq)},
			Buyer: uuid.UUID{0: 2, 15: byte(seq)}, Order: uuid.UUID{0: 3, 15: byte(seq)}, Quantity: 1, Nth: []int{1},
			PriceMinor: 100, Currency: "EUR"})
	}
	return w
}

func TestFiveStepsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sold()
		began := time.Now()
		did, err := w.recovery().Shard(t.Context(), 0)
		if err != nil || !did {
			t.Fatalf("recovered %v, error %v", did, err)
		}
		want := []string{"vouched", "hold", "vouched", "begin", "drain", "hold", "loading", "cut", "lots", "records", "excused", "load", "vouch"}
		if !slices.Equal(w.calls, want) {
			t.Errorf("calls %v, want %v", w.calls, want)
		}
		if waited := time.Since(began); waited < time.Second {
			t.Errorf("waited %s for the old relay, whose lease may live a second more", waited)
		}
		if w.position.NextOffset != 40 || w.vouch.Epoch != 4 {
			t.Errorf("position %+v, vouched epoch %d", w.position, w.vouch.Epoch)
		}
	})
}

func TestLoadedStateIsTheStoredJournalWithTheLostTimeGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sold()
		if _, err := w.recovery().Shard(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		d := w.loaded.Digest()
		if d.Lots != 3 || d.Left != 9 || d.Units != 6 || d.Admitted != 6 || d.Open != 3 {
			t.Errorf("loaded %+v", d)
		}
		if kinds := len(w.journal); kinds != 4 || w.journal[0].Kind != auction.KindCut || w.journal[3].Kind != auction.KindResumed {
			t.Fatalf("the journal begins with %d records %+v", kinds, w.journal)
		}
		for i, r := range w.journal {
			if r.Epoch != 4 || r.Seq != 21+int64(i) {
				t.Errorf("journal record %d is %s", i, r.ID())
			}
		}
		lost := time.Now().UnixMicro() - (w.lots[0].OpensUS + 50e6) // from the last sign of life
		for _, l := range w.loaded.Lots {
			if credit := l.ClosesUS - w.lots[0].ClosesUS; credit != lost {
				t.Errorf("lot %s got %d µs back of %d", l.ID, credit, lost)
			}
		}
		if w.loaded.Seq != w.journal[3].Seq {
			t.Errorf("state ends at %d, journal at %d", w.loaded.Seq, w.journal[3].Seq)
		}
	})
}

func TestAFailedStepLeavesTheShardPaused(t *testing.T) {
	for _, step := range []string{"vouched", "hold", "position", "begin", "drain", "loading", "cut", "lots", "records", "excused", "load"} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := sold()
				w.fail = step
				did, err := w.recovery().Shard(t.Context(), 0)
				if did || err == nil || !strings.Contains(err.Error(), "broken "+step) {
					t.Errorf("recovered %v, error %v", did, err)
				}
				if w.vouch.Valid {
					t.Error("vouched all the same")
				}
				w.fail = ""
				if did, err := w.recovery().Shard(t.Context(), 0); err != nil || !did {
					t.Errorf("walked again: recovered %v, error %v", did, err)
				}
			})
		})
	}
}

// The ledger fails over to a copy that knows less, after it was drained or after it was cut: what it lacks is neither made an
// orphan nor left out of what is loaded. The road is walked again from its beginning.
func TestALedgerThatForgetsIsDrainedAgain(t *testing.T) {
	for _, when := range []string{"cut", "lots", "records"} {
		synctest.Test(t, func(t *testing.T) {
			w := sold()
			w.forgets = when
			did, err := w.recovery().Shard(t.Context(), 0)
			if did || fault.CodeOf(err) != "forgotten" || w.vouch.Valid || slices.Contains(w.calls, "load") {
				t.Errorf("%s: recovered %v, error %v, calls %v", when, did, err, w.calls)
			}
			if did, err = w.recovery().Shard(t.Context(), 0); err != nil || !did || !w.vouch.Valid {
				t.Errorf("%s, again: recovered %v, error %v", when, did, err)
			}
		})
	}
}

func TestADifferentCountIsNotVouchedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sold()
		w.wrong = true
		if _, err := w.recovery().Shard(t.Context(), 0); err == nil || w.vouch.Valid {
			t.Errorf("error %v, vouched %v", err, w.vouch.Valid)
		}
	})
}

func TestNoWorkerIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sold()
		w.applied = 0
		_, err := w.recovery().Shard(t.Context(), 0)
		if err == nil || !strings.Contains(err.Error(), "offset 30 of 40 (is a worker running?)") {
			t.Errorf("error %v", err)
		}
		if slices.Contains(w.calls, "cut") {
			t.Error("cut before Kafka was applied")
		}
	})
}

func TestAHaltedShardIsNotRecovered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sold()
		w.position.Halted = "fork at seq 20"
		if _, err := w.recovery().Shard(t.Context(), 0); fault.CodeOf(err) != "shard_halted" {
			t.Errorf("error %v", err)
		}
	})
}

func TestVouchedShards(t *testing.T) {
	for name, c := range map[string]struct {
		vouch   auction.Vouch
		away    bool
		recover bool
	}{
		"goes on":                        {vouch: auction.Vouch{Valid: true, Epoch: 3, Seq: 25}},
		"goes on, nothing new decided":   {vouch: auction.Vouch{Valid: true, Epoch: 3, Seq: 20}},
		"goes on with MySQL away":        {vouch: auction.Vouch{Valid: true, Epoch: 2, Seq: 25}, away: true},
		"MySQL forgot, Kafka tells":      {vouch: auction.Vouch{Valid: true, Epoch: 4, Seq: 25}},
		"decides in an epoch that ended": {vouch: auction.Vouch{Valid: true, Epoch: 2, Seq: 25}, recover: true},
		"knows less than MySQL":          {vouch: auction.Vouch{Valid: true, Epoch: 3, Seq: 19}, recover: true},
		"another process":                {vouch: auction.Vouch{Valid: false, Epoch: 3, Seq: 20}, recover: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := sold()
				w.vouch = c.vouch
				if c.away {
					w.fail = "position"
				}
				did, err := w.recovery().Shard(t.Context(), 0)
				if err != nil || did != c.recover {
					t.Errorf("recovered %v, error %v", did, err)
				}
			})
		})
	}
}

func TestAFirstStartDoesNotWaitForARelayThatNeverWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, began := &world{}, time.Now()
		if did, err := w.recovery().Shard(t.Context(), 0); err != nil || !did {
			t.Fatal(did, err)
		}
		if waited := time.Since(began); waited > 100*time.Millisecond {
			t.Errorf("waited %s", waited)
		}
		if len(w.journal) != 1 {
			t.Errorf("gave time back on a first start: %+v", w.journal)
		}
	})
}

func TestItWaitsForTheLeaseOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sold()
		w.taken = 10
		if did, err := w.recovery().Shard(t.Context(), 0); err != nil || !did {
			t.Fatal(did, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w = sold()
		w.taken = 1 << 30
		if _, err := w.recovery().Shard(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a lease that never comes free gives %v", err)
		}
		if fmt.Sprint(w.calls) != "[vouched hold]" {
			t.Errorf("calls %v", w.calls)
		}
	})
}
