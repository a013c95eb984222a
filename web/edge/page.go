package edge

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/internal/fault"
)

// GoodsPage is a page of a session's goods. Those who see the same share it: nothing in it may be changed.
type GoodsPage struct {
	Session auction.Session
	Lots    []auction.Lot // the code is in it only while the lot is live, and only for who may bid
	Next    auction.Page  // Limit 0: this is the last. A page may be short, even empty, and have a next
	AtUS    int64         // when it was put together
	UntilUS int64         // what it says of states and codes is true until then, by the clock
	Draft   bool          // it is for who plans the session, and as it is written

	sellers map[uuid.UUID]struct{} // of all lots that were looked at for it
	spread  int                    // those who differ by it may be served by other slices of lots; 1: all see the same
	once    sync.Once
	form    any
}

// Form gives what make makes of the page: once, for all who share it.
func (g *GoodsPage) Form(make func(*GoodsPage) any) any {
	g.once.Do(func() { g.form = make(g) })
	return g.form
}

// goodsKey is all that a shared page depends on.
type goodsKey struct {
	session uuid.UUID
	codes   bool
	filter  LotFilter
	page    auction.Page

	spread, slice int // of a session with lots in slices: who shares the page. 0, 0: nobody in particular
}

func (k goodsKey) String() string {
	return fmt.Sprintf("%s %t %s %+v %d/%d", k.session, k.codes, k.filter, k.page, k.slice, k.spread)
}

// of gives the key for those who have the same slices as a user.
func (k goodsKey) of(user uuid.UUID, spread int) goodsKey {
	k.spread, k.slice = spread, auction.SliceOf(user, spread)
	return k
}

// GoodsAtHand gives a page that this node remembers and that is right for who; nil where Goods is to be asked. It waits
// for nothing.
func (e *Edge) GoodsAtHand(who accounts.Claims, session uuid.UUID, f LotFilter, p auction.Page, nowUS int64) *GoodsPage {
	key := goodsKey{session: session, codes: may(who, accounts.BidsPlace), filter: f, page: p}
	g := e.goods.get(key, nowUS)
	if g != nil && g.spread > 1 && who.User != uuid.Nil {
		key = key.of(who.User, g.spread)
		g = e.goods.get(key, nowUS)
	}
	if g == nil || !g.right(key) || g.sells(who.User) {
		return nil
	}
	return g
}

// right says whether a page is the same for all whom a key names.
func (g *GoodsPage) right(key goodsKey) bool {
	return key.spread == 0 || g.spread <= maxSpread && key.spread%g.spread == 0
}

// sells says whether the page of somebody may be another than everybody's.
func (g *GoodsPage) sells(user uuid.UUID) bool {
	_, sells := g.sellers[user]
	return sells && user != uuid.Nil
}

// Goods gives a page of a session's goods without who's own, a second old at most where the shelf is well; of lots in
// slices, those that serve who. A draft's are shown, all of them, to who may see drafts. f must be Checked. NotFound
// `session_not_found`.
func (e *Edge) Goods(ctx context.Context, who accounts.Claims, session uuid.UUID, f LotFilter, p auction.Page) (*GoodsPage, error) {
	if g := e.GoodsAtHand(who, session, f, p, e.NowUS()); g != nil {
		return g, nil
	}
	s, err := e.goodsSession(ctx, who, session)
	if err != nil {
		return nil, err
	}
	if may(who, accounts.SessionsDrafts) && (s.State == auction.SessionDraft || s.State == auction.SessionCancelled) {
		return e.draftGoods(ctx, s, f, p)
	}
	key := goodsKey{session: session, codes: may(who, accounts.BidsPlace), filter: f, page: p}
	g, err := e.goods.fill(ctx, e, key, func(ctx context.Context) (*GoodsPage, error) { return e.lookAtGoods(ctx, s, key, uuid.Nil, uuid.Nil) })
	if err == nil && g.spread > 1 && who.User != uuid.Nil {
		g, err = e.slicedGoods(ctx, who.User, s, key.of(who.User, g.spread))
	}
	if err == nil && g.sells(who.User) {
		return e.lookAtGoods(ctx, s, key, who.User, who.User)
	}
	return g, err
}

// slicedGoods gives the page of those who have the same slices as a user.
func (e *Edge) slicedGoods(ctx context.Context, user uuid.UUID, s auction.Session, key goodsKey) (*GoodsPage, error) {
	g, err := e.goods.fill(ctx, e, key, func(ctx context.Context) (*GoodsPage, error) { return e.lookAtGoods(ctx, s, key, user, uuid.Nil) })
	if err == nil && !g.right(key) { // it has looked at lots that are sliced otherwise
		return e.lookAtGoods(ctx, s, key, user, user)
	}
	return g, err
}

