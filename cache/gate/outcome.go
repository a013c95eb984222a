package gate

import (
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"rostrum/internal/fault"
)

// When to ask again: a pause lasts until recovery is through, a lock as long as an operator's action.
const (
	retryPaused = time.Second
	retryBusy   = 100 * time.Millisecond
	retryFault  = 500 * time.Millisecond
)

// The first words of errors by which Redis says that it did not run the command at all. Scripts fail with OOM and the
// like before their first write or not at all.
var refusedWords = []string{"OOM", "LOADING", "READONLY", "MISCONF", "NOREPLICAS", "CLUSTERDOWN", "MASTERDOWN", "BUSY",
	"TRYAGAIN", "EXECABORT", "NOAUTH", "WRONGPASS", "NOPERM", "MOVED", "ASK", "NOSCRIPT"}

// outcome classifies an error of the client: Unavailable where nothing was done, Unknown where it may have been.
func outcome(err error) error {
	if fault.As(err) != nil {
		return err
	}
	var f *fault.Error
	if notSent(err) || refused(err) {
		f = fault.Wrap(fault.Unavailable, "gate_unavailable", "the gate did not take the request", err)
	} else {
		f = fault.Wrap(fault.Unknown, "gate_unknown", "the gate's answer is not known; ask again", err)
	}
	f.RetryAfter = retryFault
	return f
}

// refused: Redis answered, and the answer says that it did nothing.
func refused(err error) bool {
	text := strings.TrimPrefix(err.Error(), "ERR ")
	for _, word := range refusedWords {
		if serverSaid(err) && strings.HasPrefix(text, word) {
			return true
		}
	}
	return false
}

// serverSaid: the error is Redis' own reply and not the client's trouble.
func serverSaid(err error) bool {
	var said redis.Error
	return errors.As(err, &said)
}

// notSent: the request never left this process.
func notSent(err error) bool {
	var op *net.OpError
	return errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrClosed) || errors.As(err, &op) && op.Op == "dial"
}

// unsent: what failed before the script was sent has changed nothing, however it failed.
func unsent(err error) error {
	if fault.ClassOf(err) == fault.Unavailable {
		return err
	}
	f := fault.Wrap(fault.Unavailable, "gate_unavailable", "the gate could not be asked", err)
	f.RetryAfter = retryFault
	return f
}

// notVouched is what every method but Decide fails with on a shard that nobody has vouched for.
func notVouched() error {
	f := fault.New(fault.Unavailable, "not_vouched", "nobody has vouched for this shard's Redis: recovery has to run")
	f.RetryAfter = retryPaused
	return f
}

// lost is what they fail with where keys are missing that must be there.
func lost() error {
	f := fault.New(fault.Unavailable, "keys_lost", "keys of a lot are missing in the gate: recovery has to run")
	f.RetryAfter = retryPaused
	return f
}

// unsettled: a lot's terms changed under a request more often than it was willing to look.
func unsettled() error {
	f := fault.New(fault.Unavailable, "lot_changing", "the lot is being rewritten")
	f.RetryAfter = retryFault
	return f
}
