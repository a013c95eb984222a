package auction

import (
	"context"
	"errors"

	"rostrum/internal/fault"
)

// CloseDue closes the lots whose time is over, at most limit of them, and says how many it closed. The clock that counts
// is the gate's: a lot it finds not over yet is left for the next time. One lot's trouble does not keep the others open.
func CloseDue(ctx context.Context, sessions Sessions, gate Gate, nowUS int64, limit int) (int, error) {
	lots, err := sessions.DueToClose(ctx, nowUS, limit)
	if err != nil {
		return 0, err
	}
	closed, failed := 0, []error(nil)
	for _, l := range lots {
		did, err := gate.Close(ctx, l.Shard, l.ID)
		if did {
			closed++
		}
		switch code := fault.CodeOf(err); {
		case err == nil, code == "not_over", code == "not_vouched": // nothing is closed while recovery is due
		default:
			failed = append(failed, err)
		}
	}
	return closed, errors.Join(failed...)
}
