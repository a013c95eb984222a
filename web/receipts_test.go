package web_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/web/webtest"
)

// sweep lets the time of LotLive pass, and its gate forget it.
func (s *stage) sweep(state auction.LotState) {
	s.Helper()
	s.w.Clock.Move(2 * time.Hour)
	s.change(webtest.LotLive, func(l *auction.Lot) { l.State = state })
	shard := auction.ShardOf(webtest.LotLive, uuid.Nil, auction.DefaultShards)
	if err := s.w.Gate.Sweep(s.Context(), shard, []uuid.UUID{webtest.LotLive}); err != nil {
		s.Fatal(err)
	}
}

// What was admitted is answered by the same receipt when the gate has forgotten the lot, byte by byte; a refusal as before.
func TestReceiptsOutliveTheSweep(t *testing.T) {
	for state, refused := range map[auction.LotState]string{auction.LotOpen: "ended", auction.LotClosed: "ended", auction.LotWithdrawn: "withdrawn"} {
		t.Run(string(state), func(t *testing.T) {
			s := newStage(t)
			first := s.bid(webtest.Ben, webtest.LotLive)
			read := s.as(webtest.Ben).Do("GET", first.Header.Get("Location"), nil)
			s.sweep(state)
			if a := s.bid(webtest.Ben, webtest.LotLive, "again", true); a.Status != http.StatusOK || string(a.Body) != string(first.Body) {
				t.Errorf("asked again: %d %s, before %s", a.Status, a.Body, first.Body)
			}
			if a := s.as(webtest.Ben).Do("GET", first.Header.Get("Location"), nil); a.Status != http.StatusOK || string(a.Body) != string(read.Body) {
				t.Errorf("read: %d %s, before %s", a.Status, a.Body, read.Body)
			}
			if a := s.bid(webtest.Ben, webtest.LotLive, "again", true, "quantity", 2); a.Text("code") != "id_reused" {
				t.Errorf("with another content: %d %s", a.Status, a.Body)
			}
			if a := s.bid(webtest.Bea, webtest.LotLive, "again", true); a.Text("code") != refused || a.Text("closes") == "" {
				t.Errorf("another's bid of this id: %d %s", a.Status, a.Body)
			}
			if a := s.as(webtest.Bea).Do("GET", first.Header.Get("Location"), nil); a.Text("code") != "bid_not_found" {
				t.Errorf("read by another: %d %s", a.Status, a.Body)
			}
			if n := s.w.Counters.Count("alarm gate_lost_lot"); n != 0 {
				t.Error("a lot that is over counts as lost")
			}
		})
	}
}

// While a lot lives the gate has all that was admitted: the stored journal is not asked.
func TestALiveLotCostsNoLookInTheStoredJournal(t *testing.T) {
	s := newStage(t)
	s.as(webtest.Ben).Do("GET", bidPath(webtest.LotLive)+"/"+nothingPath, nil)
	s.bid(webtest.Ben, webtest.LotMissing, "again", true)
	s.bid(webtest.Ben, webtest.LotSoon, "again", true)
	s.change(webtest.LotLive, func(l *auction.Lot) { l.State = auction.LotClosed })
	if a := s.bid(webtest.Ben, webtest.LotLive); a.Text("code") != "ended" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if n := s.w.Stored.Asked(); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

// A stored journal that cannot be asked leaves it open whether a bid was admitted; it does not say that it was not.
func TestStoredJournalAway(t *testing.T) {
	for want, err := range map[string]error{"unavailable": fault.New(fault.Unavailable, "unavailable", "MySQL is away"), "unknown_outcome": errors.New("broken")} {
		s := newStage(t)
		first := s.bid(webtest.Ben, webtest.LotLive)
		s.sweep(auction.LotClosed)
		s.w.Stored.Before = func() error { return err }
		if a := s.bid(webtest.Ben, webtest.LotLive, "again", true); a.Text("code") != want {
			t.Errorf("asked again, %v: %d %s", err, a.Status, a.Body)
		}
		if a := s.as(webtest.Ben).Do("GET", first.Header.Get("Location"), nil); a.Status < 500 {
			t.Errorf("read, %v: %d %s", err, a.Status, a.Body)
		}
	}
}

// Questions about lots that are over do not crowd out what sells: each here asks the next, until one is turned away.
func TestFewAskTheStoredJournalAtOnce(t *testing.T) {
	s := newStage(t)
	s.bid(webtest.Ben, webtest.LotLive)
	s.sweep(auction.LotClosed)
	var last webtest.Answer
	s.w.Stored.Before = func() error {
		if a := s.bid(webtest.Ben, webtest.LotLive, "again", true); a.Status != http.StatusOK {
			last = a
		}
		return nil
	}
	if a := s.bid(webtest.Ben, webtest.LotLive, "again", true); a.Status != http.StatusOK {
		t.Errorf("the first: %d %s", a.Status, a.Body)
	}
	if last.Text("code") != "overloaded" || last.Header.Get("Retry-After") != "1" || s.w.Stored.Asked() != 16 {
		t.Errorf("after %d questions: %d %s", s.w.Stored.Asked(), last.Status, last.Body)
	}
}
