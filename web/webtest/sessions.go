package webtest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Sessions is auction.Sessions in memory, as far as the edge uses it. It is the shelf too: what a cache gives is what is
// stored, without a delay.
type Sessions struct {
	auction.Sessions // nil: what is not here is not asked by the edge

	mu       sync.Mutex
	sessions map[uuid.UUID]auction.Session
	lots     map[uuid.UUID]auction.Lot
	reads    int

	Fail error // what ChangeSession and Publish give, where set
}

// Reads counts the calls that read one lot, whatever it is for.
func (m *Sessions) Reads() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads
}

func noSession() error {
	return fault.New(fault.NotFound, "session_not_found", "there is no such session")
}

func noLot() error { return fault.New(fault.NotFound, "lot_not_found", "there is no such lot") }

// PutSession and PutLot write a row as it is.
func (m *Sessions) PutSession(s auction.Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sessions == nil {
		m.sessions, m.lots = map[uuid.UUID]auction.Session{}, map[uuid.UUID]auction.Lot{}
	}
	m.sessions[s.ID] = s
}

// PutLot writes a row as it is.
func (m *Sessions) PutLot(l auction.Lot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lots[l.ID] = l
}

// TakeLot takes a row away.
func (m *Sessions) TakeLot(id uuid.UUID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.lots, id)
}

// CreateSession implements auction.Sessions.
func (m *Sessions) CreateSession(_ context.Context, s auction.Session) error {
	m.PutSession(s)
	return nil
}

// Session implements auction.Sessions.
func (m *Sessions) Session(_ context.Context, id uuid.UUID) (auction.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.session(id)
}

func (m *Sessions) session(id uuid.UUID) (auction.Session, error) {
	s, ok := m.sessions[id]
	if !ok {
		return s, noSession()
	}
	s.Lots = 0
	for _, l := range m.lots {
		if l.Session == id {
			s.Lots++
		}
	}
	return s, nil
}

// ChangeSession implements auction.Sessions.
func (m *Sessions) ChangeSession(_ context.Context, s auction.Session) (auction.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Fail != nil {
		return s, m.Fail
	}
	if m.sessions[s.ID].Rev != s.Rev {
		return s, staleRow()
	}
	s.Rev++
	m.sessions[s.ID] = s
	return s, nil
}

// ListSessions implements auction.Sessions.
func (m *Sessions) ListSessions(_ context.Context, f auction.SessionFilter, p auction.Page) ([]auction.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []auction.Session
	for id := range m.sessions {
		s, _ := m.session(id)
		after := p.ID == uuid.Nil || s.StartsUS > p.Key || s.StartsUS == p.Key && slices.Compare(s.ID[:], p.ID[:]) > 0
		if after && (f.Area == "" || f.Area == s.Area) && (f.State == "" || s.StateAt(f.NowUS) == f.State) &&
			(f.Drafts || s.State != auction.SessionDraft) && s.StartsUS >= f.FromUS && (f.ToUS == 0 || s.StartsUS < f.ToUS) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(x, y auction.Session) int {
		return cmp.Or(cmp.Compare(x.StartsUS, y.StartsUS), slices.Compare(x.ID[:], y.ID[:]))
	})
	return found[:min(len(found), p.Limit)], nil
}

// AddLot implements auction.Sessions.
func (m *Sessions) AddLot(_ context.Context, l auction.Lot) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.lots {
		if other.Session == l.Session && other.Item == l.Item {
			return fault.New(fault.Conflict, "lot_exists", "the item is in this session")
		}
	}
	m.lots[l.ID] = l
	return nil
}

// ChangeLot implements auction.Sessions.
func (m *Sessions) ChangeLot(_ context.Context, l auction.Lot) (auction.Lot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lots[l.ID].Rev != l.Rev {
		return l, staleRow()
	}
	l.Rev++
	m.lots[l.ID] = l
	return l, nil
}

// RemoveLot implements auction.Sessions.
func (m *Sessions) RemoveLot(_ context.Context, id uuid.UUID, rev int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lots[id].Rev != rev {
		return staleRow()
	}
	delete(m.lots, id)
	return nil
}

// Lot implements auction.Sessions.
func (m *Sessions) Lot(_ context.Context, id uuid.UUID) (auction.Lot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	l, ok := m.lots[id]
	if !ok {
		return l, noLot()
	}
	return l, nil
}

// Lots implements auction.Sessions.
func (m *Sessions) Lots(_ context.Context, session, after uuid.UUID, limit int) ([]auction.Lot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []auction.Lot
	for _, l := range m.lots {
		if l.Session == session && slices.Compare(l.ID[:], after[:]) > 0 {
			found = append(found, l)
		}
	}
	slices.SortFunc(found, func(x, y auction.Lot) int { return slices.Compare(x.ID[:], y.ID[:]) })
	return found[:min(len(found), limit)], nil
}

