//go:build !unix

package simulate

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }
