package auction_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
)

// The shapes of testdata/rules/*.json; README.md there says what each field means. People and things have names in the
// files; their ids are made of the names.
type ruleCase struct {
	Name  string     `json:"name"`
	Why   string     `json:"why"`
	Lots  []ruleLot  `json:"lots"`
	Steps []ruleStep `json:"steps"`
	End   []ruleEnd  `json:"end"`
}

type ruleLot struct {
	Name     string           `json:"name"`
	Stock    int64            `json:"stock"`
	PerBuyer int              `json:"per_buyer"`
	OpensUS  int64            `json:"opens_us"`
	ClosesUS int64            `json:"closes_us"`
	State    auction.LotState `json:"state"`
}

type ruleStep struct {
	AtUS    int64        `json:"at_us"`
	Bid     *ruleBid     `json:"bid"`
	Release *ruleRelease `json:"release"`
	Close   string       `json:"close"`
	Lock    string       `json:"lock"`
	Unlock  string       `json:"unlock"`
	Credit  *ruleCredit  `json:"credit"`

	Verdict auction.Verdict `json:"verdict"`
	Repeat  bool            `json:"repeat"`
	Left    *int64          `json:"left"`
	Nth     []int           `json:"nth"`
	Version int64           `json:"version"`
	TimeUS  int64           `json:"time_us"`
	Done    *bool           `json:"done"`
	Resumed []string        `json:"resumed"`
}

type ruleBid struct {
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
}

type ruleRelease struct {
	Lot   string `json:"lot"`
	Buyer string `json:"buyer"`
	Bid   string `json:"bid"`
	Order string `json:"order"`
	Nth   []int  `json:"nth"`
}

type ruleCredit struct {
	PausedUS int64 `json:"paused_us"`
}

type ruleEnd struct {
	Lot      string           `json:"lot"`
	Left     int64            `json:"left"`
	Sold     int64            `json:"sold"`
	Version  int64            `json:"version"`
	State    auction.LotState `json:"state"`
	ClosesUS int64            `json:"closes_us"`
	Units    []string         `json:"units"` // "buyer nth order"
}

// ruleStory runs one case and says where it parts from what the case expects.
type ruleStory struct {
	*testing.T
	book     *auction.Book
	lots     map[string]auction.Lot
	receipts map[string]auction.Receipt // by lot, buyer and bid: an admission says the same for ever
	version  map[string]int64
	seq      int64
	lastUS   int64
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

func loadRules(t *testing.T) map[string][]ruleCase {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "rules", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	cases := map[string][]ruleCase{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var of []ruleCase
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&of); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		cases[strings.TrimSuffix(filepath.Base(file), ".json")] = of
	}
	return cases
}

func TestRules(t *testing.T) {
	given, names := map[auction.Verdict]int{}, map[string]bool{}
	for subject, of := range loadRules(t) {
		for _, c := range of {
			if c.Name == "" || c.Why == "" || names[c.Name] || len(c.Steps) == 0 {
				t.Errorf("%s: case %q needs a name of its own, a why and steps", subject, c.Name)
			}
			names[c.Name] = true
			t.Run(subject+"/"+c.Name, func(t *testing.T) { tell(t, c) })
			for _, s := range c.Steps {
				given[s.Verdict]++
			}
		}
	}
	for _, v := range auction.FlashVerdicts() {
		if given[v] == 0 {
			t.Errorf("no case expects %s", v)
		}
	}
	if len(names) < 40 {
		t.Errorf("%d cases; there were more", len(names))
	}
}

