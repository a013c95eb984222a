package store

import (
	"cmp"
	"context"
	"math"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/fault"
	"rostrum/store/db"
)

var _ auction.Sessions = (*Store)(nil)

// CreateSession stores a new session, of rev 1. Beside the port's faults: Conflict `occurrence_exists` where its parent
// is followed by another already.
func (s *Store) CreateSession(ctx context.Context, a auction.Session) error {
	return s.write(ctx, "create session", func(ctx context.Context, t tx) error { return t.insertSession(ctx, a) })
}

func (t tx) insertSession(ctx context.Context, a auction.Session) error {
	err := t.InsertSession(ctx, db.InsertSessionParams{ID: db.ID(a.ID), Area: a.Area, Name: a.Name, Currency: a.Currency,
		StartsUs: a.StartsUS, EndsUs: a.EndsUS, Recurrence: cmp.Or(a.Recurrence, auction.Once), Zone: cmp.Or(a.Zone, "UTC"),
		ParentID: orNull(a.Parent), State: cmp.Or(a.State, auction.SessionDraft), CreatorID: db.ID(a.Creator),
		CreatedUs: a.CreatedUS, Rev: 1})
	if key, ok := duplicate(err); ok && key == "uk_auctions_parent" {
		return fault.New(fault.Conflict, "occurrence_exists", "the session has a next occurrence already")
	}
	return err
}

// Session gives one session with its number of lots.
func (s *Store) Session(ctx context.Context, id uuid.UUID) (auction.Session, error) {
	var a auction.Session
	err := s.read(ctx, "session", func(ctx context.Context, q tx) (err error) {
		a, err = q.session(ctx, id)
		return err
	})
	return a, err
}

// session reads a session inside a transaction.
func (t tx) session(ctx context.Context, id uuid.UUID) (auction.Session, error) {
	row, err := t.GetSession(ctx, db.ID(id))
	if err != nil {
		return auction.Session{}, missing(err, "session_not_found", "session")
	}
	list, err := t.sessions(ctx, []db.Auction{row}, nil)
	if err != nil {
		return auction.Session{}, err
	}
	return list[0], nil
}

// sessions makes sessions of rows, with their numbers of lots.
func (t tx) sessions(ctx context.Context, rows []db.Auction, err error) ([]auction.Session, error) {
	if err != nil {
		return nil, err
	}
	counts, err := collect(t.conn, mapped(rows, func(a db.Auction) db.ID { return a.ID }),
		func(q *db.Queries) ([]db.CountLotsRow, error) { return q.CountLots(ctx, db.ID{}) })
	lots := map[db.ID]int{}
	for _, c := range counts {
		lots[c.SessionID] = int(c.Lots)
	}
	list := mapped(rows, sessionOf)
	for i := range list {
		list[i].Lots = lots[rows[i].ID]
	}
	return list, err
}

// draft locks a session's row and gives its rev; Conflict where it is no draft any more.
func (t tx) draft(ctx context.Context, id uuid.UUID) (rev int64, err error) {
	row, err := t.LockSession(ctx, db.ID(id))
	switch {
	case err != nil:
		return 0, missing(err, "session_not_found", "session")
	case row.State == auction.SessionCancelled:
		return 0, fault.New(fault.Conflict, "session_not_draft", "the session was cancelled")
	case row.State != auction.SessionDraft:
		return 0, fault.New(fault.Conflict, "session_published", "the session is published; its rules are frozen")
	}
	return row.Rev, nil
}

// draftOf is draft for who has read the row at a rev.
func (t tx) draftOf(ctx context.Context, id uuid.UUID, rev int64) error {
	now, err := t.draft(ctx, id)
	if err == nil && now != rev {
		return stale("session")
	}
	return err
}

// ChangeSession writes a draft where its rev is a.Rev.
func (s *Store) ChangeSession(ctx context.Context, a auction.Session) (auction.Session, error) {
	var after auction.Session
	err := s.write(ctx, "change session", func(ctx context.Context, t tx) error {
		if err := t.draftOf(ctx, a.ID, a.Rev); err != nil {
			return err
		}
		rows, err := t.UpdateSession(ctx, db.UpdateSessionParams{Area: a.Area, Name: a.Name, Currency: a.Currency, StartsUs: a.StartsUS,
			EndsUs: a.EndsUS, Recurrence: a.Recurrence, Zone: a.Zone, ID: db.ID(a.ID), Rev: a.Rev})
		if err := one(rows, err, stale("session")); err != nil {
			return err
		}
		after, err = t.session(ctx, a.ID)
		return err
	})
	return after, err
}