// goodsSession gives the session of a goods page: from the shelf where it is published, whoever asks.
func (e *Edge) goodsSession(ctx context.Context, who accounts.Claims, id uuid.UUID) (auction.Session, error) {
	s, err := e.published(ctx, id)
	if err != nil && fault.ClassOf(err) == fault.NotFound && may(who, accounts.SessionsDrafts) {
		return e.Sessions.Session(ctx, id)
	}
	return s, err
}

// lookAtGoods puts a page together: of the lots that serve a buyer, without those of a seller; uuid.Nil for either is
// nobody in particular.
func (e *Edge) lookAtGoods(ctx context.Context, s auction.Session, key goodsKey, buyer, seller uuid.UUID) (*GoodsPage, error) {
	now := e.NowUS()
	g := &GoodsPage{Session: s, AtUS: now, UntilUS: SessionChanges(s, now), sellers: map[uuid.UUID]struct{}{}, spread: 1}
	var err error
	g.Lots, g.Next, err = e.Shelf.Page(ctx, s.ID, func(l *auction.Lot) bool {
		g.sellers[l.Seller] = struct{}{}
		g.UntilUS = min(g.UntilUS, LotChanges(l, now))
		if l.SliceOf != uuid.Nil && l.Slices > 1 {
			g.spread = leastCommon(g.spread, l.Slices)
		}
		return l.State != auction.LotDraft && l.Serves(buyer) && (seller == uuid.Nil || l.Seller != seller) && key.filter.passes(l, now)
	}, key.page)
	for n := range g.Lots {
		g.Lots[n] = hideCode(g.Lots[n], key.codes, now)
	}
	return g, err
}

// maxSpread bounds how many different pages one may have. Beyond it everybody has their own.
const maxSpread = 1 << 12

// leastCommon gives the least number that both divide, or one above maxSpread.
func leastCommon(x, y int) int {
	common := x
	for common%y != 0 && common <= maxSpread {
		common += x
	}
	return common
}

// draftGoods reads a page where it is written. It is for who plans the session, and never remembered.
func (e *Edge) draftGoods(ctx context.Context, s auction.Session, f LotFilter, p auction.Page) (*GoodsPage, error) {
	g := &GoodsPage{Session: s, AtUS: e.NowUS(), UntilUS: Never, Draft: true}
	lots, err := e.Sessions.Lots(ctx, s.ID, p.ID, p.Limit)
	for _, l := range lots {
		if f.passes(&l, g.AtUS) {
			g.Lots = append(g.Lots, hideCode(l, false, g.AtUS))
		}
	}
	if err == nil && len(lots) == p.Limit {
		g.Next = auction.Page{Limit: p.Limit, ID: lots[len(lots)-1].ID}
	}
	return g, err
}

// Never is later than every moment.
const Never int64 = math.MaxInt64

// LotChanges gives the next moment at which the clock alone changes what a lot is; far away for never.
func LotChanges(l *auction.Lot, nowUS int64) int64 {
	switch {
	case l.State != auction.LotOpen:
		return Never
	case nowUS < l.OpensUS:
		return l.OpensUS
	case nowUS < l.ClosesUS:
		return l.ClosesUS
	}
	return Never
}

// SessionChanges gives the next moment at which the clock alone changes what a session is; far away for never.
func SessionChanges(s auction.Session, nowUS int64) int64 {
	switch {
	case s.State != auction.SessionScheduled:
		return Never
	case nowUS < s.StartsUS:
		return s.StartsUS
	case nowUS < s.EndsUS:
		return s.EndsUS
	}
	return Never
}

// LotState says in a word what a lot is at a moment: draft, scheduled, live, over, paused, closed or withdrawn.
func LotState(l *auction.Lot, nowUS int64) string {
	switch {
	case l.State != auction.LotOpen:
		return string(l.State)
	case nowUS < l.OpensUS:
		return "scheduled"
	case nowUS < l.ClosesUS:
		return "live"
	}
	return "over"
}

// hideCode takes the code out of a lot that is not live, or that is for somebody who may not bid, and the salt always.
func hideCode(l auction.Lot, codes bool, nowUS int64) auction.Lot {
	l.Salt = nil
	if live := l.State == auction.LotOpen && nowUS >= l.OpensUS && nowUS < l.ClosesUS; !live || !codes {
		l.Code = ""
	}
	return l
}
