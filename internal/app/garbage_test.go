package app

import (
	"runtime/debug"
	"testing"
)

func TestWhoSetsGOGCIsObeyed(t *testing.T) {
	was := debug.SetGCPercent(150)
	t.Cleanup(func() { debug.SetGCPercent(was) })
	for _, tc := range []struct {
		set  string
		want int
	}{{"150", 150}, {"", seldom}} {
		got := CollectSeldom(func(string) string { return tc.set })
		if inForce := debug.SetGCPercent(got); got != tc.want || inForce != tc.want {
			t.Errorf("GOGC=%q: said %d, in force %d, want %d", tc.set, got, inForce, tc.want)
		}
	}
}
