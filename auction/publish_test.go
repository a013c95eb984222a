package auction_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/fault"
	"rostrum/internal/money"
)

const (
	nowUS  = int64(1_795_000_000_000_000)
	hourUS = int64(3_600_000_000)
)

func aSession() auction.Session {
	return auction.Session{ID: id(others, 2), Area: "north", Name: "Friday", Currency: "EUR", StartsUS: nowUS + hourUS,
		EndsUS: nowUS + 2*hourUS, Recurrence: auction.Once, Zone: "UTC", State: auction.SessionDraft, Rev: 4}
}

func anItem(n int) goods.Item {
	return goods.Item{ID: id(others, 100+n), Area: "north", Auctionable: true, State: goods.Tradable}
}

func aDraft(n int) auction.Lot {
	l := aLot(n)
	l.Code, l.State, l.OpensUS, l.ClosesUS = "", auction.LotDraft, 0, 0
	return l
}

func names(wrong []fault.Field) string {
	var all []string
	for _, f := range wrong {
		if f.Detail == "" || f.Remedy == "" {
			all = append(all, "UNEXPLAINED")
		}
		all = append(all, f.Name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestCheckSession(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*auction.Session)
		wrong  string
	}{
		"as it should be":            {func(s *auction.Session) {}, ""},
		"no name":                    {func(s *auction.Session) { s.Name = "" }, "name"},
		"a name of 201":              {func(s *auction.Session) { s.Name = strings.Repeat("é", 201) }, "name"},
		"a name of 200":              {func(s *auction.Session) { s.Name = strings.Repeat("é", 200) }, ""},
		"no area":                    {func(s *auction.Session) { s.Area = "" }, "area"},
		"area in capitals":           {func(s *auction.Session) { s.Area = "North" }, "area"},
		"no currency":                {func(s *auction.Session) { s.Currency = "" }, "currency"},
		"currency in small letters":  {func(s *auction.Session) { s.Currency = "eur" }, "currency"},
		"no recurrence":              {func(s *auction.Session) { s.Recurrence = "" }, "recurrence"},
		"weekly":                     {func(s *auction.Session) { s.Recurrence = "weekly" }, "recurrence"},
		"daily":                      {func(s *auction.Session) { s.Recurrence = auction.Daily }, ""},
		"a zone of nowhere":          {func(s *auction.Session) { s.Zone = "Mars/Olympus" }, "zone"},
		"the machine's own zone":     {func(s *auction.Session) { s.Zone = "Local" }, "zone"},
		"a zone by path":             {func(s *auction.Session) { s.Zone = "../etc/passwd" }, "zone"},
		"a zone":                     {func(s *auction.Session) { s.Zone = "Europe/Berlin" }, ""},
		"starts now":                 {func(s *auction.Session) { s.StartsUS = nowUS }, "starts"},
		"starts a microsecond later": {func(s *auction.Session) { s.StartsUS = nowUS + 1 }, ""},
		"started before 1970":        {func(s *auction.Session) { s.StartsUS = -1 << 62 }, "starts"},
		"ends as it starts":          {func(s *auction.Session) { s.EndsUS = s.StartsUS }, "ends"},
		"ends before it starts":      {func(s *auction.Session) { s.EndsUS = s.StartsUS - 1 }, "ends"},
		"both in the past":           {func(s *auction.Session) { s.StartsUS, s.EndsUS = nowUS-1, nowUS-2 }, "ends starts"},
		"no times at all":            {func(s *auction.Session) { s.StartsUS, s.EndsUS = 0, 0 }, "ends starts"},
		"ends after 2^53":            {func(s *auction.Session) { s.EndsUS = money.MaxMinor + 1 }, "ends"},
		"lasts under 5 s":            {func(s *auction.Session) { s.EndsUS = s.StartsUS + 4_999_999 }, "ends"},
		"lasts 5 s":                  {func(s *auction.Session) { s.EndsUS = s.StartsUS + 5_000_000 }, ""},
		"lasts 366 days":             {func(s *auction.Session) { s.EndsUS = s.StartsUS + 366*24*hourUS }, ""},
		"lasts longer than 366 days": {func(s *auction.Session) { s.EndsUS = s.StartsUS + 366*24*hourUS + 1 }, "ends"},
		"daily and 24 hours":         {func(s *auction.Session) { s.Recurrence, s.EndsUS = auction.Daily, s.StartsUS+24*hourUS }, ""},
		"daily and longer":           {func(s *auction.Session) { s.Recurrence, s.EndsUS = auction.Daily, s.StartsUS+24*hourUS+1 }, "ends"},
		"everything":                 {func(s *auction.Session) { *s = auction.Session{Zone: "x"} }, "area currency ends name recurrence starts zone"},
	} {
		s := aSession()
		c.change(&s)
		if got := names(auction.CheckSession(s, nowUS)); got != c.wrong {
			t.Errorf("%s: wrong is %q, want %q", name, got, c.wrong)
		}
	}
}

func TestADaily24HourSessionFitsTheDayTheClocksChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, day := range map[string]time.Time{"23 hours": time.Date(2027, 3, 28, 0, 0, 0, 0, berlin), "25 hours": time.Date(2027, 10, 31, 0, 0, 0, 0, berlin)} {
		s := aSession()
		s.Recurrence, s.Zone, s.StartsUS, s.EndsUS = auction.Daily, "Europe/Berlin", day.UnixMicro(), day.AddDate(0, 0, 1).UnixMicro()
		if got := names(auction.CheckSession(s, nowUS)); got != "" {
			t.Errorf("a whole day of %s: %s", name, got)
		}
	}
}

