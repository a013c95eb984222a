package observe_test

import (
	"bytes"
	"strings"
	"testing"

	"rostrum/internal/observe"
	"rostrum/internal/trace"
)

func TestLoggerCarriesTheTrace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ format, want string }{
		{"text", `msg=bid shard=3 group.lot=7 group.trace=req_1`},
		{"json", `"msg":"bid","shard":3,"group":{"lot":7,"trace":"req_1"}`},
	} {
		var out bytes.Buffer
		log, err := observe.NewLogger(&out, "info", c.format)
		if err != nil {
			t.Fatal(err)
		}
		ctx := trace.With(t.Context(), "req_1")
		log.With("shard", 3).WithGroup("group").InfoContext(ctx, "bid", "lot", 7)
		log.DebugContext(ctx, "not written")
		log.Info("no context")
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], c.want) || strings.Contains(lines[1], "trace") {
			t.Errorf("%s: %q", c.format, lines)
		}
	}
}

func TestLoggerRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ level, format string }{{"loud", "text"}, {"", "text"}, {"info", "xml"}, {"info", ""}} {
		if _, err := observe.NewLogger(&bytes.Buffer{}, c.level, c.format); err == nil {
			t.Errorf("level %q, format %q is taken", c.level, c.format)
		}
	}
}
