package app

import "runtime/debug"

// seldom is how much a heap grows over what lives in it before garbage is collected, in percent. What lives in a node is some
// tens of MiB, whatever the rush, and each bid leaves garbage: at Go's 100 a busy node collects several times a
// second, and the slowest bids of that second are those that met it. What it gives stands in web/DESIGN.md.
const seldom = 400

// CollectSeldom sets the process up so, unless GOGC says what its operator wants, and gives what is in force. GOMEMLIMIT
// counts as always: near it garbage is collected as often as it takes.
func CollectSeldom(get func(string) string) (percent int) {
	percent = seldom
	if get("GOGC") != "" {
		percent = debug.SetGCPercent(percent) // it tells what was, and is set back
	}
	debug.SetGCPercent(percent)
	return percent
}
