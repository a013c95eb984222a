package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/app"
	"rostrum/internal/crowd"
)

// The flash sale: lots with these stocks, 100 units together.
var stocks = []int64{25, 20, 15, 10, 10, 10, 5, 5}

// The crowd.
const (
	bidders    = 2000
	rushSpread = 2 * time.Second
)

// How long the road may take to clear after the rush, and how often it is looked at meanwhile.
const (
	settleTimeout = 30 * time.Second
	lookInterval  = 500 * time.Millisecond
)

// sale is one flash sale in the demo.
type sale struct {
	app     *app.App
	screen  screen
	sellers *sellers
	session auction.Session
	lots    []uuid.UUID
	crowd   int // bidders
}

// plan puts items of the first area into a new session that starts when preheating is done, and publishes it.
func (s *sale) plan(ctx context.Context, startsIn, length time.Duration) error {
	a := areas[0]
	items, err := s.app.Store.ListItems(ctx, goods.Filter{Area: a.code}, goods.Page{Limit: 2 * len(stocks)})
	if err != nil {
		return err
	}
	if len(items) < len(stocks) {
		return fmt.Errorf("%s has %d items, the sale needs %d: list more, or choose another folder with --data", a.name, len(items), len(stocks))
	}
	starts := time.Now().Add(startsIn)
	session := auction.Session{ID: newID(), Area: a.code, Name: "Flash sale", Currency: a.currency, Zone: a.zone,
		StartsUS: starts.UnixMicro(), EndsUS: starts.Add(length).UnixMicro(), Recurrence: auction.Once, State: auction.SessionDraft,
		Creator: items[0].Owner, CreatedUS: time.Now().UnixMicro(), Rev: 1}
	if err := s.sellers.plan(ctx, session, items[:len(stocks)], stocks, time.Now()); err != nil {
		return err
	}
	if s.session, err = s.app.Store.Session(ctx, session.ID); err != nil {
		return err
	}
	lots, err := s.app.Store.Lots(ctx, session.ID, uuid.Nil, len(stocks))
	for _, l := range lots {
		s.lots = append(s.lots, l.ID)
	}
	return err
}

// members gives every bidder a token: some log in, the others' are minted in one audited command.
func (s *sale) members(ctx context.Context, c *crowd.Crowd) ([]crowd.Member, error) {
	var members []crowd.Member
	for n := range passwordBidders {
		m, err := c.LogIn(ctx, bidderLogin(n), password)
		if err != nil {
			return nil, err
		}
		members = append(members, m)
		s.screen.move("Logging in: %d of %d with their passwords", n+1, passwordBidders)
	}
	s.screen.still()
	minted, err := s.app.Accounts.MintTokens(ctx, uuid.Nil, accounts.MintRequest{Area: areas[0].code, Count: s.crowd - len(members),
		Progress: func(done int) { s.screen.move("Minting tokens: %d of %d", done, s.crowd-passwordBidders) }})
	s.screen.still()
	for _, m := range minted {
		members = append(members, crowd.Member{User: m.User, Token: m.Token})
	}
	return members, err
}

// run waits for the start, lets the crowd rush, and shows the road until it is clear.
func (s *sale) run(ctx context.Context, c *crowd.Crowd, members []crowd.Member) error {
	for left := time.Until(time.UnixMicro(s.session.StartsUS)); left > 0; left = time.Until(time.UnixMicro(s.session.StartsUS)) {
		s.screen.move("The sale starts in %d s", int(left.Seconds())+1)
		if !pause(ctx, min(left, time.Second)) {
			return ctx.Err()
		}
	}
	s.screen.still()
	s.screen.say("The sale is open: %d bidders for %d units on %d lots", len(members), units(), len(s.lots))
	done := make(chan struct{})
	go func() { defer close(done); c.Rush(ctx, s.session.ID, members) }()
	for rushing := true; rushing; {
		select {
		case <-done:
			rushing = false
		case <-time.After(lookInterval):
		}
		s.look(ctx, c)
	}
	return s.settle(ctx, c)
}

func units() (n int64) {
	for _, stock := range stocks {
		n += stock
	}
	return n
}

// look draws the line of what has happened so far, and says whether the road is clear.
func (s *sale) look(ctx context.Context, c *crowd.Crowd) (clear bool) {
	lag, journal := s.app.Remaining(ctx)
	counts, err := s.app.Store.LotCounts(ctx, s.session.ID)
	var written int64
	for _, l := range counts {
		written += l.Units
	}
	s.screen.move("admitted %4d   refused %5d   no answer %d   |   journal %4d   lag %4d   |   units in orders %3d",
		c.Admitted.Load(), c.Refused.Load(), c.Unanswered.Load(), journal, lag, written)
	return err == nil && lag == 0 && journal == 0
}

// settle waits until everything that was admitted is in MySQL, or for so long as that may take.
func (s *sale) settle(ctx context.Context, c *crowd.Crowd) error {
	limited, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for !s.look(limited, c) {
		if !pause(limited, lookInterval) {
			break
		}
	}
	s.screen.still()
	return ctx.Err()
}

// count compares what the crowd was told with gate, Kafka and MySQL, and prints the table.
func (s *sale) count(ctx context.Context, c *crowd.Crowd) (wrong int, err error) {
	table, err := s.app.Reconcile(ctx, []uuid.UUID{s.session.ID}, c.Side())
	if err != nil {
		return 0, err
	}
	s.screen.verdicts(c.Told())
	return s.screen.table(table), nil
}

// pause waits, or gives false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
