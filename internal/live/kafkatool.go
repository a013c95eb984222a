package live

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// GroupRow is a line of what Kafka's own tool prints of a consumer group, with its words: a dash where it has no number.
type GroupRow struct{ Topic, Partition, Committed, End, Lag string }

// Group describes a consumer group by Kafka's ConsumerGroupCommand, which knows nothing of us; by partition, of one topic.
func Group(t testing.TB, addr, group, topic string) map[int]GroupRow {
	t.Helper()
	out, err := exec.Command("sh", "-c", KafkaGroups(t)+` "$@"`, "sh", "--bootstrap-server", addr, "--timeout", "60000", "--describe", "--group", group).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rows := map[int]GroupRow{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line) // GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG …
		if len(f) < 6 || f[0] != group || f[1] != topic {
			continue
		}
		partition, err := strconv.Atoi(f[2])
		if err != nil {
			t.Fatal(fmt.Errorf("%w in %q", err, line))
		}
		rows[partition] = GroupRow{f[1], f[2], f[3], f[4], f[5]}
	}
	return rows
}

// Dashed writes a number as the tool does: a dash for -1, which stands for none.
func Dashed(n int64) string {
	if n == -1 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}