func TestCheckLot(t *testing.T) {
	const largest = money.MaxMinor / auction.MaxPerBuyer // so that an order's total stays exact
	for name, c := range map[string]struct {
		change func(*auction.Lot, *goods.Item)
		wrong  string
	}{
		"as it should be":                  {func(l *auction.Lot, i *goods.Item) {}, ""},
		"english":                          {func(l *auction.Lot, i *goods.Item) { l.Format = auction.English }, "format"},
		"no format":                        {func(l *auction.Lot, i *goods.Item) { l.Format = "" }, "format"},
		"price 0":                          {func(l *auction.Lot, i *goods.Item) { l.PriceMinor = 0 }, "price"},
		"price negative":                   {func(l *auction.Lot, i *goods.Item) { l.PriceMinor = -1 }, "price"},
		"price 1":                          {func(l *auction.Lot, i *goods.Item) { l.PriceMinor = 1 }, ""},
		"price at its largest":             {func(l *auction.Lot, i *goods.Item) { l.PriceMinor = largest }, ""},
		"price over its largest":           {func(l *auction.Lot, i *goods.Item) { l.PriceMinor = largest + 1 }, "price"},
		"price over 2^53":                  {func(l *auction.Lot, i *goods.Item) { l.PriceMinor = money.MaxMinor + 1 }, "price"},
		"stock 0":                          {func(l *auction.Lot, i *goods.Item) { l.Stock = 0 }, "stock"},
		"stock negative":                   {func(l *auction.Lot, i *goods.Item) { l.Stock = -1 }, "stock"},
		"stock at its largest":             {func(l *auction.Lot, i *goods.Item) { l.Stock = auction.MaxStock }, ""},
		"stock over its largest":           {func(l *auction.Lot, i *goods.Item) { l.Stock = auction.MaxStock + 1 }, "stock"},
		"none a buyer":                     {func(l *auction.Lot, i *goods.Item) { l.PerBuyer = 0 }, "per_buyer"},
		"64 a buyer":                       {func(l *auction.Lot, i *goods.Item) { l.PerBuyer = 64 }, ""},
		"65 a buyer":                       {func(l *auction.Lot, i *goods.Item) { l.PerBuyer = 65 }, "per_buyer"},
		"another currency":                 {func(l *auction.Lot, i *goods.Item) { l.Currency = "USD" }, "currency"},
		"not for auction":                  {func(l *auction.Lot, i *goods.Item) { i.Auctionable = false }, "item"},
		"withdrawn":                        {func(l *auction.Lot, i *goods.Item) { i.WithdrawnUS = 1 }, "item"},
		"of another area":                  {func(l *auction.Lot, i *goods.Item) { i.Area = "south" }, "item"},
		"traded from the start":            {func(l *auction.Lot, i *goods.Item) { i.TradeFromUS = nowUS + hourUS }, ""},
		"traded too late":                  {func(l *auction.Lot, i *goods.Item) { i.TradeFromUS = nowUS + hourUS + 1 }, "item"},
		"shown from the start":             {func(l *auction.Lot, i *goods.Item) { i.ShowFromUS = nowUS + hourUS }, ""},
		"shown too late":                   {func(l *auction.Lot, i *goods.Item) { i.ShowFromUS = nowUS + hourUS + 1 }, "item"},
		"sold":                             {func(l *auction.Lot, i *goods.Item) { i.State = goods.AwaitingPayment }, "item"},
		"one that is one unit elsewhere":   {func(l *auction.Lot, i *goods.Item) { i.Offered, l.Stock = 1, 100 }, "item"},
		"the one unit of many elsewhere":   {func(l *auction.Lot, i *goods.Item) { i.Offered, l.Stock = 100, 1 }, "item"},
		"many, of which there are others":  {func(l *auction.Lot, i *goods.Item) { i.Offered, l.Stock = 100, 100 }, ""},
		"the one unit, and none elsewhere": {func(l *auction.Lot, i *goods.Item) { i.Offered, l.Stock = 0, 1 }, ""},
		"everything": {func(l *auction.Lot, i *goods.Item) {
			*l, *i = auction.Lot{}, goods.Item{WithdrawnUS: 1, ShowFromUS: 1 << 60, TradeFromUS: 1 << 60}
		}, "currency format item item item item item item per_buyer price stock"},
	} {
		l, i := aDraft(1), anItem(1)
		c.change(&l, &i)
		if got := names(auction.CheckLot("", l, i, aSession(), aSession().StartsUS)); got != c.wrong {
			t.Errorf("%s: wrong is %q, want %q", name, got, c.wrong)
		}
	}
}

