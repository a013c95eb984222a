package observe_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"rostrum/internal/observe"
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
		ctx := observe.WithTrace(t.Context(), "req_1")
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

func TestTraceForms(t *testing.T) {
	t.Parallel()
	for id, valid := range map[string]bool{
		"a": true, "AZaz09_-": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "a b": false, "a\n": false, "é": false, "a\"": false, "a=": false,
	} {
		if got := observe.ValidTrace(id); got != valid {
			t.Errorf("%q: %v", id, got)
		}
		if got := observe.Trace(observe.WithTrace(context.Background(), id)); valid && got != id || !valid && got != "" {
			t.Errorf("a context with %q gives %q", id, got)
		}
	}
}

func TestNewTrace(t *testing.T) {
	t.Parallel()
	id, err := observe.NewTrace(bytes.NewReader(bytes.Repeat([]byte{0xff}, 16)))
	if err != nil || !observe.ValidTrace(id) || len(id) != 22 {
		t.Errorf("%q, %v", id, err)
	}
	dry := errors.New("dry")
	if _, err := observe.NewTrace(iotest.ErrReader(dry)); !errors.Is(err, dry) {
		t.Errorf("without random bytes: %v", err)
	}
}
