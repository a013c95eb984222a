package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// worker reads one partition and applies it, for one generation.
type worker struct {
	c     *Consumer
	shard int
	told  *commits

	position auction.Position // as the ledger last said
	next     int64            // offset to fetch
	pending  []auction.Delivery
	more     bool // the partition has something after what was fetched

	looked   time.Time // when the position was read or written last
	gap      gap
	failures int // of Apply in a row, at one position, that are not passing

	failing backoff
	trouble trouble
}

// gap is a record that is missing: something after it has been read.
type gap struct {
	seq   int64 // 0: none
	since time.Time
}

func newWorker(c *Consumer, shard int, told *commits) *worker {
	return &worker{c: c, shard: shard, told: told,
		failing: backoff{first: 20 * time.Millisecond, last: c.o.ErrorMax},
		trouble: trouble{log: c.o.Log.With("shard", shard)}}
}

// run works until the generation has ended. Whatever goes wrong, it reads the position again and seeks to it: what the
// ledger has is what happened.
func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := w.seek(ctx)
		for err == nil && ctx.Err() == nil {
			err = w.step(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		w.trouble.note("consuming", err)
		pause(ctx, w.failing.grow())
	}
}

// seek waits while the shard is halted and then takes the ledger's offset, whatever the group says.
func (w *worker) seek(ctx context.Context) error {
	for {
		p, err := w.c.ledger.Position(ctx, w.shard)
		if err != nil {
			return err
		}
		if p.Halted == "" {
			w.position, w.next, w.pending, w.more, w.looked = p, max(p.NextOffset, 0), nil, false, w.c.o.Clock()
			return nil
		}
		w.gap = gap{}
		pause(ctx, w.c.o.HaltPoll)
		if ctx.Err() != nil {
			return errEnded
		}
	}
}

// step fetches one batch and applies it. An error sends the worker back to the position.
func (w *worker) step(ctx context.Context) error {
	batch, err := w.batch(ctx)
	if errors.Is(err, errOutOfRange) {
		return w.outOfRange(ctx)
	}
	if err != nil {
		return err
	}
	if len(batch) > 0 {
		err = w.apply(ctx, batch)
	} else {
		err = w.look(ctx)
	}
	if err == nil {
		err = w.watchGap(ctx)
	}
	if err != nil {
		return err
	}
	w.trouble.note("consuming", nil)
	w.failing.reset()
	if w.position.Seq > 0 {
		w.told.reached(w.shard, w.position.NextOffset)
	}
	return nil
}

// look asks for the position now and then while nothing comes. It may have been changed by others: a database that failed
// over and forgot, an operator who rewound or halted.
func (w *worker) look(ctx context.Context) error {
	if w.c.o.Clock().Sub(w.looked) < w.c.o.LookEvery {
		return nil
	}
	p, err := w.c.ledger.Position(ctx, w.shard)
	if err != nil {
		return err
	}
	w.looked = w.c.o.Clock()
	if was := w.position; p.Halted != "" || p.At() != was.At() || p.NextOffset != was.NextOffset {
		return fmt.Errorf("the position was %v, offset %d and is %v, offset %d %s: reading again", was.At(), was.NextOffset,
			p.At(), p.NextOffset, p.Halted)
	}
	return nil
}

// batch gives the next deliveries, at most BatchRows. None: nothing has come.
func (w *worker) batch(ctx context.Context) ([]auction.Delivery, error) {
	for again := true; again && len(w.pending) < w.c.o.BatchRows; again = w.more {
		found, err := w.fetch(ctx)
		if err != nil && len(w.pending) == 0 {
			return nil, err
		}
		if err != nil || len(found) == 0 {
			break
		}
		for _, f := range found {
			w.pending = append(w.pending, w.c.kafka.open(w.shard, f.offset, f.value))
		}
		w.next = found[len(found)-1].offset + 1
	}
	n := min(len(w.pending), w.c.o.BatchRows)
	batch := w.pending[:n:n]
	w.pending = w.pending[n:]
	return batch, nil
}

// fetch reads on. Where the partition had nothing more it looks at the next multiple of Linger on the clock, as all shards
// do: in one request for all of them, and what has gathered meanwhile shares a transaction. Without Linger it waits at the
// broker for the first record.
func (w *worker) fetch(ctx context.Context) ([]fetched, error) {
	o := &w.c.o
	if o.Linger <= 0 {
		return w.c.kafka.fetch(ctx, TopicJournal, w.shard, w.next, o.FetchBytes, o.FetchWait)
	}
	if !w.more {
		pause(ctx, untilTick(o.Clock(), o.Linger))
	}
	w.more = false
	if ctx.Err() != nil {
		return nil, errEnded
	}
	a := &asked{ticket: ticketTo(w.c.kafka.topic(TopicJournal), w.shard), offset: w.next, maxBytes: o.FetchBytes}
	err := w.c.together.travel(ctx, a, time.Now().Add(w.c.kafka.o.RequestTimeout))
	w.more = a.more && err == nil
	return a.found, err
}

