// Package trace is the id of one request: it comes with the request or is made for it, and stands in its answer, in each
// line that is logged on its way, in the record of what it decided and in the order that follows.
package trace

import "context"

// Max bounds an id, bytes; it is what a record can carry.
const Max = 64

type key struct{}

// With puts a request's id into its context; one that is not well formed is left out.
func With(ctx context.Context, id string) context.Context {
	if !Valid(id) {
		return ctx
	}
	return context.WithValue(ctx, key{}, id)
}

// Of gives the request's id; empty where there is none.
func Of(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}

// Valid says whether a text, often from outside, can be an id: 1 to 64 of a-z A-Z 0-9 _ and -.
func Valid(id string) bool {
	if id == "" || len(id) > Max {
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