func tell(t *testing.T, c ruleCase) {
	s := &ruleStory{T: t, book: aBook(), lots: map[string]auction.Lot{}, receipts: map[string]auction.Receipt{},
		version: map[string]int64{}, seq: 2}
	for _, given := range c.Lots {
		l := aLot(0)
		l.ID, l.Seller = named("lot", given.Name), named("person", "seller")
		l.Stock, l.PerBuyer, l.State = or(given.Stock, l.Stock), or(given.PerBuyer, l.PerBuyer), or(given.State, l.State)
		l.OpensUS, l.ClosesUS = or(given.OpensUS, l.OpensUS), or(given.ClosesUS, l.ClosesUS)
		s.lots[given.Name] = l
		s.book.Add(l)
	}
	for n, step := range c.Steps {
		at := or(step.AtUS, (opensUS+closesUS)/2)
		if step.Lock+step.Unlock == "" { // a lock is set from outside and has no time
			s.lastUS = max(s.lastUS, at)
		}
		s.step(n+1, step, at)
	}
	for _, want := range c.End {
		s.end(want)
	}
	if s.book.Seq != s.seq || s.book.LastUS != s.lastUS {
		s.Errorf("at the end seq %d, last time %d; want %d, %d", s.book.Seq, s.book.LastUS, s.seq, s.lastUS)
	}
}

func (s *ruleStory) step(n int, step ruleStep, at int64) {
	switch {
	case step.Bid != nil:
		s.bid(n, step, at)
	case step.Release != nil:
		r := step.Release
		made := s.book.Release(auction.Release{Lot: named("lot", r.Lot), Buyer: named("person", r.Buyer), Bid: named("bid", r.Bid),
			Order: named("order", or(r.Order, r.Bid)), Nth: r.Nth, Reason: "cancelled"}, at)
		s.made(n, step, made, auction.KindReleased, r.Lot)
	case step.Close != "":
		s.made(n, step, s.book.Close(named("lot", step.Close), at), auction.KindClosed, step.Close)
	case step.Lock != "":
		s.book.Lock(named("lot", step.Lock), true)
	case step.Unlock != "":
		s.book.Lock(named("lot", step.Unlock), false)
	case step.Credit != nil:
		s.credit(n, step, at)
	default:
		s.Errorf("step %d does nothing", n)
	}
}

func (s *ruleStory) bid(n int, step ruleStep, at int64) {
	given, l := step.Bid, s.lots[step.Bid.Lot]
	b := auction.Bid{ID: named("bid", given.ID), Lot: named("lot", given.Lot), Buyer: named("person", given.Buyer),
		Order: named("order", or(given.Order, given.ID)), Area: l.Area, Code: l.Code, Quantity: or(given.Quantity, 1), Kind: given.Kind,
		Amount: given.Amount, Seen: given.Seen, Currency: given.Currency}
	if given.Area != nil {
		b.Area = *given.Area
	}
	if given.Code != nil {
		b.Code = *given.Code
	}
	answer, record := s.book.Decide(b, at)
	want := auction.Answer{Verdict: step.Verdict, Repeat: step.Repeat, AtUS: s.lastUS, Left: -1}
	if l.ID != uuid.Nil {
		want.OpensUS, want.ClosesUS, want.PriceMinor = l.OpensUS, l.ClosesUS, l.PriceMinor
	}
	if step.Left != nil {
		want.Left = *step.Left
	}
	if step.Verdict == auction.Admitted {
		want.Receipt = s.receipt(step, b, l)
	}
	if d := cmp.Diff(want, answer); d != "" {
		s.Errorf("step %d, bid %s (-want +got):\n%s", n, given.ID, d)
	}
	if wrote := record != nil; wrote != (step.Verdict == auction.Admitted && !step.Repeat) {
		s.Errorf("step %d: record written: %v", n, wrote)
	} else if wrote {
		if d := cmp.Diff(want.Receipt, auction.ReceiptOf(*record, "")); d != "" {
			s.Errorf("step %d: the record's receipt (-want +got):\n%s", n, d)
		}
		rawOf(s, *record)
	}
}