func TestPublishFreezes(t *testing.T) {
	s, drafts := aSession(), []auction.Lot{aDraft(1), aDraft(2), aDraft(3)}
	drafts[1].Area = "south" // where the session was planned first
	items := map[uuid.UUID]goods.Item{}
	for n := 1; n <= 3; n++ {
		items[anItem(n).ID] = anItem(n)
	}
	random := make([]byte, 96) // the first lot's secret is all zero, so its code begins with zeros
	for i := range random[32:] {
		random[32+i] = byte(i * 7)
	}
	scheduled, open, wrong, err := auction.Publish(s, drafts, items, 16, nowUS, bytes.NewReader(random))
	if err != nil || wrong != nil {
		t.Fatalf("%v %v", wrong, err)
	}
	if scheduled.State != auction.SessionScheduled || scheduled.Lots != 3 || scheduled.Rev != s.Rev {
		t.Errorf("session %+v", scheduled)
	}
	codes, salts := map[string]bool{}, map[string]bool{}
	for n, l := range open {
		if l.State != auction.LotOpen || l.OpensUS != s.StartsUS || l.ClosesUS != s.EndsUS || l.Area != s.Area || l.ID != drafts[n].ID {
			t.Errorf("lot %+v", l)
		}
		if !auction.CodeWellFormed(l.Code) || len(l.Salt) != 16 || bytes.Contains([]byte(l.Code), l.Salt) {
			t.Errorf("code %q, salt %x", l.Code, l.Salt)
		}
		codes[l.Code], salts[string(l.Salt)] = true, true
		if drafts[n].Code != "" || drafts[n].State != auction.LotDraft {
			t.Errorf("the draft was changed: %+v", drafts[n])
		}
	}
	if len(codes) != 3 || len(salts) != 3 {
		t.Errorf("codes %v, salts %v", codes, salts)
	}
	if want := strings.Repeat("0", auction.CodeLength); open[0].Code != want {
		t.Errorf("code of no bits %q, want %q", open[0].Code, want)
	}
}

func TestTheLargestCode(t *testing.T) {
	s := aSession()
	_, open, _, err := auction.Publish(s, []auction.Lot{aDraft(1)}, map[uuid.UUID]goods.Item{anItem(1).ID: anItem(1)}, 16, nowUS,
		bytes.NewReader(bytes.Repeat([]byte{0xff}, 32)))
	if err != nil || len(open) != 1 {
		t.Fatal(open, err)
	}
	if want := "7N42dgm5tFLK9N8MT7fHC7"; open[0].Code != want { // 2^128-1 in base62
		t.Errorf("code %q, want %q", open[0].Code, want)
	}
}

func TestPublishSaysAllThatIsWrong(t *testing.T) {
	s := aSession()
	s.Name, s.State = "", auction.SessionScheduled
	drafts := []auction.Lot{aDraft(1), aDraft(2), aDraft(3)}
	drafts[0].Stock, drafts[2].PriceMinor, drafts[2].Slices = 0, -5, 17
	items := map[uuid.UUID]goods.Item{anItem(1).ID: anItem(1), anItem(3).ID: anItem(3)} // the second's is unknown
	same, open, wrong, err := auction.Publish(s, drafts, items, 16, nowUS, zeros{})
	if err != nil || open != nil || same != s {
		t.Errorf("published %+v, %v", open, err)
	}
	if got, want := names(wrong), "lots[0].stock lots[1].item lots[1].item lots[1].item lots[2].price lots[2].slices name state"; got != want {
		t.Errorf("wrong is %q, want %q", got, want)
	}
	if _, _, wrong, _ := auction.Publish(aSession(), nil, nil, 16, nowUS, zeros{}); names(wrong) != "lots" {
		t.Errorf("without lots: %v", wrong)
	}
}

