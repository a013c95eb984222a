package pipeline

import (
	"time"

	"rostrum/auction"
)

// resend decides when a relay goes back to the position and sends again what Kafka has acknowledged. Two things call for
// it: the consumer has noted a gap, or the position stands still behind what was acknowledged, as it does when a
// partition has lost its tail and nothing has come after it. Sending again costs only duplicates, so it need not be
// certain; but a consumer that is away for an hour must not find its lag multiplied, so the wait doubles.
type resend struct {
	after, longest time.Duration

	at      auction.Cursor // where the position stands
	since   time.Time      // since when, as far as it was looked at
	looked  time.Time
	wait    time.Duration
	gapSeq  int64 // the gap already answered
	gapNote int64
}

func (x *resend) due(now time.Time, p auction.Position, acked auction.Cursor) bool {
	unseen := now.Sub(x.looked) > x.after/2 // the ledger could not be asked meanwhile: that is no standing still
	x.looked = now
	switch {
	case p.Halted != "", !p.At().Before(acked), unseen, p.At() != x.at:
		x.at, x.since, x.wait = p.At(), now, x.after
	case now.Sub(x.since) >= x.wait:
		x.since, x.wait = now, min(2*x.wait, x.longest)
		return true
	}
	if p.Halted != "" || p.GapSeq == 0 || p.GapSeq <= p.Seq || x.gapSeq == p.GapSeq && x.gapNote == p.GapSinceUS {
		return false
	}
	x.gapSeq, x.gapNote, x.since = p.GapSeq, p.GapSinceUS, now
	return true
}
