package edge

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/fault"
)

// lotsAtOnce is the page in which publishing reads a session's lots.
const lotsAtOnce = 1000

// ListSessions lists sessions in order of their start; drafts only for those who may see them.
func (e *Edge) ListSessions(ctx context.Context, who accounts.Claims, f auction.SessionFilter, p auction.Page) ([]auction.Session, error) {
	f.NowUS = e.NowUS()
	if f.Drafts || f.State == auction.SessionDraft {
		if !may(who, accounts.SessionsDrafts) {
			return nil, fault.New(fault.Forbidden, "not_allowed", "drafts are shown to sellers and operators")
		}
		f.Drafts = true
	}
	if e.noArea(ctx, f.Area) {
		return nil, nil
	}
	if f.Drafts {
		return e.Sessions.ListSessions(ctx, f, p)
	}
	return e.Shelf.ListSessions(ctx, f, p)
}

// Tab is one of the lists of sessions that people look through.
type Tab string

// The tabs.
const (
	TabLive     Tab = "live"
	TabUpcoming Tab = "upcoming"
	TabEnded    Tab = "ended"
)

// aMonth is how far ahead sessions are shown, and how long after they began.
const aMonth = 31 * 24 * time.Hour

// SessionTab lists the sessions of a tab, of all areas where area is "", in order of (starts_us, id). Their state is that
// of now, whatever is stored. None for another tab.
func (e *Edge) SessionTab(ctx context.Context, tab Tab, area string, p auction.Page) ([]auction.Session, error) {
	now := e.NowUS()
	f := auction.SessionFilter{Area: area, NowUS: now}
	if e.noArea(ctx, area) {
		return nil, nil
	}
	switch tab {
	case TabLive:
		f.State = auction.SessionLive
	case TabUpcoming:
		f.State, f.FromUS, f.ToUS = auction.SessionScheduled, now, now+aMonth.Microseconds()
	case TabEnded:
		return e.ended(ctx, f, p)
	default:
		return nil, nil
	}
	return e.Shelf.ListSessions(ctx, f, p)
}

// ended lists what is over: to people, whether its orders are final makes no difference.
func (e *Edge) ended(ctx context.Context, f auction.SessionFilter, p auction.Page) ([]auction.Session, error) {
	f.FromUS, f.ToUS = max(f.NowUS-aMonth.Microseconds(), 0), f.NowUS
	var all []auction.Session
	for _, f.State = range []auction.SessionState{auction.SessionEnded, auction.SessionSettled} {
		some, err := e.Shelf.ListSessions(ctx, f, p)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(x, y auction.Session) int {
		return cmp.Or(cmp.Compare(x.StartsUS, y.StartsUS), slices.Compare(x.ID[:], y.ID[:]))
	})
	return all[:min(len(all), p.Limit)], nil
}

// Plans says whether somebody may see what is not published, and so gets sessions and lots as they are written.
func (e *Edge) Plans(who accounts.Claims) bool { return may(who, accounts.SessionsDrafts) }

// Session gives a session; a draft only to those who may see them. NotFound `session_not_found`.
func (e *Edge) Session(ctx context.Context, who accounts.Claims, id uuid.UUID) (auction.Session, error) {
	if !may(who, accounts.SessionsDrafts) {
		return e.published(ctx, id)
	}
	return e.Sessions.Session(ctx, id)
}

func (e *Edge) published(ctx context.Context, id uuid.UUID) (auction.Session, error) {
	s, err := e.Shelf.Session(ctx, id)
	if err == nil && s.State == auction.SessionDraft {
		return auction.Session{}, notFound("session_not_found", "there is no such session")
	}
	return s, err
}

// CreateSession plans a session as a draft. Invalid with every wrong field.
func (e *Edge) CreateSession(ctx context.Context, who accounts.Claims, s auction.Session) (auction.Session, error) {
	now := e.NowUS()
	s.ID, s.State, s.Creator, s.CreatedUS, s.Rev, s.Lots = e.NewID(), auction.SessionDraft, who.User, now, 1, 0
	if err := e.checkSession(ctx, s, now); err != nil {
		return s, err
	}
	return s, e.Sessions.CreateSession(ctx, s)
}

func (e *Edge) checkSession(ctx context.Context, s auction.Session, nowUS int64) error {
	wrong := auction.CheckSession(s, nowUS)
	if !slices.ContainsFunc(wrong, func(f fault.Field) bool { return f.Name == "area" }) {
		unknown, err := e.knownArea(ctx, s.Area)
		if err != nil {
			return err
		}
		wrong = append(wrong, unknown...)
	}
	if err := fault.Invalids(wrong); err != nil {
		return err
	}
	return nil
}

// ChangeSession changes a draft that still has rev. Conflict `session_published`, Stale `stale`.
func (e *Edge) ChangeSession(ctx context.Context, id uuid.UUID, rev int64, change func(*auction.Session)) (auction.Session, error) {
	s, err := e.draft(ctx, id)
	if err != nil {
		return s, err
	}
	if s.Rev != rev {
		return s, stale()
	}
	change(&s)
	if err := e.checkSession(ctx, s, e.NowUS()); err != nil {
		return s, err
	}
	return e.Sessions.ChangeSession(ctx, s)
}

func (e *Edge) draft(ctx context.Context, id uuid.UUID) (auction.Session, error) {
	s, err := e.Sessions.Session(ctx, id)
	if err == nil && s.State != auction.SessionDraft {
		return s, fault.New(fault.Conflict, "session_published", fmt.Sprintf("the session is %s: what was published is frozen", s.StateAt(e.NowUS())))
	}
	return s, err
}

