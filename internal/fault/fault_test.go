package fault

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestClassAndCodeAreFoundThroughWrapping(t *testing.T) {
	stale := New(Stale, "stale", "somebody was faster")
	for name, c := range map[string]struct {
		err   error
		class Class
		code  string
	}{
		"itself":              {stale, Stale, "stale"},
		"wrapped":             {fmt.Errorf("save: %w", stale), Stale, "stale"},
		"joined":              {errors.Join(io.EOF, fmt.Errorf("x: %w", stale)), Stale, "stale"},
		"with a cause":        {Wrap(Unavailable, "mysql_away", "", io.EOF), Unavailable, "mysql_away"},
		"around a classified": {Wrap(Unknown, "outcome", "", stale), Unknown, "outcome"},
		"unclassified":        {io.EOF, Internal, "internal"},
		"nothing":             {nil, Internal, "internal"},
		"wrong":               {Wrong("stock", "is 0", "send 1"), Invalid, "invalid"},
		"a zero Error":        {&Error{}, Internal, ""},
	} {
		if ClassOf(c.err) != c.class || CodeOf(c.err) != c.code {
			t.Errorf("%s: class %d code %q, want %d %q", name, ClassOf(c.err), CodeOf(c.err), c.class, c.code)
		}
	}
	if !errors.Is(Wrap(Unavailable, "mysql_away", "", io.EOF), io.EOF) {
		t.Error("the cause is lost")
	}
	if As(io.EOF) != nil || As(nil) != nil {
		t.Error("As finds what is not there")
	}
}

func TestErrorSaysAll(t *testing.T) {
	e := Invalids([]Field{{"name", "is empty", "send one"}, {"lots[2].stock", "is 0", "send 1"}})
	for _, part := range []string{"invalid", "name: is empty", "lots[2].stock: is 0"} {
		if !strings.Contains(e.Error(), part) {
			t.Errorf("%q lacks %q", e.Error(), part)
		}
	}
	if got, want := Wrap(Unavailable, "mysql_away", "MySQL does not answer", io.EOF).Error(), "mysql_away: MySQL does not answer: EOF"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A check ends with `return fault.Invalids(wrong)`. Where it gave a nil *Error, that was an error which is not nil.
func TestNothingWrongIsNoError(t *testing.T) {
	check := func(fields ...Field) error { return Invalids(fields) }
	if err := check(); err != nil {
		t.Errorf("nothing is wrong, and yet: %#v", err)
	}
	if err := check(Field{"a", "b", "c"}); ClassOf(err) != Invalid || len(As(err).Fields) != 1 {
		t.Errorf("%v", err)
	}
}
