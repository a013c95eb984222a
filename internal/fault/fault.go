// Package fault is the one error type that crosses rooms. Whoever finds something wrong says its class, a code that
// programs may switch on, and, where a person can mend it, the field and the remedy. The edge turns the class into a
// status in one table (web/api); nobody else thinks about HTTP, and nobody compares error texts.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Class says who can do something about an error, and what.
type Class uint8

// The classes. Internal is the zero value: what nobody classified is our own mistake.
const (
	Internal        Class = iota // a bug or a broken invariant; the text is for the log, never for the client
	Invalid                      // the request is wrong in itself; Fields say where
	Unauthenticated              // who asks is not known
	Forbidden                    // known, and not allowed
	NotFound                     // no such thing, or not for this one to see
	Conflict                     // the thing is in another state than the request needs
	Stale                        // If-Match named an older version
	TooMany                      // a limit of rate; RetryAfter says when
	Unavailable                  // refused before anything was done; RetryAfter says when to ask again
	Unknown                      // the outcome is unknown: a transport fault after sending. Never a refusal
)

// Field is one wrong thing in a request.
type Field struct {
	Name   string `json:"field"`  // JSON path, e.g. "lots[2].stock", or a header or query name
	Detail string `json:"detail"` // what is wrong
	Remedy string `json:"remedy"` // what to send instead
}

// Error is an error with a class. Code is stable, lower_snake, and unique for a cause.
type Error struct {
	Class      Class
	Code       string
	Detail     string // one sentence for a person; for Internal it stays in the log
	Fields     []Field
	RetryAfter time.Duration // 0 where it does not apply
	Err        error         // the cause, for the log
}

func (e *Error) Error() string {
	s := e.Code
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	for _, f := range e.Fields {
		s += fmt.Sprintf("; %s: %s", f.Name, f.Detail)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a class.
func New(class Class, code, detail string) *Error {
	return &Error{Class: class, Code: code, Detail: detail}
}

// Wrap makes an error of a class with its cause.
func Wrap(class Class, code, detail string, err error) *Error {
	return &Error{Class: class, Code: code, Detail: detail, Err: err}
}

// Wrong makes an Invalid error that names one field and its remedy.
func Wrong(field, detail, remedy string) *Error { return invalid([]Field{{field, detail, remedy}}) }

// Invalids makes one Invalid error of all that is wrong; nil for none, so that a check can end with it (which is why it
// gives an error: a nil *Error in an error is not nil).
func Invalids(fields []Field) error {
	if len(fields) == 0 {
		return nil
	}
	return invalid(fields)
}

func invalid(fields []Field) *Error {
	return &Error{Class: Invalid, Code: "invalid", Detail: "the request is not valid", Fields: fields}
}

// As gives the classified error inside err, or nil.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// ClassOf gives err's class; Internal for an unclassified one.
func ClassOf(err error) Class {
	if e := As(err); e != nil {
		return e.Class
	}
	return Internal
}

// CodeOf gives err's code; "internal" for an unclassified one.
func CodeOf(err error) string {
	if e := As(err); e != nil {
		return e.Code
	}
	return "internal"
}
