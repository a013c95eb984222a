package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"rostrum/auction"
	"rostrum/orders"
)

// door takes the figures over HTTP: two installations, and the yardstick.
type door struct {
	o        Options
	everysec *installation
	always   *installation // nil: left out
	bare     *yardstick
	told     map[*installation][]orders.Admission
	odd      int // answers of another kind than a figure counts
}

// openDoor makes the installations and runs them. Even with an error it is to be removed.
func openDoor(ctx context.Context, s Servers, o Options) (*door, error) {
	d := &door{o: o, told: map[*installation][]orders.Admission{}}
	var err error
	if d.everysec, err = openForSale(ctx, s, s.Redis, auction.DurableEverySec, o); err != nil {
		return d, err
	}
	if s.Always != "" {
		if d.always, err = openForSale(ctx, s, s.Always, auction.DurableAlways, o); err != nil {
			return d, err
		}
	}
	size, err := d.sellOut(ctx)
	if err != nil {
		return d, err
	}
	d.bare, err = startYardstick(ctx, d.everysec.config, size)
	return d, err
}

// openForSale makes an installation whose sale is open and has its bidders.
func openForSale(ctx context.Context, s Servers, redis string, durability auction.Durability, o Options) (*installation, error) {
	i, err := install(ctx, s, redis, durability, o.Log)
	if err != nil {
		return i, err
	}
	if err := i.start(ctx); err != nil {
		return i, err
	}
	if err := i.mint(ctx, o.Members); err != nil {
		return i, err
	}
	return i, i.openSale(ctx, o.Rounds, o.Lead)
}

// sellOut buys the one unit of the scarce lot, and gives how long the answer is, bytes with headers.
func (d *door) sellOut(ctx context.Context) (size int, err error) {
	i := d.everysec
	c, err := dial(ctx, i.app.Addr().String(), time.Now().Add(grace))
	if err != nil {
		return 0, err
	}
	defer c.close()
	var k kept
	status, body, size, err := c.ask(newRequest(i.sale.few).of(i.sale.members[0].Token))
	if err != nil || status != http.StatusCreated {
		return 0, fmt.Errorf("the first bid: status %d %s: %w", status, body, err)
	}
	k.keep(0, body)
	d.told[i], err = outcome{kept: []kept{k}}.admissions(i.sale.members)
	return size, err
}

// round takes each figure once. Another one is first each time: what the one before it leaves behind falls on all alike.
func (d *door) round(ctx context.Context, round int, f *figures) error {
	steps := []func(context.Context, int, *figures) error{d.post, d.admit, d.refuse}
	if d.always != nil {
		steps = append(steps, d.admitAlways)
	}
	for n := range steps {
		if err := steps[(n+round)%len(steps)](ctx, round, f); err != nil {
			return err
		}
	}
	return nil
}

func (d *door) load(i *installation, lot auction.Lot) load {
	return load{address: i.app.Addr().String(), lot: lot, members: i.sale.members, want: http.StatusCreated, clients: d.o.Clients, length: d.o.Round}
}

func (d *door) post(ctx context.Context, round int, f *figures) error {
	l := d.load(d.everysec, d.everysec.sale.hot[round])
	l.address, l.again = d.bare.address, true
	_, err := d.take(ctx, l, round, "fiber_post", f)
	return err
}

func (d *door) refuse(ctx context.Context, round int, f *figures) error {
	l := d.load(d.everysec, d.everysec.sale.few)
	l.want, l.again = http.StatusConflict, true
	_, err := d.take(ctx, l, round, "refuse_sold_out", f)
	return err
}

// admit takes two figures: what was admitted, and what was durable when the road had cleared.
func (d *door) admit(ctx context.Context, round int, f *figures) error {
	began := time.Now()
	admitted, durable, err := d.hot(ctx, d.everysec, round, "admit_everysec", f)
	if err == nil {
		f.note(round, "orders_end_to_end", float64(admitted)/durable.Sub(began).Seconds())
	}
	return err
}

func (d *door) admitAlways(ctx context.Context, round int, f *figures) error {
	_, _, err := d.hot(ctx, d.always, round, "admit_always", f)
	return err
}

// hot bids on a round's hot lot and waits until the road is clear again.
func (d *door) hot(ctx context.Context, i *installation, round int, name string, f *figures) (admitted int, durable time.Time, err error) {
	out, err := d.take(ctx, d.load(i, i.sale.hot[round]), round, name, f)
	if err != nil {
		return 0, durable, err
	}
	if durable, err = i.settle(ctx); err != nil {
		return 0, durable, err
	}
	told, err := out.admissions(i.sale.members)
	d.told[i] = append(d.told[i], told...)
	return len(told), durable, err
}

func (d *door) take(ctx context.Context, l load, round int, name string, f *figures) (outcome, error) {
	out, err := l.run(ctx)
	if err != nil {
		return out, fmt.Errorf("%s: %w", name, err)
	}
	if len(out.odd) > 0 {
		d.o.say("%s: %d of %d answers of another kind, by status: %v", name, out.bids-out.counted, out.bids, out.odd)
		d.odd += out.bids - out.counted
	}
	f.note(round, name, out.rate())
	return out, nil
}

// installations gives those that are there.
func (d *door) installations() []*installation {
	var all []*installation
	for _, i := range []*installation{d.everysec, d.always} {
		if i != nil {
			all = append(all, i)
		}
	}
	return all
}

func (d *door) remove(ctx context.Context) error {
	var failed []error
	if d.bare != nil {
		failed = append(failed, d.bare.stop(ctx))
	}
	for _, i := range d.installations() {
		failed = append(failed, i.remove(ctx))
	}
	return errors.Join(failed...)
}
