package auction_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"rostrum/auction"
)

// road is a shard's way from the gate to the database, with everything that may happen on it: the relay sends any part
// again or leaves one out, a relay that lost its right goes on writing, messages are broken, batches end anywhere, the
// consumer dies before or after its commit, an old consumer commits its batch once more, the database forgets.
type road struct {
	*rapid.T
	truth   []auction.Delivery // what was decided, in order: truth[i] has seq i+1
	log     []auction.Delivery // the partition
	cursor  int                // where the consumer reads
	db      database
	earlier []database // what the database may go back to
	zombies int
}

// database is what one transaction keeps consistent.
type database struct {
	position auction.Position
	stored   map[int64]auction.Stored
	applied  []string
	parked   map[int64]bool // by offset
	orphans  map[int64]bool
}

func (db database) copy() database {
	db.stored, db.parked, db.orphans = maps.Clone(db.stored), maps.Clone(db.parked), maps.Clone(db.orphans)
	db.applied = append([]string(nil), db.applied...)
	return db
}

func newRoad(t *rapid.T) *road {
	r := &road{T: t, db: database{stored: map[int64]auction.Stored{}, parked: map[int64]bool{}, orphans: map[int64]bool{}}}
	r.decide(auction.KindGenesis, 1)
	r.cut()
	return r
}

func (r *road) epoch() int64 { return r.truth[len(r.truth)-1].Record.Epoch }

func (r *road) decide(kind auction.Kind, epoch int64) {
	seq := int64(len(r.truth) + 1)
	r.truth = append(r.truth, auction.Delivery{Raw: fmt.Appendf(nil, "%d/%d %s", epoch, seq, kind),
		Record: auction.Record{Epoch: epoch, Seq: seq, Kind: kind}})
}

// send writes truth[from:to] to the partition.
func (r *road) send(from, to int) {
	for _, d := range r.truth[from:to] {
		d.Offset = int64(len(r.log))
		r.log = append(r.log, d)
	}
}

// cut is recovery: everything on the road is drained first, then the database writes the cut and the consumer begins
// anew at the database's offset.
func (r *road) cut() {
	r.drain()
	epoch := int64(1)
	if len(r.truth) > 1 {
		epoch = r.epoch() + 1
	}
	r.decide(auction.KindCut, epoch)
	for _, d := range r.truth[r.db.position.Seq:] {
		r.db.stored[d.Record.Seq] = auction.Stored{Epoch: d.Record.Epoch, Raw: d.Raw}
		r.db.applied = append(r.db.applied, string(d.Raw))
	}
	r.db.position.Epoch, r.db.position.Seq, r.db.position.AheadSeq = epoch, int64(len(r.truth)), 0
	r.restart()
}

func (r *road) restart() { r.cursor = int(r.db.position.NextOffset) }

// poll applies the next n messages, if the transaction commits.
func (r *road) poll(n int, commits bool) {
	to := min(len(r.log), r.cursor+n)
	r.apply(r.log[r.cursor:to], commits)
	r.cursor = to
}

func (r *road) apply(batch []auction.Delivery, commits bool) {
	s := auction.Sift(r.db.position, r.db.stored, batch)
	if s.Fork != nil {
		r.Fatalf("a fork where there is none: %s and %s", s.Fork.Stored, s.Fork.Got)
	}
	if !commits {
		return
	}
	r.earlier = append(r.earlier, r.db.copy())
	for _, d := range s.Apply {
		if _, twice := r.db.stored[d.Record.Seq]; twice {
			r.Fatalf("%s applied twice", d.Raw)
		}
		r.db.stored[d.Record.Seq] = auction.Stored{Epoch: d.Record.Epoch, Raw: d.Raw}
		r.db.applied = append(r.db.applied, string(d.Raw))
	}
	for _, d := range s.Parked {
		r.db.parked[d.Offset] = true
	}
	for _, d := range s.Orphans {
		r.db.orphans[d.Offset] = true
	}
	r.db.position = s.Next
}

// drain does what recovery does: the journal is sent once more from the position, and all is read, from the offset that
// a restart would begin at.
func (r *road) drain() {
	r.send(int(r.db.position.Seq), len(r.truth))
	r.restart()
	for r.cursor < len(r.log) {
		r.poll(rapid.IntRange(1, 5).Draw(r.T, "batch"), true)
	}
	if len(r.truth) > 1 && r.db.position.Seq != int64(len(r.truth)) {
		r.Fatalf("drained to %d of %d", r.db.position.Seq, len(r.truth))
	}
}

// holds: what was applied is the truth from its beginning, in order; and below the offset to resume from lies nothing
// that is neither applied nor noted.
func (r *road) holds() {
	for n, raw := range r.db.applied {
		if raw != string(r.truth[n].Raw) {
			r.Fatalf("applied %d is %s, decided was %s", n, raw, r.truth[n].Raw)
		}
	}
	p := r.db.position
	if p.Seq != int64(len(r.db.applied)) || p.NextOffset > int64(len(r.log)) {
		r.Fatalf("position %+v with %d applied, %d messages", p, len(r.db.applied), len(r.log))
	}
	for _, d := range r.log[:p.NextOffset] {
		was, ok := r.db.stored[d.Record.Seq]
		applied := ok && d.Record.Seq > 0 && was.Epoch == d.Record.Epoch && bytes.Equal(was.Raw, d.Raw)
		if !applied && !r.db.parked[d.Offset] && !r.db.orphans[d.Offset] {
			r.Fatalf("resumes at %d, beyond %s at %d, which is nowhere", p.NextOffset, d.Raw, d.Offset)
		}
	}
}

