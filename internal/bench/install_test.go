package bench

import (
	"errors"
	"testing"
	"time"
)

func TestEveryGoesOnUntilTheEndOrAnError(t *testing.T) {
	broken, end, times := errors.New("broken"), make(chan struct{}), 0
	err := every(end, 0, time.Microsecond, func() error {
		if times++; times == 3 {
			close(end)
		}
		if times > 1000 {
			return errors.New("the end was not seen")
		}
		return nil
	})
	if err != nil || times < 3 {
		t.Errorf("%d times, %v", times, err)
	}
	times = 0
	err = every(make(chan struct{}), 0, time.Microsecond, func() error {
		if times++; times == 3 {
			return broken
		}
		return nil
	})
	if !errors.Is(err, broken) || times != 3 {
		t.Errorf("%d times, %v", times, err)
	}
	if err := every(end, time.Hour, time.Hour, func() error { return broken }); err != nil {
		t.Errorf("after the end: %v", err)
	}
}
