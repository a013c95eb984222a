package pages

import (
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/web/api"
	"rostrum/web/edge"
)

// shown is how many things a page lists, and how far ahead sessions are shown.
const (
	shown = 50
	ahead = 31 * 24 * time.Hour
)

type homeData struct {
	Live, Soon, Over []auction.Session
	Areas            map[string]string
}

// home lists what is live, what comes within a month, and what was over within one.
func (s *site) home(r *request) error {
	areas, err := s.edge.Areas(r.ctx)
	if err != nil {
		return err
	}
	d := homeData{Areas: areaNames(areas)}
	for tab, into := range map[edge.Tab]*[]auction.Session{edge.TabLive: &d.Live, edge.TabUpcoming: &d.Soon, edge.TabEnded: &d.Over} {
		if *into, err = s.edge.SessionTab(r.ctx, tab, "", auction.Page{Limit: shown}); err != nil {
			return err
		}
	}
	return s.show(r, http.StatusOK, "home", s.view(r, "Sales", d))
}

type goodsData struct {
	*edge.GoodsPage
	State  auction.SessionState
	Lots   []goodsLot
	Wanted wanted
	More   string // the address of the next page, where there is one
}

// goodsLot is a lot with the id of the bid that its form will ask for: made with the page, so that sending the form again
// asks for the same bid and can never buy twice.
type goodsLot struct {
	auction.Lot
	BidID uuid.UUID
	State string
}

func (s *site) goods(r *request) error {
	id, err := uuid.Parse(r.param("id"))
	if err != nil {
		return api.NewProblem("session_not_found", "")
	}
	p := auction.Page{Limit: shown}
	if after := r.query("after"); after != "" {
		key, _ := strconv.ParseInt(r.query("key"), 10, 64)
		if p.ID, err = uuid.Parse(after); err != nil {
			return api.NewProblem("session_not_found", "")
		}
		p.Key = key
	}
	w, filter, err := s.wantedOf(r, id)
	if err != nil {
		return err
	}
	g, err := s.edge.Goods(r.ctx, r.Who, id, filter, p)
	if err != nil {
		return err
	}
	now := s.edge.NowUS()
	d := goodsData{GoodsPage: g, State: g.Session.StateAt(now), Wanted: w, More: w.more(g.Next)}
	for _, l := range g.Lots {
		d.Lots = append(d.Lots, goodsLot{l, s.edge.NewID(), edge.LotState(&l, now)})
	}
	return s.show(r, http.StatusOK, "goods", s.view(r, g.Session.Name, d))
}

type refusedData struct {
	Lot     uuid.UUID
	Session string
	Form    map[string]string
	Again   bool // asking the same again may help
}

// bid places the bid of a goods page's form. An admission leads to its receipt.
func (s *site) bid(r *request) error {
	lot, err := uuid.Parse(r.param("id"))
	if err != nil {
		return api.NewProblem("not_found", "")
	}
	if err := s.edge.Enter(); err != nil {
		return s.refused(r, lot, err)
	}
	defer s.edge.Leave()
	w := edge.Wish{Code: r.form("code"), Quantity: 1, Currency: r.form("currency"), Again: r.form("again") != ""}
	w.ID, _ = uuid.Parse(r.form("bid_id")) // none: Check says so
	w.Seen, _ = strconv.ParseInt(r.form("price_seen"), 10, 64)
	if q := r.form("quantity"); q != "" {
		w.Quantity, _ = strconv.ParseInt(q, 10, 64)
	}
	_, err = s.edge.Bid(r.ctx, edge.Caller{Claims: r.Who, Address: r.c.IP(), Trace: api.TraceOf(r.c)}, lot, w)
	if err == nil {
		return r.c.Redirect("/lots/"+lot.String()+"/bids/"+w.ID.String(), http.StatusSeeOther)
	}
	return s.refused(r, lot, err)
}

// refused says why a bid was not admitted, and what to do next.
func (s *site) refused(r *request, lot uuid.UUID, err error) error {
	p := s.told(r, err)
	v := s.view(r, p.Title, refusedData{Lot: lot, Session: r.form("session"), Form: r.forms(),
		Again: p.AskAgain || p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests})
	v.Problem = p
	return s.show(r, p.Status, "refused", v)
}

func (s *site) receipt(r *request) error {
	lot, err := uuid.Parse(r.param("id"))
	bid, err2 := uuid.Parse(r.param("bid"))
	if err != nil || err2 != nil {
		return api.NewProblem("bid_not_found", "")
	}
	p, err := s.edge.Receipt(r.ctx, r.Who, lot, bid)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "receipt", s.view(r, "You have it", p))
}
