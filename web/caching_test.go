package web_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/web/webtest"
)

// cacheable are the routes whose answers caches may keep.
var cacheable = map[string]string{
	"sessions-list": salesPath, "sessions-read": salesPath + "/" + webtest.Live.String(), "lots-list": goodsPath(webtest.Live),
	"lots-read": "/api/v1/lots/" + webtest.LotLive.String(),
}

// What anybody may read is anybody's to keep; what is one user's never is, and the code is only in that.
func TestWhoMayKeepAnswers(t *testing.T) {
	s := newStage(t)
	const public = "public, max-age="
	for id, path := range cacheable {
		for _, tc := range []struct {
			name, control string
			user          uuid.UUID
		}{{"a visitor", public, uuid.Nil}, {"Ben, a bidder", "private, no-cache", webtest.Ben}, {"Bea, who sells", "private, no-", webtest.Bea}, {"Olga, an operator", "private, no-", webtest.Olga}} {
			as := s.c
			if tc.user != uuid.Nil {
				as = s.as(tc.user)
			}
			var first webtest.Answer
			for _, method := range []string{"GET", "GET", "HEAD"} { // the second comes from what the node remembers
				a := as.Do(method, path, nil)
				if a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Cache-Control"), tc.control) || a.Header.Get("Vary") != "Authorization" || a.Header.Get("ETag") == "" {
					t.Errorf("%s of %s for %s: %d %v", method, id, tc.name, a.Status, a.Header)
				}
				if strings.HasPrefix(a.Header.Get("Cache-Control"), "public") && strings.Contains(string(a.Body), `"code":`) {
					t.Errorf("%s tells caches a code: %s", id, a.Body)
				}
				if a.Header.Del("X-Request-Id"); first.Header == nil {
					first = a
				} else if a.Header.Del("Date"); method == "GET" && string(a.Body) != string(first.Body) {
					t.Errorf("%s for %s: the second answer is another:\n%s\n%s", id, tc.name, first.Body, a.Body)
				}
				for _, name := range slices.Collect(maps.Keys(first.Header)) {
					if name != "Date" && a.Header.Get(name) != first.Header.Get(name) {
						t.Errorf("%s %s for %s: %s is %q, was %q", method, id, tc.name, name, a.Header.Get(name), first.Header.Get(name))
					}
				}
			}
		}
	}
	for _, path := range []string{"/api/v1/auth/me", "/api/v1/orders", itemsPath, salesPath + "?state=draft", goodsPath(webtest.Draft), "/api/v1/lots/" + webtest.LotDraft.String()} {
		if a := s.as(webtest.Bea).Do("GET", path, nil); a.Status != http.StatusOK || !strings.Contains(a.Header.Get("Cache-Control"), "no-store") {
			t.Errorf("%s: %d %q", path, a.Status, a.Header.Get("Cache-Control"))
		}
	}
	if a := s.c.Do("GET", goodsPath(uuid.New()), nil); a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("that there is no session: %q", a.Header.Get("Cache-Control"))
	}
	if a := s.c.Do("GET", goodsPath(webtest.Live), nil, "Authorization", "Bearer x"); a.Status != http.StatusUnauthorized || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a wrong token at a remembered page: %d %q", a.Status, a.Header.Get("Cache-Control"))
	}
}

// Who sends the tag back gets nothing but 304, until something but the time has changed.
func TestUnchangedIsNotSentAgain(t *testing.T) {
	changes := map[string]func(s *stage){
		"a unit sold": func(s *stage) { s.change(webtest.LotLive, func(l *auction.Lot) { l.Sold++ }) },
		"a lot paused": func(s *stage) {
			s.change(webtest.LotLive, func(l *auction.Lot) { l.State = auction.LotPaused })
		},
		"time: it is over": func(s *stage) { s.w.Clock.Move(webtest.AnHour) },
	}
	for id, path := range cacheable {
		for name, change := range changes {
			if strings.HasPrefix(id, "sessions") != strings.HasPrefix(name, "time") && id != "lots-list" {
				continue
			}
			for _, user := range []uuid.UUID{uuid.Nil, webtest.Ben} {
				s := newStage(t)
				ask := func(tags string) webtest.Answer {
					if user == uuid.Nil {
						return s.c.Do("GET", path, nil, "If-None-Match", tags)
					}
					return s.as(user).Do("GET", path, nil, "If-None-Match", tags)
				}
				first := ask("")
				tag := first.Header.Get("ETag")
				if !strings.HasPrefix(tag, `W/"`) {
					t.Fatalf("%s: tag %q", id, tag)
				}
				s.w.Clock.Move(3 * time.Second) // the server's time is in the body
				for _, tags := range []string{tag, strings.TrimPrefix(tag, "W/"), `"x", ` + tag, "*", tag} {
					a := ask(tags)
					if a.Status != http.StatusNotModified || len(a.Body) != 0 || a.Header.Get("ETag") != tag || a.Header.Get("Vary") == "" ||
						a.Header.Get("Cache-Control") != first.Header.Get("Cache-Control") {
						t.Errorf("%s with %s: %d %v %s", id, tags, a.Status, a.Header, a.Body)
					}
				}
				if a := ask(`W/"another", "one"`); a.Status != http.StatusOK {
					t.Errorf("%s with another tag: %d", id, a.Status)
				}
				change(s)
				s.w.Clock.Move(time.Second) // what the node remembers is over
				if a := ask(tag); a.Status != http.StatusOK || a.Header.Get("ETag") == tag {
					t.Errorf("%s after %s: %d %s", id, name, a.Status, a.Body)
				}
			}
		}
	}
}

