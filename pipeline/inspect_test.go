package pipeline

import (
	"slices"
	"testing"

	"github.com/segmentio/kafka-go"
)

func TestReleaseByWhatItUnderstands(t *testing.T) {
	for _, c := range []struct {
		least, most int
		want        string
	}{
		{4, 18, "4.1"}, {4, 25, "4.1"}, {4, 17, "4.0"}, {0, 17, "3.9"}, {0, 16, "3.7"}, {0, 15, "3.5"}, {0, 14, "3.1"}, {0, 13, "3.1"},
		{0, 12, "2.7"}, {0, 11, "2.3"}, {0, 5, "0.11"},
	} {
		if got := release(c.least, c.most); got != c.want {
			t.Errorf("fetch %d to %d is Kafka %s, want %s", c.least, c.most, got, c.want)
		}
	}
}

// A partition that takes nothing is told from one that is only short of copies.
func TestCopiesInSync(t *testing.T) {
	all := []kafka.Broker{{Host: "a"}, {Host: "b"}, {Host: "c"}}
	for name, c := range map[string]struct {
		partition    kafka.Partition
		closed, thin bool
	}{
		"whole":     {kafka.Partition{Leader: all[0], Replicas: all, Isr: all}, false, false},
		"thin":      {kafka.Partition{Leader: all[0], Replicas: all, Isr: all[:2]}, false, true},
		"closed":    {kafka.Partition{Leader: all[0], Replicas: all, Isr: all[:1]}, true, false},
		"no leader": {kafka.Partition{Replicas: all, Isr: all}, true, false},
		"error":     {kafka.Partition{Leader: all[0], Replicas: all, Isr: all, Error: kafka.LeaderNotAvailable}, true, false},
	} {
		var f Facts
		f.count("j/0", c.partition, number("2"))
		if slices.Contains(f.Closed, "j/0") != c.closed || slices.Contains(f.Thin, "j/0") != c.thin {
			t.Errorf("%s: closed %v, thin %v", name, f.Closed, f.Thin)
		}
	}
}