// reachable is how far the partition alone can bring a database, read again and again from the first offset.
func (r *road) reachable() int64 {
	p, stored := auction.Position{}, map[int64]auction.Stored{}
	for {
		s := auction.Sift(auction.Position{Epoch: p.Epoch, Seq: p.Seq}, stored, r.log)
		for _, d := range s.Apply {
			stored[d.Record.Seq] = auction.Stored{Epoch: d.Record.Epoch, Raw: d.Raw}
		}
		if p = s.Next; len(s.Apply) == 0 {
			return p.Seq
		}
	}
}

func (r *road) happen(tally map[string]int) {
	n := rapid.IntRange(1, 6).Draw(r.T, "n")
	sent := min(int(r.db.position.Seq), len(r.truth))
	switch op := rapid.IntRange(0, 13).Draw(r.T, "op"); op {
	case 0, 1, 2:
		for range n {
			r.decide(auction.KindBid, r.epoch())
		}
		tally["decide"]++
	case 3, 4: // any part, again or early
		from := rapid.IntRange(0, len(r.truth)-1).Draw(r.T, "from")
		r.send(from, min(len(r.truth), from+n))
		tally["part"]++
	case 5: // what comes next
		r.send(sent, min(len(r.truth), sent+n))
		tally["next"]++
	case 6, 7, 8, 9:
		r.poll(n, true)
		tally["poll"]++
		if r.db.position.AheadSeq > r.db.position.Seq {
			tally["ahead"]++
		}
	case 10: // it dies: before its commit, or after it
		r.poll(n, rapid.Bool().Draw(r.T, "commits"))
		r.restart()
		tally["death"]++
	case 11:
		from := rapid.IntRange(0, r.cursor).Draw(r.T, "from")
		r.apply(r.log[from:min(r.cursor, from+n)], true)
		tally["old consumer"]++
	case 12:
		r.rare(tally)
	case 13:
		r.log = append(r.log, auction.Delivery{Raw: []byte("bad"), Err: errors.New("bad"), Offset: int64(len(r.log))})
		tally["bad"]++
	}
}

func (r *road) rare(tally map[string]int) {
	switch rapid.IntRange(0, 2).Draw(r.T, "rare") {
	case 0:
		r.cut()
		tally["cut"]++
	case 1: // a relay of an older epoch writes on, after the cut that ended it
		if r.epoch() > 1 && r.db.position.Epoch == r.epoch() {
			r.zombies++
			seq := int64(len(r.truth) + rapid.IntRange(0, 3).Draw(r.T, "seq"))
			r.log = append(r.log, auction.Delivery{Raw: fmt.Appendf(nil, "zombie %d", r.zombies), Offset: int64(len(r.log)),
				Record: auction.Record{Epoch: r.epoch() - 1, Seq: seq, Kind: auction.KindBid}})
			tally["zombie"]++
		}
	case 2: // the database fails over to a copy that knows less; with zombies about that may be a fork, and is reported so
		if n := len(r.earlier); n > 0 && r.zombies == 0 {
			r.db = r.earlier[rapid.IntRange(0, n-1).Draw(r.T, "to")].copy()
			r.earlier = nil
			r.restart()
			tally["forgot"]++
		}
	}
}

func TestSiftAppliesEachRecordOnce(t *testing.T) {
	tally := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		r := newRoad(t)
		for range rapid.IntRange(10, 60).Draw(t, "steps") {
			r.happen(tally)
			r.holds()
		}
		r.restartsReachWhatThePartitionHolds()
		r.drain()
		r.holds()
	})
	if testing.Short() {
		return // a fifth of the runs is too few to have seen everything
	}
	for _, what := range []string{"decide", "part", "next", "poll", "ahead", "death", "old consumer", "bad", "cut", "zombie", "forgot"} {
		if tally[what] == 0 {
			t.Errorf("it never came to: %s", what)
		}
	}
}

// Without the journal, restarts from the offset alone must find everything that the partition can give: the journal may
// be lost before it sends again.
func (r *road) restartsReachWhatThePartitionHolds() {
	reachable := max(r.reachable(), r.db.position.Seq)
	for before := int64(-1); before != r.db.position.Seq; {
		before = r.db.position.Seq
		r.restart()
		for r.cursor < len(r.log) {
			r.poll(3, true)
			r.holds()
		}
	}
	if r.zombies == 0 && r.db.position.Seq < reachable { // a partition alone cannot know of a cut that it lacks
		r.Fatalf("restarts bring %d, the partition holds up to %d", r.db.position.Seq, reachable)
	}
}