// ListSessions gives sessions by start and id.
func (s *Store) ListSessions(ctx context.Context, f auction.SessionFilter, p auction.Page) ([]auction.Session, error) {
	after := p.Key // a session may start at 0, so "from the front" is before every time
	if p.Key == 0 && p.ID == uuid.Nil {
		after = math.MinInt64
	}
	var list []auction.Session
	err := s.read(ctx, "list sessions", func(ctx context.Context, q tx) error {
		rows, err := q.ListSessions(ctx, db.ListSessionsParams{FromUs: f.FromUS, ToUs: cmp.Or(f.ToUS, math.MaxInt64),
			AnyArea: f.Area == "", Area: f.Area, Drafts: f.Drafts, AnyState: f.State == "", NowUs: f.NowUS, State: f.State,
			AfterUs: after, AfterID: db.ID(p.ID), Limit: page(p.Limit)})
		list, err = q.sessions(ctx, rows, err)
		return err
	})
	return list, err
}

// publishTime is what publishing may take: a session of auction.MaxSessionLots is some hundred statements.
const publishTime = time.Minute

// Publish freezes a draft: its row becomes scheduled, its lots take what Publish is given. All of the session's lots must
// be given, as they were read: Stale `stale` otherwise. The items are looked at once more, under their locks: Invalid with
// all that is wrong, as auction.Publish says it, where one has changed meanwhile or was published elsewhere.
func (s *Store) Publish(ctx context.Context, a auction.Session, lots []auction.Lot) error {
	return s.writeFor(ctx, "publish", publishTime, func(ctx context.Context, t tx) error {
		if err := t.draftOf(ctx, a.ID, a.Rev); err != nil {
			return err
		}
		items, err := t.holdItems(ctx, lots)
		if err != nil {
			return err
		}
		given := make(map[db.ID]auction.Lot, len(lots))
		for _, l := range lots {
			given[db.ID(l.ID)] = l
		}
		if err := t.publishLots(ctx, publication{session: a, given: given, items: items, nowUS: s.options.Now().UnixMicro()}); err != nil {
			return err
		}
		rows, err := t.SetSessionState(ctx, db.SetSessionStateParams{State: auction.SessionScheduled, ID: db.ID(a.ID), Rev: a.Rev})
		return one(rows, err, stale("session"))
	})
}

// holdItems locks the lots' items and gives them as they are now. The update writes what is there: it is the lock that
// all engines share. In order of id, so that two who hold the same items do not meet crosswise.
func (t tx) holdItems(ctx context.Context, lots []auction.Lot) (map[uuid.UUID]goods.Item, error) {
	list := distinct(mapped(lots, func(l auction.Lot) uuid.UUID { return l.Item }))
	if err := each(t.conn, ids(list), func(q *db.Queries) error { return q.HoldItems(ctx, db.ID{}) }); err != nil {
		return nil, err
	}
	items, err := t.items(ctx, list)
	held := make(map[uuid.UUID]goods.Item, len(items))
	for _, i := range items {
		held[i.ID] = i
	}
	return held, err
}

// publication is a draft's way to being published, with its items as they are held.
type publication struct {
	session auction.Session
	given   map[db.ID]auction.Lot // that are still to be met
	items   map[uuid.UUID]goods.Item
	nowUS   int64
	met     int
	wrong   []fault.Field
}

// rows gives the new rows of drafts, each of which must be as it was read, and notes what is wrong with them by now.
func (p *publication) rows(drafts []db.Lot) ([]any, error) {
	args := make([]any, 0, len(drafts)*replaceLots.width)
	for _, r := range drafts {
		was, l := lotOf(r), p.given[r.ID]
		if l.ID != was.ID || l.Rev != r.Rev || r.State != auction.LotDraft {
			return nil, stale("session's list of lots")
		}
		p.wrong = append(p.wrong, auction.CheckLot(auction.LotPath(p.met), was, p.items[was.Item], p.session, p.nowUS)...)
		args = append(args, lotArgs(published(was, l))...)
		p.met++
		delete(p.given, r.ID)
	}
	return args, nil
}

