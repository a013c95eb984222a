package cachetest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// The parts of auction/testdata/rules/*.json that two implementations need to be held to each other; README.md there says
// what the fields mean. That the answers are the expected ones is tested there, on the book.
type ruleCase struct {
	Name string `json:"name"`
	Lots []struct {
		Name     string           `json:"name"`
		Stock    int64            `json:"stock"`
		PerBuyer int              `json:"per_buyer"`
		OpensUS  int64            `json:"opens_us"`
		ClosesUS int64            `json:"closes_us"`
		State    auction.LotState `json:"state"`
	} `json:"lots"`
	Steps []ruleStep `json:"steps"`
}

type ruleStep struct {
	AtUS    int64           `json:"at_us"`
	Verdict auction.Verdict `json:"verdict"`
	Bid     *struct {
		ID       string          `json:"id"`
		Lot      string          `json:"lot"`
		Buyer    string          `json:"buyer"`
		Order    string          `json:"order"`
		Area     *string         `json:"area"`
		Code     *string         `json:"code"`
		Quantity int64           `json:"quantity"`
		Kind     auction.BidKind `json:"kind"`
		Amount   int64           `json:"amount"`
		Seen     int64           `json:"price_seen"`
		Currency string          `json:"currency"`
	} `json:"bid"`
	Release *struct {
		Lot   string `json:"lot"`
		Buyer string `json:"buyer"`
		Bid   string `json:"bid"`
		Order string `json:"order"`
		Nth   []int  `json:"nth"`
	} `json:"release"`
	Close, Lock, Unlock string
	Credit              *struct {
		PausedUS int64 `json:"paused_us"`
	} `json:"credit"`
}

// Rules plays the rules' cases on a book and on the gate at once: each answer must be the same, and the expected one.
func Rules(t *testing.T, s *Subject, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", dir, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var cases []ruleCase
		if err := json.Unmarshal(raw, &cases); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) { playRule(t, s, c) })
		}
	}
}

func named(kind, name string) uuid.UUID {
	if name == "" {
		return uuid.Nil
	}
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(kind+"/"+name))
}

func or[T comparable](given, otherwise T) T {
	if given == *new(T) {
		return otherwise
	}
	return given
}

// ruleStory is one case being played.
type ruleStory struct {
	*testing.T
	s     *Subject
	book  *auction.Book
	lots  map[string]auction.Lot
	locks map[string]func()
}

func playRule(t *testing.T, s *Subject, c ruleCase) {
	r := &ruleStory{T: t, s: s, book: auction.NewBook(s.Deployment, 0), lots: map[string]auction.Lot{}, locks: map[string]func(){}}
	r.book.Epoch, r.book.Seq = 1, 2
	for _, given := range c.Lots {
		l := LotOf(0, func(l *auction.Lot) {
			l.ID, l.Seller, l.PriceMinor = named("lot", given.Name), named("person", "seller"), 1990
			l.Code = "AllRuleCasesHaveThis01"
			l.Stock, l.PerBuyer, l.State = or(given.Stock, 3), or(given.PerBuyer, 1), or(given.State, auction.LotOpen)
			l.OpensUS, l.ClosesUS = or(given.OpensUS, 1_000_000), or(given.ClosesUS, 2_000_000)
		})
		r.lots[given.Name] = l
		r.book.Add(l)
	}
	s.Load(t, r.book)
	for n, step := range c.Steps {
		r.step(n+1, step, or(step.AtUS, 1_500_000))
	}
	for _, unlock := range r.locks {
		unlock()
	}
	for _, want := range r.book.State().Lots {
		got, err := s.Gate.Holds(ctx, 0, want.ID)
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(auction.Lot{}, "Item", "Format"), cmpopts.EquateEmpty()); err != nil || d != "" {
			t.Errorf("at the end (-book +gate): %v\n%s", err, d)
		}
	}
}

func (r *ruleStory) step(n int, step ruleStep, at int64) {
	r.Helper()
	r.s.SetClock(r, at)
	switch {
	case step.Bid != nil:
		r.bid(n, step, at)
	case step.Release != nil:
		g := step.Release
		rel := auction.Release{Lot: named("lot", g.Lot), Buyer: named("person", g.Buyer), Bid: named("bid", g.Bid),
			Order: named("order", or(g.Order, g.Bid)), Nth: g.Nth, Reason: "cancelled"}
		want := r.book.Release(rel, at) != nil
		if got, err := r.s.Gate.Release(ctx, 0, rel); got != want || err != nil && fault.ClassOf(err) != fault.Invalid {
			r.Errorf("step %d: release: %v %v, the book says %v", n, got, err, want)
		}
	case step.Close != "":
		want := r.book.Close(named("lot", step.Close), at) != nil
		got, err := r.s.Gate.Close(ctx, 0, named("lot", step.Close))
		if code := fault.CodeOf(err); got != want || err != nil && code != "not_over" && code != "lot_not_loaded" {
			r.Errorf("step %d: close: %v %v, the book says %v", n, got, err, want)
		}
	case step.Lock != "":
		r.lock(step.Lock)
	case step.Unlock != "":
		r.locks[step.Unlock]()
	case step.Credit != nil:
		r.book.Credit(step.Credit.PausedUS, at)
		r.s.Load(r, r.book)
	default:
		r.Errorf("step %d does nothing here", n)
	}
}

func (r *ruleStory) lock(lot string) {
	l, err := r.s.Gate.LockLot(ctx, 0, named("lot", lot), time.Minute)
	if err != nil {
		r.Fatal(err)
	}
	r.book.Lock(named("lot", lot), true)
	r.locks[lot] = func() {
		delete(r.locks, lot)
		r.book.Lock(named("lot", lot), false)
		if err := l.Unlock(ctx); err != nil {
			r.Error(err)
		}
	}
}

func (r *ruleStory) bid(n int, step ruleStep, at int64) {
	given, l := step.Bid, r.lots[step.Bid.Lot]
	b := auction.Bid{ID: named("bid", given.ID), Lot: named("lot", given.Lot), Buyer: named("person", given.Buyer),
		Order: named("order", or(given.Order, given.ID)), Area: l.Area, Code: l.Code, Quantity: or(given.Quantity, 1), Kind: given.Kind,
		Amount: given.Amount, Seen: given.Seen, Currency: given.Currency}
	if given.Area != nil {
		b.Area = *given.Area
	}
	if given.Code != nil {
		b.Code = *given.Code
	}
	want, _ := r.book.Decide(b, at)
	got := r.s.one(r.T, 0, b)
	if b.Code != "" && !auction.CodeWellFormed(b.Code) {
		want = auction.Answer{Verdict: want.Verdict, AtUS: got.AtUS, Left: -1} // answered without a look at the lot
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(auction.Answer{}, "RetryAfter"), cmpopts.IgnoreFields(auction.Receipt{}, "Durability")); d != "" {
		r.Errorf("step %d (-book +gate):\n%s", n, d)
	}
	if got.Verdict != step.Verdict {
		r.Errorf("step %d: %q, want %q", n, got.Verdict, step.Verdict)
	}
}