// apply gives a batch to the ledger. It is let end when the generation ends: a transaction that was begun is better
// finished than of unknown outcome, and the next owner waits for the row.
func (w *worker) apply(ctx context.Context, batch []auction.Delivery) error {
	// Few at a time: the database's threads stand in each other's way, and what a shard waits for gathers meanwhile.
	select {
	case w.c.turns <- struct{}{}:
		defer func() { <-w.c.turns }()
	case <-ctx.Done():
		return errEnded
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.c.o.RebalanceTimeout/2)
	defer cancel()
	before := w.position
	applied, err := w.c.ledger.Apply(bounded, w.shard, batch)
	if err != nil {
		return w.refused(ctx, err)
	}
	w.failures, w.looked = 0, w.c.o.Clock()
	w.position = applied.Position
	w.counted(applied)
	if applied.Parked > 0 {
		w.tellParked(bounded, batch)
	}
	if applied.Position.Seq < before.Seq {
		return fmt.Errorf("the ledger went back from seq %d to %d: reading again", before.Seq, applied.Position.Seq)
	}
	return w.noteGap(bounded, applied)
}

func (w *worker) counted(a auction.Applied) {
	count := w.c.o.Count
	count.add(CountApplied, a.Records)
	count.add(CountDuplicates, a.Duplicates)
	count.add(CountOrphans, a.Orphans)
	count.add(CountVoided, a.Voided)
	count.add(CountParked, a.Parked)
	if a.Orphans > 0 {
		w.c.o.Log.Error("ALARM: records of an epoch that was cut off, kept as orphans", "shard", w.shard, "records", a.Orphans)
	}
}

// refused sorts an error of Apply: the ledger halted the shard, or it is away, or it cannot take this batch.
func (w *worker) refused(ctx context.Context, err error) error {
	switch code := fault.CodeOf(err); {
	case code == "fork":
		w.c.o.Count.add(CountForks, 1)
		w.alarm("two records for one place: the shard is halted", err)
		return err
	case code == "shard_halted", passing(err), ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		return err
	}
	if w.failures++; w.failures < w.c.o.PoisonRetries {
		return err
	}
	// What cannot be applied must not be passed over: everything after it depends on it.
	w.failures = 0
	return w.halt(ctx, fmt.Sprintf("apply: offset %d could not be applied %d times: %v", w.position.NextOffset, w.c.o.PoisonRetries, err))
}

// halt stops the shard in the ledger, for every consumer of it, until an operator resumes it.
func (w *worker) halt(ctx context.Context, reason string) error {
	w.alarm("shard halted", errors.New(reason))
	w.c.o.Count.add(CountHalts, 1)
	if err := w.c.ledger.Halt(ctx, w.shard, reason); err != nil {
		return err
	}
	return errors.New(reason)
}

func (w *worker) alarm(what string, err error) {
	w.c.o.Log.Error("ALARM: "+what, "shard", w.shard, "epoch", w.position.Epoch, "seq", w.position.Seq,
		"next_offset", w.position.NextOffset, "err", err)
}

// noteGap tells the ledger which record is waited for, so that the relay sends again from the position, and when it came.
func (w *worker) noteGap(ctx context.Context, a auction.Applied) error {
	p := a.Position
	missing := int64(0)
	if p.AheadSeq > p.Seq || a.AheadSeq > p.Seq {
		missing = p.Seq + 1
	}
	if missing == w.gap.seq && missing == p.GapSeq {
		return nil
	}
	if missing != w.gap.seq { // else it is known here, and telling the ledger did not succeed
		w.gap = gap{missing, w.c.o.Clock()}
		if missing != 0 {
			w.c.o.Count.add(CountGaps, 1)
			w.c.o.Log.Warn("a record is missing, reading past", "shard", w.shard, "seq", missing, "ahead", max(p.AheadSeq, a.AheadSeq))
		}
	}
	sinceUS := int64(0)
	if missing != 0 {
		sinceUS = w.gap.since.UnixMicro()
	}
	return w.c.ledger.NoteGap(ctx, w.shard, missing, sinceUS)
}

// watchGap halts the shard when a record has been missing for GapHalt.
func (w *worker) watchGap(ctx context.Context) error {
	if w.gap.seq == 0 || w.c.o.Clock().Sub(w.gap.since) < w.c.o.GapHalt {
		return nil
	}
	missing := w.gap.seq
	w.gap = gap{}
	return w.halt(ctx, fmt.Sprintf("gap: record %d has not come within %v, though later ones have", missing, w.c.o.GapHalt))
}

// outOfRange mends an offset that the partition does not have. Neither side is a reason to halt by itself: everything
// above the position is still in the journal, so reading goes on at the end that there is; what was skipped shows as a
// gap, the relay fills it from the journal, and only where the journal does not have it either does the shard halt.
func (w *worker) outOfRange(ctx context.Context) error {
	ends, err := w.c.kafka.ends(ctx, TopicJournal, w.shard)
	if err != nil {
		return err
	}
	first, end := ends[w.shard].FirstOffset, ends[w.shard].LastOffset
	switch {
	case w.next > end:
		w.alarm("the partition has lost its tail: reading on at its end", fmt.Errorf("offset %d, end %d", w.next, end))
		return w.rewind(ctx, end)
	case w.next < first:
		w.alarm("retention took what was not read: reading on at the first there is", fmt.Errorf("offset %d, first %d", w.next, first))
		return w.rewind(ctx, first)
	}
	return fmt.Errorf("offset %d was out of range and is not any more", w.next)
}

// rewind writes the offset down, so that a restart does not look for the old one again.
func (w *worker) rewind(ctx context.Context, offset int64) error {
	if err := w.c.ledger.Rewind(ctx, w.shard, offset); err != nil {
		return err
	}
	w.next, w.position.NextOffset, w.pending, w.more = offset, offset, nil, false
	return nil
}
