// Package observe is how people see what the platform does: logs, the id that one request has in all of them, and
// metrics. It knows nothing of the other rooms: what is counted is handed in, and the names under which it appears are
// here alone.
package observe

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
)

// NewLogger writes lines of the given least level (debug, info, warn, error) as text or json. A line logged with a
// context has its trace.
func NewLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q is not debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: least}
	switch format {
	case "text":
		return slog.New(traced{slog.NewTextHandler(w, options)}), nil
	case "json":
		return slog.New(traced{slog.NewJSONHandler(w, options)}), nil
	}
	return nil, fmt.Errorf("log format %q is not text or json", format)
}

type traced struct{ slog.Handler }

func (h traced) Handle(ctx context.Context, r slog.Record) error {
	if id := Trace(ctx); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("trace", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(attrs)} }

func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }

type traceKey struct{}

// MaxTrace bounds a trace id, bytes; it is what a record can carry.
const MaxTrace = 64

// WithTrace puts a request's id into its context; one that is not well formed is left out.
func WithTrace(ctx context.Context, id string) context.Context {
	if !ValidTrace(id) {
		return ctx
	}
	return context.WithValue(ctx, traceKey{}, id)
}

// Trace gives the request's id; empty where there is none.
func Trace(ctx context.Context) string {
	id, _ := ctx.Value(traceKey{}).(string)
	return id
}

// ValidTrace says whether a text, often from outside, can be an id: 1 to 64 of a-z A-Z 0-9 _ and -.
func ValidTrace(id string) bool {
	if id == "" || len(id) > MaxTrace {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// NewTrace makes an id of 22 characters from 16 random bytes.
func NewTrace(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("random bytes for a trace: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