// What starts before it can be preheated is refused, with the time that its lots need: slices are lots too.
func TestPublishLeavesTimeToPreheat(t *testing.T) {
	for name, c := range map[string]struct {
		ahead  time.Duration
		slices int
		wrong  string
	}{
		"long before":         {time.Hour, 1, ""},
		"just in time":        {2001 * time.Millisecond, 1, ""}, // 2 s and half a millisecond for each of two lots
		"a moment too late":   {2001*time.Millisecond - time.Microsecond, 1, "starts"},
		"a microsecond ahead": {time.Microsecond, 1, "starts"},
		"it starts now":       {0, 1, "starts"}, // which is said once
		"slices, in time":     {2005 * time.Millisecond, 9, ""},
		"slices, too late":    {2005*time.Millisecond - time.Microsecond, 9, "starts"},
	} {
		s, drafts := aSession(), []auction.Lot{aDraft(1), aDraft(2)}
		s.StartsUS, drafts[1].Slices, drafts[1].Stock = nowUS+c.ahead.Microseconds(), c.slices, 100
		_, open, wrong, err := auction.Publish(s, drafts, map[uuid.UUID]goods.Item{anItem(1).ID: anItem(1), anItem(2).ID: anItem(2)}, 16, nowUS, zeros{})
		if err != nil || names(wrong) != c.wrong || (open != nil) != (c.wrong == "") {
			t.Errorf("%s: wrong is %v, %v", name, wrong, err)
		}
	}
	if got := auction.Lead(auction.MaxSessionLots); got != 52*time.Second {
		t.Errorf("the largest session needs %s", got)
	}
}

// A draft may hold what is not to be shown yet, but is not published before it is.
func TestPublishShowsNothingTooEarly(t *testing.T) {
	s, l, i := aSession(), aDraft(1), anItem(1)
	i.ShowFromUS = s.StartsUS - auction.Lead(1).Microseconds()
	if wrong := auction.CheckLot("", l, i, s, s.StartsUS); wrong != nil {
		t.Errorf("in a draft: %+v", wrong)
	}
	for now, want := range map[int64]string{i.ShowFromUS - 1: "lots[0].item", i.ShowFromUS: ""} {
		_, open, wrong, err := auction.Publish(s, []auction.Lot{l}, map[uuid.UUID]goods.Item{i.ID: i}, 16, now, zeros{})
		if err != nil || (open == nil) != (want != "") || names(wrong) != want {
			t.Errorf("published %d µs before it is shown: %+v, %v, %v", i.ShowFromUS-now, open, wrong, err)
		}
	}
	if _, open, wrong, err := auction.Publish(s, []auction.Lot{l}, map[uuid.UUID]goods.Item{i.ID: anItem(1)}, 16, nowUS, zeros{}); len(open) != 1 || err != nil {
		t.Errorf("what is shown from the beginning: %+v, %v", wrong, err)
	}
}

// Slices count: a session has as many lots as are decided one by one.
func TestPublishCountsSlices(t *testing.T) {
	l := aDraft(1)
	l.Slices, l.Stock = 4, 100
	items := map[uuid.UUID]goods.Item{l.Item: anItem(1)}
	if s, open, wrong, err := auction.Publish(aSession(), []auction.Lot{l}, items, 16, nowUS, zeros{}); len(open) != 4 || s.Lots != 4 || err != nil {
		t.Errorf("%d lots of %d, %v, %v", len(open), s.Lots, wrong, err)
	}
	many := make([]auction.Lot, auction.MaxSessionLots/4+1)
	for n := range many {
		many[n] = l
	}
	if _, open, wrong, err := auction.Publish(aSession(), many, items, 16, nowUS, zeros{}); open != nil || names(wrong) != "lots" || err != nil {
		t.Errorf("%d lots, %+v, %v", len(open), wrong, err)
	}
}

// A session of a hundred thousand wrong lots is told the first of them: what is told fits into an answer.
func TestPublishSaysNoMoreThanFits(t *testing.T) {
	drafts := make([]auction.Lot, auction.MaxSessionLots)
	_, open, wrong, err := auction.Publish(aSession(), drafts, nil, 16, nowUS, zeros{})
	if err != nil || open != nil || len(wrong) != auction.MaxWrong || !strings.HasPrefix(wrong[0].Name, "lots[0].") {
		t.Errorf("%d wrong things, published %v, %v", len(wrong), open, err)
	}
}

func TestPublishNeedsRandomness(t *testing.T) {
	items := map[uuid.UUID]goods.Item{anItem(1).ID: anItem(1)}
	broken := errors.New("no randomness")
	for name, random := range map[string]io.Reader{"short": strings.NewReader("too short"), "broken": iotest.ErrReader(broken)} {
		if _, open, _, err := auction.Publish(aSession(), []auction.Lot{aDraft(1)}, items, 16, nowUS, random); err == nil || open != nil {
			t.Errorf("%s: published %v, %v", name, open, err)
		}
	}
}

// zeros is an endless source of nothing.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
