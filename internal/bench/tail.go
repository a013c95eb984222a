package bench

import (
	"context"
	"fmt"
	"time"
)

// halfPeak has bids arrive at half the round's peak, over as many connections as that was taken, and takes the median and
// the tail of how long they wait.
func (d *door) halfPeak(ctx context.Context, round int) error {
	m, err := d.arrive(ctx, round, many, 0.5, 2)
	if err != nil {
		return fmt.Errorf("tail_half_peak: %w", err)
	}
	d.strange("tail_half_peak", m.outcome)
	d.f.note(round, "p50_half_peak", microseconds(percentile(m.latency, 0.50)))
	d.f.note(round, "tail_half_peak", microseconds(percentile(m.latency, 0.99)))
	return d.everysec.keep(m.outcome, d.members)
}

// twicePeak has twice the peak arrive, and takes what is admitted all the same.
func (d *door) twicePeak(ctx context.Context, round int) error {
	m, err := d.arrive(ctx, round, d.o.Crowd, 2, 3)
	if err != nil {
		return fmt.Errorf("goodput_twice_peak: %w", err)
	}
	g := d.f.named("goodput_twice_peak")
	d.f.note(round, g.Name, float64(m.inTime)/d.o.Round.Seconds())
	d.f.note(round, "p99_twice_peak", microseconds(percentile(m.latency, 0.99)))
	g.Note = fmt.Sprintf("In the last round %d were offered, %d of them not sent in time, %d refused.", m.offered, m.unanswered, m.asked-m.counted)
	return d.everysec.keep(m.outcome, d.members)
}

// arrive offers a multiple of the peak. Above it, what is not sent in time is dropped; below it all is waited for.
func (d *door) arrive(ctx context.Context, round, clients int, times float64, pass int) (met, error) {
	s := schedule{load: d.load(d.api, d.spread, clients, d.pass(round, pass)), rate: times * d.f.value(round, "spread_peak"), cut: times > 1}
	return s.run(ctx)
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
