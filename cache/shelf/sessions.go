package shelf

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
)

// Session gives a published session; some seconds old at most while all is well. fault NotFound `session_not_found` for a
// draft, too.
func (s *Shelf) Session(ctx context.Context, id uuid.UUID) (auction.Session, error) {
	if session, ok := s.sessions.Get(id); ok {
		s.o.Count("node", "hit")
		return session, nil
	}
	s.o.Count("node", "miss")
	found, err := s.fetch(ctx, s.at(s.keys.SessionCard(id), "session:"+id.String(), func(ctx context.Context) (any, error) {
		session, err := s.source.Session(ctx, id)
		if err == nil && session.State == auction.SessionDraft {
			err = noSession()
		}
		return session, err
	}))
	if err != nil {
		return auction.Session{}, err
	}
	if found.none {
		return auction.Session{}, noSession()
	}
	var session auction.Session
	if err := json.Unmarshal(found.value, &session); err != nil {
		return auction.Session{}, fmt.Errorf("card of session %s: %w", id, err)
	}
	s.sessions.Set(id, session)
	return session, nil
}

// maxSessions bounds an area's list on the shelf; what lies beyond is asked of the source.
const (
	maxSessions = 1000
	sourcePage  = 100
	maxLists    = 64 // that a node remembers
)

// everywhere is the list of all areas; no area has this code.
const everywhere = "-"

// begunFor is how long ago sessions may have begun to be on the shelf: a month, and as long as no clock is wrong.
const begunFor = 32 * 24 * time.Hour

// ListSessions gives published sessions by (starts_us, id), at most p.Limit after (p.Key, p.ID), in the state that they
// have at f.NowUS. The live and the coming ones are on the shelf, by area, and those over that began within a month; any
// other list is the source's.
func (s *Shelf) ListSessions(ctx context.Context, f auction.SessionFilter, p auction.Page) ([]auction.Session, error) {
	read, name := s.readComing, ""
	switch {
	case f.State == auction.SessionLive || f.State == auction.SessionScheduled:
	case (f.State == auction.SessionEnded || f.State == auction.SessionSettled) && f.FromUS > f.NowUS-begunFor.Microseconds():
		read, name = s.readBegun, ":begun" // no area's code has a colon
	default:
		return s.askSessions(ctx, f, p)
	}
	list, complete, err := s.sessionList(ctx, f.Area, name, f.NowUS, read)
	if err != nil {
		return nil, err
	}
	var page []auction.Session
	for n := range list {
		if len(page) < p.Limit && after(&list[n], p) && matches(&list[n], f) {
			page = append(page, list[n])
		}
	}
	if len(page) < p.Limit && !complete {
		return s.askSessions(ctx, f, p)
	}
	return page, nil
}

func (s *Shelf) askSessions(ctx context.Context, f auction.SessionFilter, p auction.Page) (list []auction.Session, err error) {
	f.Drafts = false
	err = s.visit(ctx, func(ctx context.Context) error { list, err = s.source.ListSessions(ctx, f, p); return err })
	return list, err
}

func after(one *auction.Session, p auction.Page) bool {
	return one.StartsUS > p.Key || one.StartsUS == p.Key && slices.Compare(one.ID[:], p.ID[:]) > 0
}

// matches leaves the area out: the list is of one.
func matches(one *auction.Session, f auction.SessionFilter) bool {
	return one.StateAt(f.NowUS) == f.State && one.StartsUS >= f.FromUS && (f.ToUS == 0 || one.StartsUS < f.ToUS)
}

// sessionList gives a list of an area's sessions, which nobody may change; complete: there are no more of that kind.
func (s *Shelf) sessionList(ctx context.Context, area, name string, nowUS int64,
	read func(context.Context, string, int64) ([]auction.Session, error)) (list []auction.Session, complete bool, err error) {
	if len(area) > maxWho {
		return nil, true, nil
	}
	key := cmp.Or(area, everywhere) + name
	id := uuid.NewSHA1(uuid.Nil, []byte(key))
	if list, ok := s.lists.Get(id); ok {
		s.o.Count("node", "hit")
		return list, len(list) < maxSessions, nil
	}
	s.o.Count("node", "miss")
	found, err := s.fetch(ctx, s.at(s.keys.Sessions(key), "sessions:"+key, func(ctx context.Context) (any, error) {
		return read(ctx, area, nowUS)
	}))
	if err != nil || found.none {
		return nil, true, err
	}
	if err := json.Unmarshal(found.value, &list); err != nil {
		return nil, false, fmt.Errorf("sessions of %s: %w", key, err)
	}
	s.lists.Set(id, list)
	return list, len(list) < maxSessions, nil
}

// readComing gives the sessions that are live or scheduled.
func (s *Shelf) readComing(ctx context.Context, area string, nowUS int64) ([]auction.Session, error) {
	list := []auction.Session{}
	for _, state := range []auction.SessionState{auction.SessionLive, auction.SessionScheduled} {
		some, err := s.readSessions(ctx, auction.SessionFilter{Area: area, NowUS: nowUS, State: state})
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	slices.SortFunc(list, func(x, y auction.Session) int {
		return cmp.Or(cmp.Compare(x.StartsUS, y.StartsUS), slices.Compare(x.ID[:], y.ID[:]))
	})
	return list[:min(len(list), maxSessions)], nil
}

// readBegun gives the sessions that began within a month, the live ones too: the list is kept, and they end meanwhile.
func (s *Shelf) readBegun(ctx context.Context, area string, nowUS int64) ([]auction.Session, error) {
	return s.readSessions(ctx, auction.SessionFilter{Area: area, NowUS: nowUS, FromUS: max(nowUS-begunFor.Microseconds(), 0), ToUS: nowUS})
}

// readSessions gives at most maxSessions of the source's.
func (s *Shelf) readSessions(ctx context.Context, f auction.SessionFilter) ([]auction.Session, error) {
	list, p := []auction.Session{}, auction.Page{Limit: sourcePage}
	for len(list) < maxSessions {
		some, err := s.source.ListSessions(ctx, f, p)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
		if len(some) < sourcePage {
			break
		}
		p.Key, p.ID = some[len(some)-1].StartsUS, some[len(some)-1].ID
	}
	return list[:min(len(list), maxSessions)], nil
}
