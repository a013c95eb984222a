package shelf

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// readAtOnce is a page of lots: some scripts for each shard, and a few pipelines for the shelf.
const readAtOnce = 1000

// preheat is one run: three steps that work side by side, each on another page. While one page is read, the one before it
// is written into the gate, and the one before that, which the gate has answered for, onto the shelf.
type preheat struct {
	shelf   *Shelf
	gate    Gate
	session auction.Session
	how     How

	report Report        // the second step's while they work
	sample []auction.Lot // as the source gave them
}

// decided is a page that the gate has answered for, without its broken lots.
type decided struct {
	lots []auction.Lot
	done int   // lots of the session up to its end
	note []any // how far the run has come with it, for the next one to go on there
}

func (p *preheat) all(ctx context.Context) (Report, error) {
	at, err := p.resume(ctx)
	if err != nil {
		return p.report, err
	}
	p.tell(p.report.Lots)
	steps, own := errgroup.WithContext(ctx)
	read, written := make(chan []auction.Lot, 1), make(chan decided, 1)
	steps.Go(func() error { defer close(read); return p.read(own, at, read) })
	steps.Go(func() error { defer close(written); return p.decide(own, read, written) })
	steps.Go(func() error { return p.put(ctx, written) }) // what the gate has is put and noted, whatever failed behind it
	if err := steps.Wait(); err != nil {
		return p.report, err
	}
	if err := p.finish(ctx); err != nil {
		return p.report, err
	}
	err = p.verify(ctx)
	return p.report, err
}

func (p *preheat) tell(done int) { p.how.Progress(done, max(p.session.Lots, done)) }

// read reads the session page by page, by keyset.
func (p *preheat) read(ctx context.Context, at uuid.UUID, to chan<- []auction.Lot) error {
	for {
		lots, err := p.shelf.source.Lots(ctx, p.session.ID, at, readAtOnce)
		if err != nil || len(lots) == 0 {
			return err
		}
		at = lots[len(lots)-1].ID
		if err := send(ctx, to, lots); err != nil {
			return err
		}
	}
}

// decide writes pages into the gate, which comes first: only what it holds can be sold.
func (p *preheat) decide(ctx context.Context, from <-chan []auction.Lot, to chan<- decided) error {
	for first := true; ; first = false {
		lots, ok, err := receive(ctx, from)
		if err != nil || !ok {
			return err
		}
		if first {
			if err := p.room(ctx, lots); err != nil {
				return err
			}
		}
		results, err := p.gate.PreheatLots(ctx, lots)
		if err != nil {
			return err
		}
		if err := send(ctx, to, p.judged(lots, results)); err != nil {
			return err
		}
	}
}

// judged counts the results of a page.
func (p *preheat) judged(lots []auction.Lot, results []auction.PreheatResult) decided {
	r, last, whole := &p.report, lots[len(lots)-1].ID, lots[:0]
	picked := int(p.shelf.o.Random() * float64(len(lots)))
	for i, result := range results {
		switch result {
		case auction.PreheatWritten:
			r.Written++
		case auction.PreheatOpen:
			r.Open++
		case auction.PreheatMissed:
			r.Open++
			r.miss(lots[i].Shard)
		case auction.PreheatClosed:
			r.Closed++
		case auction.PreheatBroken:
			if r.Broken++; len(r.Which) < maxNamed {
				r.Which = append(r.Which, lots[i].ID)
			}
			continue
		}
		if i == picked && result == auction.PreheatWritten && len(p.sample) < maxSample {
			p.sample = append(p.sample, lots[i])
		}
		whole = append(whole, lots[i])
	}
	r.Lots += len(results)
	note := []any{"rev", p.revision(), "at", last.String(), "lots", r.Lots, "written", r.Written, "open", r.Open, "closed", r.Closed, "broken", r.Broken, "missed", len(r.Missed)}
	return decided{whole, r.Lots, note}
}

// put writes pages onto the shelf, each in one pipeline of about a thousand commands, which also notes that the page before
// it is done.
func (p *preheat) put(ctx context.Context, from <-chan decided) error {
	var before []any
	for {
		page, ok, err := receive(ctx, from)
		if err != nil || !ok {
			return err
		}
		err = p.shelf.pipeline(ctx, func(c redis.Pipeliner) error { p.putPage(ctx, c, page.lots, before); return nil })
		if err != nil {
			return fmt.Errorf("preheat: shelf: %w", err)
		}
		before = page.note
		p.tell(page.done)
	}
}

func (p *preheat) putPage(ctx context.Context, c redis.Pipeliner, lots []auction.Lot, before []any) {
	s, ids := p.shelf, make([]uuid.UUID, len(lots))
	for i := range lots {
		ids[i] = lots[i].ID
	}
	if before != nil {
		key := s.keys.Preheated(p.session.ID)
		c.HSet(ctx, key, before...)
		s.unfinished(ctx, c, key)
	}
	if s.addIDs(ctx, c, ids); p.how.GateOnly {
		return
	}
	started := s.o.Now().UnixMicro() >= p.session.StartsUS
	s.addLots(ctx, c, p.session.ID, lots, started)
}

func (r *Report) miss(shard int) {
	if r.Missed == nil {
		r.Missed = map[int]int{}
	}
	r.Missed[shard]++
}

// revision names what a run writes: another revision, or more of it, is another run.
func (p *preheat) revision() string {
	rev := strconv.FormatInt(p.session.Rev, 10)
	if p.how.GateOnly {
		rev += " gate"
	}
	return rev
}

// resume begins with what an interrupted run of the same revision did, and gives where it stopped. Broken lots would have
// no names then, and missed ones no shards, so who found some begins at the front.
func (p *preheat) resume(ctx context.Context) (uuid.UUID, error) {
	p.report = Report{Session: p.session.ID}
	notes, err := p.shelf.client.HGetAll(ctx, p.shelf.keys.Preheated(p.session.ID)).Result()
	if err != nil {
		return uuid.Nil, fault.Wrap(fault.Unavailable, "shelf_unavailable", "the shelf cannot be reached", err)
	}
	at, err := uuid.Parse(notes["at"])
	if err != nil || notes["rev"] != p.revision() || notes["broken"] != "0" || notes["missed"] != "0" {
		return uuid.Nil, nil
	}
	r := &p.report
	for name, n := range map[string]*int{"lots": &r.Lots, "written": &r.Written, "open": &r.Open, "closed": &r.Closed} {
		*n, _ = strconv.Atoi(notes[name])
	}
	r.Resumed = r.Lots
	return at, nil
}

// finish says that the session's order is complete, and forgets the notes: the next run begins at the front.
func (p *preheat) finish(ctx context.Context) error {
	if !p.how.GateOnly {
		if err := p.shelf.markOrder(ctx, p.session.ID, p.session.EndsUS); err != nil {
			return fmt.Errorf("preheat: shelf: %w", err)
		}
	}
	return p.shelf.client.Del(ctx, p.shelf.keys.Preheated(p.session.ID)).Err()
}

// send gives v to the next step, or ctx's error when that is over.
func send[V any](ctx context.Context, to chan<- V, v V) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// receive takes from the step before; ok is false when that has given all.
func receive[V any](ctx context.Context, from <-chan V) (v V, ok bool, err error) {
	select {
	case v, ok = <-from:
		return v, ok, nil
	case <-ctx.Done():
		return v, false, ctx.Err()
	}
}
