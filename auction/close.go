package auction

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"rostrum/internal/fault"
)

// Closing says what a run of CloseDue did.
type Closing struct {
	Closed int
	Lost   []int // shards whose gate lacks a lot that is over, each once: recovery is due
	Next   Page  // where the next run goes on
}

// CloseDue closes the lots of a page whose time is over. The clock that counts is the gate's: a lot it finds not over yet
// is left for the next round. One lot's trouble does not keep the others open, a shard that cannot be reached is asked
// once, and a page of such lots does not keep those behind it: the next run goes on there, and begins at the front again
// after the last.
func CloseDue(ctx context.Context, sessions Sessions, gate Gate, nowUS int64, p Page) (Closing, error) {
	lots, err := sessions.DueToClose(ctx, nowUS, p)
	if err != nil {
		return Closing{Next: p}, err
	}
	done := Closing{Next: NextPage(p, lots, func(l Lot) (int64, uuid.UUID) { return l.ClosesUS, l.ID })}
	away, failed := map[int]bool{}, []error(nil)
	for _, l := range lots {
		if away[l.Shard] {
			continue
		}
		did, err := gate.Close(ctx, l.Shard, l.ID)
		if did {
			done.Closed++
		}
		switch fault.CodeOf(err) {
		case "not_over":
		case "not_vouched": // nothing is closed while recovery is due
			away[l.Shard] = true
		case "lot_not_loaded", "keys_lost":
			if !slices.Contains(done.Lost, l.Shard) {
				done.Lost = append(done.Lost, l.Shard)
			}
		default:
			class := fault.ClassOf(err)
			away[l.Shard] = err != nil && (class == fault.Unavailable || class == fault.Unknown)
			failed = append(failed, err)
		}
	}
	return done, errors.Join(failed...)
}