// receipt is the receipt that this step must give: the first one again, or a new one, counted here and not by the book.
func (s *ruleStory) receipt(step ruleStep, b auction.Bid, l auction.Lot) auction.Receipt {
	key := strings.Join([]string{step.Bid.Lot, step.Bid.Buyer, step.Bid.ID}, "/")
	if first, ok := s.receipts[key]; ok {
		return first
	}
	s.seq++
	s.version[step.Bid.Lot]++
	if s.version[step.Bid.Lot] != step.Version {
		s.Errorf("bid %s: the case says version %d, it is the lot's record number %d", step.Bid.ID, step.Version, s.version[step.Bid.Lot])
	}
	r := auction.Receipt{Bid: b.ID, Lot: b.Lot, Buyer: b.Buyer, Order: b.Order, Quantity: b.Quantity, Nth: step.Nth,
		PriceMinor: l.PriceMinor, Currency: l.Currency, Seen: b.Seen, VersionBefore: step.Version - 1, Version: step.Version,
		Epoch: 1, Seq: s.seq, TimeUS: or(step.TimeUS, s.lastUS)}
	s.receipts[key] = r
	return r
}

// made checks what a close or a release wrote.
func (s *ruleStory) made(n int, step ruleStep, r *auction.Record, kind auction.Kind, lot string) {
	if step.Done == nil || (r != nil) != *step.Done {
		s.Fatalf("step %d: done %v, record %+v", n, step.Done, r)
	}
	if r == nil {
		return
	}
	s.seq++
	s.version[lot]++
	if r.Kind != kind || r.Seq != s.seq || r.Version != s.version[lot] || r.TimeUS != s.lastUS || r.Lot != named("lot", lot) {
		s.Errorf("step %d: %+v, want %s %d of version %d at %d", n, r, kind, s.seq, s.version[lot], s.lastUS)
	}
	if step.Left != nil && r.Left != *step.Left {
		s.Errorf("step %d: closed with %d left, want %d", n, r.Left, *step.Left)
	}
	rawOf(s, *r)
}

func (s *ruleStory) credit(n int, step ruleStep, at int64) {
	var resumed []string
	for _, r := range s.book.Credit(step.Credit.PausedUS, at) {
		for name, l := range s.lots {
			if l.ID != r.Lot {
				continue
			}
			resumed = append(resumed, name)
			s.seq++
			s.version[name]++
			if want := l.ClosesUS + r.CreditUS; r.Kind != auction.KindResumed || r.ClosesUS != want || r.Seq != s.seq {
				s.Errorf("step %d: %+v, want the end at %d", n, r, want)
			}
			l.ClosesUS = r.ClosesUS
			s.lots[name] = l
		}
		rawOf(s, r)
	}
	slices.Sort(resumed)
	if !slices.Equal(resumed, step.Resumed) {
		s.Errorf("step %d: resumed %v, want %v", n, resumed, step.Resumed)
	}
}

func (s *ruleStory) end(want ruleEnd) {
	for _, l := range s.book.State().Lots {
		if l.ID != named("lot", want.Lot) {
			continue
		}
		got := ruleEnd{Lot: want.Lot, Left: l.Left, Sold: l.Sold, Version: l.Version, State: l.State, ClosesUS: l.ClosesUS}
		want.State, want.ClosesUS = or(want.State, auction.LotOpen), or(want.ClosesUS, s.lots[want.Lot].ClosesUS)
		units := map[auction.Unit]bool{}
		for _, u := range l.Units {
			units[auction.Unit{Buyer: u.Buyer, Order: u.Order, Nth: u.Nth}] = true
		}
		s.units(want, units)
		want.Units = nil
		if d := cmp.Diff(want, got); d != "" {
			s.Errorf("at the end (-want +got):\n%s", d)
		}
		return
	}
	s.Errorf("at the end there is no lot %s", want.Lot)
}

func (s *ruleStory) units(want ruleEnd, got map[auction.Unit]bool) {
	for _, text := range want.Units {
		word := strings.Fields(text)
		if len(word) != 3 {
			s.Fatalf("unit %q is not \"buyer nth order\"", text)
		}
		var nth int
		if err := json.Unmarshal([]byte(word[1]), &nth); err != nil {
			s.Fatalf("unit %q: %v", text, err)
		}
		u := auction.Unit{Buyer: named("person", word[0]), Order: named("order", word[2]), Nth: nth}
		if !got[u] {
			s.Errorf("lot %s lacks unit %s", want.Lot, text)
		}
		delete(got, u)
	}
	if len(got) > 0 {
		s.Errorf("lot %s has %d units more", want.Lot, len(got))
	}
}