// change changes a stored lot.
func (s *stage) change(id uuid.UUID, how func(*auction.Lot)) {
	l, err := s.w.Sessions.Lot(s.Context(), id)
	if err != nil {
		s.Fatal(err)
	}
	how(&l)
	s.w.Sessions.PutLot(l)
}

// No cache may show a state after the moment at which it ends.
func TestNothingIsKeptPastAChange(t *testing.T) {
	for id, path := range map[string]string{"sessions-list": salesPath + "?tab=upcoming", "sessions-read": salesPath + "/" + webtest.Soon.String(),
		"lots-list": goodsPath(webtest.Soon), "lots-read": "/api/v1/lots/" + webtest.LotSoon.String()} {
		for before, want := range map[time.Duration][]string{
			time.Hour:               {"public, max-age=2, s-maxage=2, stale-while-revalidate=6", "public, max-age=10, s-maxage=10, stale-while-revalidate=30"},
			4500 * time.Millisecond: {"public, max-age=2, s-maxage=2, stale-while-revalidate=2", "public, max-age=4, s-maxage=4, stale-while-revalidate=0"},
			900 * time.Millisecond:  {"public, max-age=0, s-maxage=0, stale-while-revalidate=0"},
		} {
			s := newStage(t)
			s.w.Clock.Move(24*time.Hour - before)
			for range 2 {
				if a := s.c.Do("GET", path, nil); !slices.Contains(want, a.Header.Get("Cache-Control")) || !strings.Contains(string(a.Body), `"scheduled"`) {
					t.Errorf("%s %s before the start: %q %s", id, before, a.Header.Get("Cache-Control"), a.Body)
				}
			}
			s.w.Clock.Move(before)
			if a := s.as(webtest.Ben).Do("GET", path, nil); strings.Contains(string(a.Body), `"scheduled"`) {
				t.Errorf("%s at the start: %s", id, a.Body)
			}
		}
	}
	s := newStage(t)
	s.w.Clock.Move(24*time.Hour - time.Microsecond)
	page, ben := goodsPath(webtest.Soon), s.as(webtest.Ben)
	if a := ben.Do("GET", page, nil); strings.Contains(string(a.Body), `"code":`) {
		t.Errorf("a code a microsecond early: %s", a.Body)
	}
	s.w.Clock.Move(time.Microsecond)
	if a := ben.Do("GET", page, nil); !strings.Contains(string(a.Body), `"code":`) || a.Text("now") != "2026-11-23T19:00:00.000000Z" {
		t.Errorf("no code at the start: %s", a.Body)
	}
}

// The document says of these routes, and of no others, that they can be cached, and what to send.
func TestCachingIsDescribed(t *testing.T) {
	_, ops := document(t, webtest.NewWorld(t).Start(t))
	for id, d := range ops {
		responses := d.op["responses"].(map[string]any)
		unchanged, described := responses["304"].(map[string]any)
		if _, want := cacheable[id]; want != described {
			t.Errorf("%s: 304 described: %t", id, described)
			continue
		}
		if !described {
			continue
		}
		headers, _ := unchanged["headers"].(map[string]any)
		for _, name := range []string{"ETag", "Cache-Control", "Vary"} {
			if _, found := headers[name]; !found {
				t.Errorf("%s: header %s is not described", id, name)
			}
		}
		if text := d.op["description"].(string); !strings.Contains(text, "vary by Authorization") {
			t.Errorf("%s: %s", id, text)
		}
		if !slices.ContainsFunc(parameters(d.op), func(p map[string]any) bool { return p["name"] == "If-None-Match" }) {
			t.Errorf("%s does not say that it takes If-None-Match", id)
		}
	}
}
