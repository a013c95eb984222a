package shelf

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"rostrum/auction"
)

// Session gives a published session; some seconds old at most while all is well. fault NotFound `session_not_found` for a
// draft, too.
func (s *Shelf) Session(ctx context.Context, id uuid.UUID) (auction.Session, error) {
	if session, ok := s.sessions.GetIfPresent(id); ok {
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
)

// everywhere is the list of all areas; no area has this code.
const everywhere = "-"

// ListSessions gives published sessions by (starts_us, id), at most p.Limit after (p.Key, p.ID). The live and the coming ones
// are on the shelf, by area; any other list is the source's.
func (s *Shelf) ListSessions(ctx context.Context, f auction.SessionFilter, p auction.Page) ([]auction.Session, error) {
	if f.State != auction.SessionLive && f.State != auction.SessionScheduled {
		return s.askSessions(ctx, f, p)
	}
	list, complete, err := s.comingSessions(ctx, f.Area, f.NowUS)
	if err != nil {
		return nil, err
	}
	var page []auction.Session
	for _, one := range list {
		if len(page) < p.Limit && after(one, p) && matches(one, f) {
			page = append(page, one)
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

func after(one auction.Session, p auction.Page) bool {
	return one.StartsUS > p.Key || one.StartsUS == p.Key && slices.Compare(one.ID[:], p.ID[:]) > 0
}

// matches leaves the area out: the list is of one.
func matches(one auction.Session, f auction.SessionFilter) bool {
	return one.StateAt(f.NowUS) == f.State && one.StartsUS >= f.FromUS && (f.ToUS == 0 || one.StartsUS < f.ToUS)
}

// comingSessions gives an area's sessions that are scheduled or live; complete: there are no more.
func (s *Shelf) comingSessions(ctx context.Context, area string, nowUS int64) (list []auction.Session, complete bool, err error) {
	if area == "" {
		area = everywhere
	}
	if len(area) > maxWho {
		return nil, true, nil
	}
	found, err := s.fetch(ctx, s.at(s.keys.Sessions(area), "sessions:"+area, func(ctx context.Context) (any, error) {
		return s.readSessions(ctx, area, nowUS)
	}))
	if err != nil || found.none {
		return nil, true, err
	}
	if err := json.Unmarshal(found.value, &list); err != nil {
		return nil, false, fmt.Errorf("sessions of %s: %w", area, err)
	}
	return list, len(list) < maxSessions, nil
}

func (s *Shelf) readSessions(ctx context.Context, area string, nowUS int64) ([]auction.Session, error) {
	f := auction.SessionFilter{Area: area, NowUS: nowUS}
	if area == everywhere {
		f.Area = ""
	}
	list := []auction.Session{}
	for _, f.State = range []auction.SessionState{auction.SessionLive, auction.SessionScheduled} {
		p := auction.Page{Limit: sourcePage}
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
	}
	slices.SortFunc(list, func(x, y auction.Session) int {
		if x.StartsUS != y.StartsUS {
			return cmp.Compare(x.StartsUS, y.StartsUS)
		}
		return slices.Compare(x.ID[:], y.ID[:])
	})
	return list[:min(len(list), maxSessions)], nil
}
