package simulate

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/orders"
)

func TestClient(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer abc" || r.Header.Get("If-Match") != `"3"` || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("headers %v", r.Header)
		}
		w.Header().Set("ETag", `"4"`)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusAccepted)
		for range 3 { // in chunks
			_, _ = w.Write([]byte(strings.Repeat("x", 5000)))
			w.(http.Flusher).Flush()
		}
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	for name, c := range map[string]struct {
		base     string
		insecure bool
		sent     bool
	}{
		"plain": {plain.URL, false, true}, "with a slash": {plain.URL + "/", false, true},
		"TLS, any certificate": {secure.URL, true, true}, "TLS, an unknown certificate": {secure.URL, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			client := NewClient(func() string { return c.base }, ClientOptions{Insecure: c.insecure})
			defer client.Close()
			asker := client.Asker()
			answer, err := asker.Ask(http.MethodPost, "/p", "abc", []byte("{}"), `"3"`)
			if !c.sent {
				if err == nil || !strings.Contains(err.Error(), "certificate") {
					t.Fatalf("%v", err)
				}
				return
			}
			if err != nil || answer.Status != 202 || len(answer.Body) != 15_000 || answer.ETag != `"4"` || answer.RetryAfter != 7*time.Second {
				t.Fatalf("%d with %d bytes, %q, %v: %v", answer.Status, len(answer.Body), answer.ETag, answer.RetryAfter, err)
			}
			if answer, err = asker.Ask(http.MethodPost, "/p", "abc", []byte("{}"), `"3"`); err != nil || len(answer.Body) != 15_000 {
				t.Errorf("the second time %d bytes: %v", len(answer.Body), err)
			}
		})
	}
}