// publishLots writes the lots. The session's row is locked, so that they stay as they are seen here, and whole rows are put
// in their place: no portable statement updates many rows to many values.
func (t tx) publishLots(ctx context.Context, p publication) error {
	for after := (db.ID{}); ; {
		drafts, err := t.LotsOfSession(ctx, db.LotsOfSessionParams{SessionID: db.ID(p.session.ID), ID: after, Limit: MaxPage})
		if err != nil {
			return err
		}
		args, err := p.rows(drafts)
		if err != nil {
			return err
		}
		last := len(drafts) < MaxPage
		if len(p.wrong) > 0 && (last || len(p.wrong) >= auction.MaxWrong) {
			return fault.Invalids(p.wrong[:min(len(p.wrong), auction.MaxWrong)])
		}
		if err := replaceLots.insert(ctx, t.conn, args); err != nil {
			return err
		}
		if last {
			return t.addSlices(ctx, p.session.ID, p.given)
		}
		after = drafts[len(drafts)-1].ID
	}
}

// addSlices writes the lots that were no drafts: the slices after the first of lots that were. What is neither means that
// the list has changed since it was read.
func (t tx) addSlices(ctx context.Context, session uuid.UUID, rest map[db.ID]auction.Lot) error {
	args := make([]any, 0, len(rest)*insertLots.width)
	for _, l := range rest {
		if l.Slice == 0 || l.Session != session {
			return stale("session's list of lots")
		}
		l.Rev = 1
		args = append(args, lotArgs(l)...)
	}
	return insertLots.insert(ctx, t.conn, args)
}

// published is a stored draft with what publishing decides: the rest of a lot was frozen when it was made.
func published(was, l auction.Lot) auction.Lot {
	l.Shard, l.Group, l.Session, l.Item, l.Seller, l.Format = was.Shard, was.Group, was.Session, was.Item, was.Seller, was.Format
	l.Version, l.Sold, l.Rev, l.Slices = was.Version, was.Sold, was.Rev+1, was.Slices
	return l
}

// CancelSession cancels a draft. A published session is not cancelled here: its lots may be in the gate, and only a
// journalled record takes a lot out of it; when all are withdrawn EndSessions moves the session on.
func (s *Store) CancelSession(ctx context.Context, id uuid.UUID, rev int64) error {
	return s.write(ctx, "cancel session", func(ctx context.Context, t tx) error {
		if err := t.draftOf(ctx, id, rev); err != nil {
			return err
		}
		rows, err := t.SetSessionState(ctx, db.SetSessionStateParams{State: auction.SessionCancelled, ID: db.ID(id), Rev: rev})
		return one(rows, err, stale("session"))
	})
}

// DueToPreheat gives scheduled sessions that open soon or are open, soonest first.
func (s *Store) DueToPreheat(ctx context.Context, nowUS, untilUS int64, p auction.Page) ([]auction.Session, error) {
	var list []auction.Session
	err := s.read(ctx, "due to preheat", func(ctx context.Context, q tx) error {
		rows, err := q.SessionsToPreheat(ctx, db.SessionsToPreheatParams{UntilUs: untilUS, NowUs: nowUS, AfterUs: p.Key, AfterID: db.ID(p.ID), Limit: page(p.Limit)})
		list, err = q.sessions(ctx, rows, err)
		return err
	})
	return list, err
}

// EndSessions moves on what is over or was taken out, at most 100 sessions a step, and gives the daily ones that have begun,
// or should have, and have no next occurrence. A session is moved once, whoever asks.
func (s *Store) EndSessions(ctx context.Context, nowUS int64) ([]auction.Session, error) {
	var again []auction.Session
	err := s.write(ctx, "end sessions", func(ctx context.Context, t tx) error {
		gone, err := t.SessionsToCancel(ctx)
		if err := t.moveSessions(ctx, gone, err, auction.SessionScheduled, auction.SessionCancelled); err != nil {
			return err
		}
		// A session ends when its last lot has closed, not by the clock: a pause or an extension moves lots later.
		over, err := t.SessionsToEnd(ctx, nowUS)
		if err := t.moveSessions(ctx, over, err, auction.SessionScheduled, auction.SessionEnded); err != nil {
			return err
		}
		final, err := t.SessionsToSettle(ctx)
		if err := t.moveSessions(ctx, final, err, auction.SessionEnded, auction.SessionSettled); err != nil {
			return err
		}
		rows, err := t.SessionsToRepeat(ctx, nowUS)
		again, err = t.sessions(ctx, rows, err)
		return err
	})
	return again, err
}

// moveSessions moves each only from the state it was found in: another node may have been faster.
func (t tx) moveSessions(ctx context.Context, list []db.ID, err error, was, state auction.SessionState) error {
	for _, id := range list {
		if err == nil {
			_, err = t.MoveSession(ctx, db.MoveSessionParams{State: state, ID: id, Was: was})
		}
	}
	return err
}
