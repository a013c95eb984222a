package trace_test

import (
	"strings"
	"testing"

	"rostrum/internal/trace"
)

func TestTraceForms(t *testing.T) {
	t.Parallel()
	for id, valid := range map[string]bool{
		"a": true, "AZaz09_-": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "a b": false, "a\n": false, "é": false, "a\"": false, "a=": false,
	} {
		if got := trace.Valid(id); got != valid {
			t.Errorf("%q: %v", id, got)
		}
		if got := trace.Of(trace.With(t.Context(), id)); valid && got != id || !valid && got != "" {
			t.Errorf("a context with %q gives %q", id, got)
		}
	}
}