// Errors tell what cannot have arrived from what may have.
func TestClientErrors(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	huge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), maxAnswerBytes+1))
	}))
	defer huge.Close()
	for name, c := range map[string]struct {
		base    string
		notSent bool
	}{
		"nobody listens": {"http://127.0.0.1:1", true}, "no address": {"nonsense", true},
		"no answer": {"http://" + silent.Addr().String(), false}, "too long an answer": {huge.URL, false},
	} {
		t.Run(name, func(t *testing.T) {
			client := NewClient(func() string { return c.base }, ClientOptions{Timeout: 200 * time.Millisecond})
			defer client.Close()
			began := time.Now()
			_, err := client.Asker().Ask(http.MethodGet, "/", "", nil)
			if err == nil || errors.Is(err, ErrNotSent) != c.notSent {
				t.Errorf("%v", err)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// No more connections than allowed; who finds none free waits.
func TestConnectionsAreBounded(t *testing.T) {
	var mu sync.Mutex
	open, most := 0, 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		switch state {
		case http.StateNew:
			open++
			most = max(most, open)
		case http.StateClosed:
			open--
		}
	}
	server.Start()
	defer server.Close()
	client := NewClient(func() string { return server.URL }, ClientOptions{Connections: 3})
	defer client.Close()
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			asker := client.Asker()
			for range 10 {
				if _, err := asker.Ask(http.MethodGet, "/", "", nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	mu.Lock()
	defer mu.Unlock()
	if most > 3 || most < 1 {
		t.Errorf("%d connections at once", most)
	}
}

func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 0, "0": 0, "2": 2 * time.Second, "86400": maxRetryAfter, "-1": time.Second, "Wed, 21 Oct 2026 07:28:00 GMT": time.Second} {
		if got := retryAfter([]byte(text)); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestReadingAnswers(t *testing.T) {
	id := func(n int) uuid.UUID { return uuid.UUID{15: byte(n)} }
	b := Bid{Member: Member{User: id(9)}, Lot: Lot{ID: id(1)}, ID: id(2)}
	receipt := `{"bid_id":"` + id(2).String() + `","lot":"` + id(1).String() + `","order":"` + id(3).String() + `","quantity":2,"seq":17}`
	admission := orders.Admission{Lot: id(1), Buyer: id(9), Bid: id(2), Order: id(3), Quantity: 2, Seq: 17}
	for _, c := range []struct {
		name   string
		status int
		body   string
		err    error
		after  time.Duration
		want   Reply
	}{
		{name: "admitted", status: 201, body: receipt, want: Reply{Verdict: "admitted", Receipt: admission}},
		{name: "admitted before", status: 200, body: receipt, want: Reply{Verdict: "admitted", Receipt: admission, Repeat: true}},
		{name: "spaced out", status: 201, body: strings.NewReplacer(`:`, ` : `, `,`, ", ").Replace(receipt), want: Reply{Verdict: "admitted", Receipt: admission}},
		{name: "no receipt", status: 201, body: `{}`, want: Reply{Verdict: Unreadable, Retry: true, Again: true}},
		{name: "cut short", status: 201, body: receipt[:60], want: Reply{Verdict: Unreadable, Retry: true, Again: true}},
		{name: "refused", status: 409, body: `{"type":"/problems/sold_out","code":"sold_out"}`, want: Reply{Verdict: "sold_out"}},
		{name: "refused, spaced out", status: 403, body: `{ "code" : "bad_code" }`, want: Reply{Verdict: "bad_code"}},
		{name: "a proxy's page", status: 404, body: `<html>`, want: Reply{Verdict: Unreadable}},
		{name: "busy", status: 503, body: `{"code":"busy"}`, after: time.Second, want: Reply{Verdict: "busy", Retry: true, After: time.Second}},
		{name: "limited", status: 429, body: `{"code":"rate_limited"}`, want: Reply{Verdict: "rate_limited", Retry: true}},
		{name: "unknown", status: 504, body: `{"code":"unknown_outcome"}`, want: Reply{Verdict: "unknown_outcome", Retry: true, Again: true}},
		{name: "a proxy's error", status: 502, body: ``, want: Reply{Verdict: Unreadable, Retry: true, Again: true}},
		{name: "no answer", err: errors.New("reset"), want: Reply{Verdict: NoAnswer, Retry: true, Again: true}},
		{name: "not sent", err: ErrNotSent, want: Reply{Verdict: NoConnection, Retry: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := read(b, Answer{Status: c.status, Body: []byte(c.body), RetryAfter: c.after}, c.err); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

// Nobody is asked before they said, and those who were turned away together do not come back together.
func TestBackoff(t *testing.T) {
	b := Backoff{First: 100 * time.Millisecond, Most: time.Second}
	d := rand.New(rand.NewPCG(1, 1))
	for n, most := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, time.Second, time.Second} {
		least, longest := time.Hour, time.Duration(0)
		for range 1000 {
			p := b.Pause(n, 2*time.Second, d) - 2*time.Second
			least, longest = min(least, p), max(longest, p)
		}
		if least < 0 || least > most/10 || longest > most || longest < most*9/10 {
			t.Errorf("after %d asks: %v to %v, want up to %v", n+1, least, longest, most)
		}
	}
	if p := b.Pause(1000, 0, d); p > time.Second {
		t.Errorf("%v after a thousand", p)
	}
}

func TestReadTokens(t *testing.T) {
	one, two := uuid.New(), uuid.New()
	for _, c := range []struct {
		name, text string
		want       int
		says       string
	}{
		{"lines", token(one) + "\n\n" + token(two) + "\r\n", 2, ""},
		{"json", `[{"user":"` + one.String() + `","login":"a","token":"` + token(one) + `"}]`, 1, ""},
		{"one user twice", token(one) + "\n" + token(one), 1, ""},
		{"nothing", "", 0, "there are no tokens"},
		{"blank lines", "\n\n", 0, "there are no tokens"},
		{"an empty list", "[]", 0, "there are no tokens"},
		{"another list", "[1]", 0, "no JSON"},
		{"a word", token(one) + "\nhello\n", 0, "line 2 is no access token"},
		{"no claims", "a.b.c", 0, "line 1 is no access token"},
		{"one long line", strings.Repeat("x", 1<<16), 0, "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadTokens(strings.NewReader(c.text))
			if len(got) != c.want || c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Fatalf("%d members, %v", len(got), err)
			}
			if c.want > 0 && (got[0].User != one || got[0].Token != token(one)) {
				t.Errorf("%+v", got[0])
			}
		})
	}
}
