package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"rostrum/accounts"
)

// How long caches may keep what anybody may read: a CDN, which serves everybody, and a browser. None of it outlives the
// next moment at which the clock changes it, so that "live" is shown when it is.
const (
	goodsFor    = 2 * time.Second
	sessionFor  = 10 * time.Second
	listFor     = 2 * time.Second
	staleFactor = 3 // how many times as long it may be served while it is fetched anew
)

// What is for one user is kept by nobody in between, and asked for again each time, with its ETag; what a planner reads
// is kept by nobody at all.
const (
	forOne     = "private, no-cache"
	forPlanner = "private, no-store"
	varies     = "Authorization"
)

// cached is an answer that caches may keep. Whoever sends its ETag gets 304 and no body while nothing but the server's
// time has changed.
type cached[T any] struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Vary         string `header:"Vary"`
	Body         T
}

// unlessKnown makes the answer for somebody who knows the tags in ifNoneMatch.
func unlessKnown[T any](ifNoneMatch, etag, control string, body T) *cached[T] {
	status := http.StatusOK
	if knows(ifNoneMatch, etag) {
		status = http.StatusNotModified
	}
	return &cached[T]{status, etag, control, varies, body}
}

// openly gives Cache-Control for who: for anybody, so long as that is right, where nobody is logged in.
func openly(who accounts.Claims, want time.Duration, nowUS, untilUS int64) string {
	if !anonymous(who) {
		return forOne
	}
	left := max(untilUS-nowUS, 0) / 1_000_000
	fresh := min(int64(want/time.Second), left)
	stale := min(staleFactor*int64(want/time.Second), left-fresh)
	n := strconv.FormatInt(fresh, 10)
	return "public, max-age=" + n + ", s-maxage=" + n + ", stale-while-revalidate=" + strconv.FormatInt(stale, 10)
}

func anonymous(who accounts.Claims) bool { return who.User == uuid.Nil }

// weakTag makes an ETag of a view, whose times of the server's must be left out. It is weak: the bytes are not the same
// each time, what they say is.
func weakTag(view any) string {
	text, err := json.Marshal(view)
	if err != nil {
		return "" // a view always has a text; without a tag nothing is cached
	}
	return tagOf(text)
}

func tagOf(text []byte) string {
	sum := sha256.Sum256(text)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// knows says whether If-None-Match names an ETag, or any ("*").
func knows(ifNoneMatch, etag string) bool {
	if ifNoneMatch == "" || etag == "" {
		return false
	}
	if strings.TrimSpace(ifNoneMatch) == "*" {
		return true
	}
	for tag := range strings.SplitSeq(ifNoneMatch, ",") {
		if strings.TrimPrefix(strings.TrimSpace(tag), "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// Conditional is the input of what can be cached.
type Conditional struct {
	IfNoneMatch string `header:"If-None-Match" maxLength:"512" doc:"ETags that you have: 304 without a body if one of them is still right"`
}

// describeCaching says of a route that its answers can be cached, and by whom.
func (a *API) describeCaching(id, how string) {
	route := a.routes[id]
	op := a.huma.OpenAPI().Paths[Prefix+route.Path].Get
	op.Description += " " + how + " Answers vary by Authorization: a shared cache must have it in its key, or pass requests that carry it."
	op.Responses["304"] = &huma.Response{Description: "Nothing has changed but the server's time, which Date tells.", Headers: op.Responses["200"].Headers}
}
