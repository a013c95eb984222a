package bench

import (
	"syscall"
	"time"
)

// nap sleeps about d; an interruption ends it early, and who naps looks at the clock.
func nap(d time.Duration) {
	t := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&t, nil)
}
