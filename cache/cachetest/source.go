package cachetest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Source is a database in memory as the shelf sees one: it counts how often it is asked, and can be made to wait or to fail.
type Source struct {
	mu       sync.Mutex
	sessions map[uuid.UUID]auction.Session
	lots     map[uuid.UUID]auction.Lot
	calls    map[string]int
	fail     func(call string) error
	hold     chan struct{}
}

// ErrAway is what a source that was made to fail answers, unless told otherwise.
var ErrAway = errors.New("the database is away")

// NewSource gives an empty source.
func NewSource() *Source {
	return &Source{sessions: map[uuid.UUID]auction.Session{}, lots: map[uuid.UUID]auction.Lot{}, calls: map[string]int{}}
}

// Put puts a session and lots of it in, or replaces them; the session's number of lots is kept in step.
func (s *Source) Put(session auction.Session, lots ...auction.Lot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range lots {
		s.lots[l.ID] = l
	}
	session.Lots = 0
	for _, l := range s.lots {
		if l.Session == session.ID {
			session.Lots++
		}
	}
	s.sessions[session.ID] = session
}

// Remove takes a lot out, and leaves its session's number of lots as it is.
func (s *Source) Remove(lot uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lots, lot)
}

// Fail makes every call ask f for its error; nil: none fails any more.
func (s *Source) Fail(f func(call string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

// Hold makes every call wait from now on until the returned function is called.
func (s *Source) Hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := make(chan struct{})
	s.hold = held
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.hold = nil
		close(held)
	}
}

// Calls gives how often calls were made in all, or of one name ("Lot").
func (s *Source) Calls(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for call, times := range s.calls {
		if name == "" || name == call {
			n += times
		}
	}
	return n
}

// enter counts a call, waits while it must, and says whether it fails.
func (s *Source) enter(ctx context.Context, call string) error {
	s.mu.Lock()
	s.calls[call]++
	hold, fail := s.hold, s.fail
	s.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if fail != nil {
		return fail(call)
	}
	return ctx.Err()
}

// Session gives a session, or fault NotFound `session_not_found`.
func (s *Source) Session(ctx context.Context, id uuid.UUID) (auction.Session, error) {
	if err := s.enter(ctx, "Session"); err != nil {
		return auction.Session{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok := s.sessions[id]
	if !ok {
		return session, fault.New(fault.NotFound, "session_not_found", "")
	}
	return session, nil
}

// ListSessions is auction.Sessions'.
func (s *Source) ListSessions(ctx context.Context, f auction.SessionFilter, p auction.Page) ([]auction.Session, error) {
	if err := s.enter(ctx, "ListSessions"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []auction.Session
	for _, one := range s.sessions {
		state := one.StateAt(f.NowUS)
		after := one.StartsUS > p.Key || one.StartsUS == p.Key && slices.Compare(one.ID[:], p.ID[:]) > 0
		if after && (f.Area == "" || f.Area == one.Area) && (f.State == "" || f.State == state) && one.StartsUS >= f.FromUS &&
			(f.ToUS == 0 || one.StartsUS < f.ToUS) && (f.Drafts || state != auction.SessionDraft) {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(x, y auction.Session) int {
		return cmp.Or(cmp.Compare(x.StartsUS, y.StartsUS), slices.Compare(x.ID[:], y.ID[:]))
	})
	return list[:min(len(list), p.Limit)], nil
}

// Lot gives a lot, or fault NotFound `lot_not_found`.
func (s *Source) Lot(ctx context.Context, id uuid.UUID) (auction.Lot, error) {
	if err := s.enter(ctx, "Lot"); err != nil {
		return auction.Lot{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.lots[id]
	if !ok {
		return l, fault.New(fault.NotFound, "lot_not_found", "")
	}
	return l, nil
}

// Lots is auction.Sessions'.
func (s *Source) Lots(ctx context.Context, session, after uuid.UUID, limit int) ([]auction.Lot, error) {
	if err := s.enter(ctx, "Lots"); err != nil {
		return nil, err
	}
	list := s.sorted(after, func(l auction.Lot) bool { return l.Session == session })
	return list[:min(len(list), limit)], nil
}

// LotIDs is auction.Sessions'.
func (s *Source) LotIDs(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	if err := s.enter(ctx, "LotIDs"); err != nil {
		return nil, err
	}
	var ids []uuid.UUID
	for _, l := range s.sorted(after, func(l auction.Lot) bool { return l.State != auction.LotDraft }) {
		ids = append(ids, l.ID)
	}
	return ids[:min(len(ids), limit)], nil
}

func (s *Source) sorted(after uuid.UUID, keep func(auction.Lot) bool) []auction.Lot {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []auction.Lot
	for _, l := range s.lots {
		if keep(l) && slices.Compare(l.ID[:], after[:]) > 0 {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(x, y auction.Lot) int { return slices.Compare(x.ID[:], y.ID[:]) })
	return list
}