// Publish implements auction.Sessions.
func (m *Sessions) Publish(_ context.Context, s auction.Session, lots []auction.Lot) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Fail != nil {
		return m.Fail
	}
	if m.sessions[s.ID].Rev != s.Rev {
		return staleRow()
	}
	s.Rev++
	m.sessions[s.ID] = s
	for _, l := range lots {
		m.lots[l.ID] = l
	}
	return nil
}

// CancelSession implements auction.Sessions.
func (m *Sessions) CancelSession(_ context.Context, id uuid.UUID, rev int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[id]
	switch {
	case s.State != auction.SessionDraft:
		return fault.New(fault.Conflict, "session_published", "only a draft can be cancelled")
	case s.Rev != rev:
		return staleRow()
	}
	s.State, s.Rev = auction.SessionCancelled, s.Rev+1
	m.sessions[id] = s
	return nil
}

// offered gives the units of an item in published sessions that are not over.
func (m *Sessions) offered(item uuid.UUID) (units int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.lots {
		if l.Item == item && (l.State == auction.LotOpen || l.State == auction.LotPaused) {
			units += l.Stock
		}
	}
	return units
}

// Shelf is edge.Shelf over Sessions; Known is asked first, as a Bloom filter is.
type Shelf struct {
	*Sessions
	Known func(lot uuid.UUID) bool
	Fail  error // what every call gives, where set
}

// Card implements edge.Shelf.
func (s Shelf) Card(ctx context.Context, lot uuid.UUID) (auction.Lot, error) {
	if s.Fail != nil {
		return auction.Lot{}, s.Fail
	}
	if s.Known != nil && !s.Known(lot) {
		return auction.Lot{}, noLot()
	}
	return s.Lot(ctx, lot)
}

// Terms implements edge.Shelf.
func (s Shelf) Terms(ctx context.Context, lot uuid.UUID) (auction.Lot, error) {
	return s.Card(ctx, lot)
}

// Looked is how many lots the shelf looks at for one page.
const Looked = 1000

// Page implements edge.Shelf.
func (s Shelf) Page(ctx context.Context, session uuid.UUID, keep func(*auction.Lot) bool, p auction.Page) ([]auction.Lot, auction.Page, error) {
	if s.Fail != nil {
		return nil, auction.Page{}, s.Fail
	}
	all, err := s.Lots(ctx, session, uuid.Nil, 1<<20)
	slices.SortFunc(all, func(x, y auction.Lot) int { return compareLots(x, y.OpensUS, y.ID) })
	var found []auction.Lot
	looked := 0
	for _, l := range all {
		if p.ID != uuid.Nil && compareLots(l, p.Key, p.ID) <= 0 {
			continue
		}
		if looked++; keep == nil || keep(&l) {
			found = append(found, l)
		}
		if len(found) > p.Limit {
			last := found[p.Limit-1]
			return found[:p.Limit], auction.Page{Limit: p.Limit, Key: last.OpensUS, ID: last.ID}, err
		}
		if looked == Looked {
			return found, auction.Page{Limit: p.Limit, Key: l.OpensUS, ID: l.ID}, err
		}
	}
	return found, auction.Page{}, err
}

func compareLots(l auction.Lot, opensUS int64, id uuid.UUID) int {
	return cmp.Or(cmp.Compare(l.OpensUS, opensUS), slices.Compare(l.ID[:], id[:]))
}

// Dump gives everything, in order.
func (m *Sessions) Dump() any {
	m.mu.Lock()
	defer m.mu.Unlock()
	byID := func(x, y uuid.UUID) int { return slices.Compare(x[:], y[:]) }
	var all []any
	for _, id := range slices.SortedFunc(maps.Keys(m.sessions), byID) {
		all = append(all, m.sessions[id])
	}
	for _, id := range slices.SortedFunc(maps.Keys(m.lots), byID) {
		all = append(all, m.lots[id])
	}
	return all
}

// Sale puts a live session of n lots of Sam's beside what a world has, and gives its id.
func (w *World) Sale(n int, change ...func(n int, l *auction.Lot)) uuid.UUID {
	s, _ := w.Sessions.Session(context.Background(), Live)
	s.ID = uuid.New()
	w.Sessions.PutSession(s)
	for n := range n {
		id := ID(10_000 + n)
		l := auction.Lot{ID: id, Shard: auction.ShardOf(id, uuid.Nil, auction.DefaultShards), Session: s.ID, Item: ID(20_000 + n), Seller: Sam,
			Area: s.Area, Title: "A lamp of many", Format: auction.Flash, PriceMinor: 4500, Currency: "EUR", Stock: 100, PerBuyer: 1,
			Code: Code(id), Salt: make([]byte, 16), OpensUS: s.StartsUS, ClosesUS: s.EndsUS, State: auction.LotOpen, Rev: 1}
		for _, c := range change {
			c(n, &l)
		}
		w.Sessions.PutLot(l)
	}
	return s.ID
}
