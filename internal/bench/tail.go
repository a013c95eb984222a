package bench

import (
	"context"
	"fmt"
	"time"
)

// halfPeak has bids arrive at half the round's peak, over as many connections as that was taken, and takes the median and
// the tail of how long they wait.
func (d *door) halfPeak(ctx context.Context, round int) error {
	m, err := d.schedule(round, many, 0.5, 2).run(ctx)
	if err != nil {
		return fmt.Errorf("tail_half_peak: %w", err)
	}
	d.strange("tail_half_peak", m.outcome)
	d.f.note(round, "p50_half_peak", microseconds(percentile(m.latency, 0.50)))
	d.f.note(round, "tail_half_peak", microseconds(percentile(m.latency, 0.99)))
	return d.everysec.keep(m.outcome, d.members)
}

// bidPatience is how long a bidder waits for a connection: as long as a bid may take by default.
const bidPatience = 500 * time.Millisecond

// twicePeak has twice the peak arrive, and takes what is admitted all the same. It takes longer than other figures: the
// two thousand bids that are with the node when the time is over are not counted.
func (d *door) twicePeak(ctx context.Context, round int) error {
	s := d.schedule(round, d.o.Crowd, 2, 3)
	s.length, s.cut, s.patience = d.longer(), true, bidPatience
	m, err := s.run(ctx)
	if err != nil {
		return fmt.Errorf("goodput_twice_peak: %w", err)
	}
	g := d.f.named("goodput_twice_peak")
	d.f.note(round, g.Name, float64(m.inTime)/s.length.Seconds())
	d.f.note(round, "p99_twice_peak", microseconds(percentile(m.latency, 0.99)))
	g.Note = fmt.Sprintf("In the last round %d were offered, %d of them not sent in time, %d refused.", m.offered, m.unanswered, m.asked-m.counted)
	return d.everysec.keep(m.outcome, d.members)
}

// schedule offers a multiple of the peak.
func (d *door) schedule(round, clients int, times float64, pass int) schedule {
	return schedule{load: d.load(d.api, d.spread, clients, d.pass(round, pass)), rate: times * d.f.value(round, "spread_peak")}
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
