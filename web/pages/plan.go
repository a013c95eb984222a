package pages

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/money"
	"rostrum/web/api"
	"rostrum/web/edge"
)

// browserTime is how <input type="datetime-local"> writes a time; the pages say that it is UTC.
const browserTime = "2006-01-02T15:04"

type planData struct {
	Sessions []planned
	Areas    []goods.Area
}

type planned struct {
	auction.Session
	Now auction.SessionState
}

func (s *site) planView(r *request) (view, error) {
	now := s.edge.NowUS()
	f := auction.SessionFilter{Drafts: true, FromUS: now - ahead.Microseconds()}
	found, err := s.edge.ListSessions(r.ctx, r.Who, f, auction.Page{Limit: edge.MaxPage})
	if err != nil {
		return view{}, err
	}
	areas, err := s.edge.Areas(r.ctx)
	d := planData{Areas: areas}
	for _, session := range found {
		d.Sessions = append(d.Sessions, planned{session, session.StateAt(now)})
	}
	return s.view(r, "Plan", d), err
}

func (s *site) plan(r *request) error {
	v, err := s.planView(r)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "plan", v)
}

func (s *site) createSession(r *request) error {
	session := auction.Session{Area: r.form("area"), Name: r.form("name"), Currency: r.form("currency"), Zone: "UTC",
		Recurrence: auction.Recurrence(r.form("recurrence"))}
	session.StartsUS, session.EndsUS = usOf(r.form("starts")), usOf(r.form("ends"))
	_, err := s.edge.CreateSession(r.ctx, r.Who, session)
	return s.backToPlan(r, err)
}

// usOf reads a browser's time; what is none is 0, which is in the past and refused as that.
func usOf(text string) int64 {
	for _, form := range []string{browserTime, browserTime + ":05"} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UnixMicro()
		}
	}
	return 0
}

func (s *site) backToPlan(r *request, err error) error {
	if err == nil {
		return r.c.Redirect("/plan", http.StatusSeeOther)
	}
	v, viewErr := s.planView(r)
	if viewErr != nil {
		return viewErr
	}
	return s.again(r, "plan", v, err)
}

func (s *site) publish(r *request) error {
	return s.atRev(r, func(id uuid.UUID, rev int64) error {
		_, err := s.edge.Publish(r.ctx, id, rev, false)
		return err
	})
}

func (s *site) cancelSession(r *request) error {
	return s.atRev(r, func(id uuid.UUID, rev int64) error {
		_, err := s.edge.CancelSession(r.ctx, id, rev)
		return err
	})
}

// atRev does something to a session at the revision that its form was shown with.
func (s *site) atRev(r *request, change func(id uuid.UUID, rev int64) error) error {
	id, err := uuid.Parse(r.param("id"))
	rev, err2 := strconv.ParseInt(r.form("rev"), 10, 64)
	if err != nil || err2 != nil {
		return api.NewProblem("session_not_found", "")
	}
	return s.backToPlan(r, change(id, rev))
}

func (s *site) pipeline(r *request) error {
	state, err := s.edge.Pipeline.State(r.ctx)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "pipeline", s.view(r, "Pipeline", state))
}

// problems explains every problem, or one: what `type` of a problem leads to.
func (s *site) problems(r *request) error {
	kinds := api.Kinds()
	if code := r.param("code"); code != "" {
		n := slices.IndexFunc(kinds, func(k api.Kind) bool { return k.Code == code })
		if n < 0 {
			return api.NewProblem("no_such_route", "there is no problem of that name")
		}
		kinds = kinds[n : n+1]
	}
	return s.show(r, http.StatusOK, "problems", s.view(r, "Problems", kinds))
}

// minorOf reads an amount as people write it ("45", "45.00") in the currency's minor units. false: it is none.
func minorOf(text, currency string) (int64, bool) {
	whole, part, _ := strings.Cut(strings.TrimSpace(text), ".")
	_, decimals, _ := strings.Cut(strings.TrimSuffix(money.Amount{Currency: currency}.String(), " "+currency), ".")
	if !money.Known(currency) || len(part) > len(decimals) || whole == "" || len(whole) > 16 {
		return 0, false
	}
	digits := whole + part + strings.Repeat("0", len(decimals)-len(part))
	if strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	minor, err := strconv.ParseInt(digits, 10, 64)
	return minor, err == nil
}
