package shelf

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// maxWho bounds a limiter's key, bytes.
const maxWho = 128

// Allow lets key pass perSecond times a second on average and burst times at once, by the shelf's clock. Where it does not
// pass, retryAfter says when it would. A limiter that cannot be asked lets everything pass and says why in err: it protects,
// it does not decide. perSecond and burst under 1 let nothing be limited either, as an error.
func (s *Shelf) Allow(ctx context.Context, key string, perSecond, burst int) (ok bool, retryAfter time.Duration, err error) {
	if perSecond < 1 || burst < 1 || len(key) > maxWho {
		return true, 0, fmt.Errorf("shelf: limit of %d a second and %d at once for a key of %d bytes", perSecond, burst, len(key))
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	interval := time.Second.Microseconds() / int64(perSecond)
	reply, err := limitScript.Run(ctx, s.client, []string{s.keys.Rate(key)}, max(interval, 1), burst).StringSlice()
	if err == nil && (len(reply) != 3 || reply[0] != replyVersion) {
		err = errors.New("shelf: limit.lua answered " + strconv.Quote(fmt.Sprint(reply)))
	}
	if err != nil {
		s.o.Count("limit", "error")
		return true, 0, err
	}
	if reply[1] == "1" {
		s.o.Count("limit", "passed")
		return true, 0, nil
	}
	s.o.Count("limit", "refused")
	wait, err := strconv.ParseInt(reply[2], 10, 64)
	return false, time.Duration(wait) * time.Microsecond, err
}