// Publish freezes a draft that still has rev and gives it scheduled; with dryRun it changes nothing (and rev is not looked
// at). Invalid with all that is wrong, in session and lots; Conflict `session_published`, Stale `stale`.
func (e *Edge) Publish(ctx context.Context, id uuid.UUID, rev int64, dryRun bool) (auction.Session, error) {
	s, err := e.draft(ctx, id)
	if err != nil {
		return s, err
	}
	if !dryRun && s.Rev != rev {
		return s, stale()
	}
	lots, items, err := e.lotsWithItems(ctx, id)
	if err != nil {
		return s, err
	}
	scheduled, open, wrong, err := auction.Publish(s, lots, items, e.Shards, e.NowUS(), e.Random)
	if err != nil {
		return s, err
	}
	if err := fault.Invalids(wrong); err != nil {
		return s, err
	}
	if dryRun {
		return s, nil
	}
	if err := e.Sessions.Publish(ctx, scheduled, open); err != nil {
		return s, err
	}
	return e.Sessions.Session(ctx, id)
}

// lotsWithItems reads all lots of a session and the item of each.
func (e *Edge) lotsWithItems(ctx context.Context, session uuid.UUID) ([]auction.Lot, map[uuid.UUID]goods.Item, error) {
	var lots []auction.Lot
	items, after := map[uuid.UUID]goods.Item{}, uuid.Nil
	for len(lots) <= auction.MaxSessionLots {
		page, err := e.Sessions.Lots(ctx, session, after, lotsAtOnce)
		if err != nil {
			return nil, nil, err
		}
		if err := e.addItems(ctx, items, page); err != nil {
			return nil, nil, err
		}
		lots = append(lots, page...)
		if len(page) < lotsAtOnce {
			break
		}
		after = page[len(page)-1].ID
	}
	return lots, items, nil
}

// addItems reads the items of lots, all at once: a session may have a hundred thousand.
func (e *Edge) addItems(ctx context.Context, items map[uuid.UUID]goods.Item, lots []auction.Lot) error {
	ids := make([]uuid.UUID, len(lots))
	for n, l := range lots {
		ids[n] = l.Item
	}
	found, err := e.Items.ItemsByID(ctx, ids)
	if err != nil {
		return err
	}
	for _, i := range found {
		items[i.ID] = i
	}
	for _, l := range lots {
		if _, ok := items[l.Item]; !ok {
			return notFound("item_not_found", fmt.Sprintf("there is no item of lot %s", l.ID))
		}
	}
	return nil
}

// CancelSession ends a session that still has rev: a draft at once; a scheduled one by withdrawing its lots from the gate,
// so that its state follows as soon as those records are applied. Asking again after a failure goes on where it stopped,
// after the session's start too. Conflict `session_published` for any other that has begun or is over. Stale `stale`.
func (e *Edge) CancelSession(ctx context.Context, id uuid.UUID, rev int64) (auction.Session, error) {
	s, err := e.Sessions.Session(ctx, id)
	if err == nil && s.Rev != rev {
		err = stale()
	}
	if err != nil {
		return s, err
	}
	withdraw, err := e.mayWithdraw(ctx, s)
	switch {
	case err != nil:
	case withdraw:
		err = e.withdrawLots(ctx, s)
	default:
		err = e.Sessions.CancelSession(ctx, id, rev)
	}
	if err != nil {
		return s, err
	}
	return e.Sessions.Session(ctx, id)
}

// mayWithdraw says whether a session's lots may be taken out: those of one that has not begun, and the rest of one whose
// first lot is out already. That one could neither be sold whole any more nor cancelled.
func (e *Edge) mayWithdraw(ctx context.Context, s auction.Session) (bool, error) {
	if s.State != auction.SessionScheduled || e.NowUS() < s.StartsUS {
		return s.State == auction.SessionScheduled, nil
	}
	first, err := e.Sessions.Lots(ctx, s.ID, uuid.Nil, 1)
	return len(first) == 1 && first[0].State == auction.LotWithdrawn, err
}

// withdrawLots takes all lots of a session out of the gate, in order of id. They are preheated first: what the gate does
// not hold it cannot withdraw, and a lot that is withdrawn there is not preheated again. After the start they are there.
func (e *Edge) withdrawLots(ctx context.Context, s auction.Session) error {
	ctx, cancel := context.WithTimeout(ctx, e.PublishTimeout)
	defer cancel()
	if e.NowUS() < s.StartsUS {
		if _, err := e.Preheat.Preheat(ctx, s.ID); err != nil {
			return err
		}
	}
	for after := uuid.Nil; ; {
		lots, err := e.Sessions.Lots(ctx, s.ID, after, lotsAtOnce)
		if err != nil {
			return err
		}
		for _, l := range lots {
			if _, err := e.Gate.Withdraw(ctx, l.Shard, l.ID, "session_cancelled"); err != nil {
				return err
			}
			after = l.ID
		}
		if len(lots) < lotsAtOnce {
			return nil
		}
	}
}

// PreheatNow preheats a published session.
func (e *Edge) PreheatNow(ctx context.Context, id uuid.UUID) (PreheatReport, error) {
	s, err := e.Sessions.Session(ctx, id)
	if err != nil {
		return PreheatReport{}, err
	}
	if s.State != auction.SessionScheduled {
		return PreheatReport{}, fault.New(fault.Conflict, "session_not_scheduled", fmt.Sprintf("the session is %s: only a scheduled one is preheated", s.State))
	}
	return e.Preheat.Preheat(ctx, id)
}
