package auction

import (
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"

	"github.com/google/uuid"

	"rostrum/goods"
	"rostrum/internal/fault"
	"rostrum/internal/money"
)

// Limits of a session.
const (
	MaxSessionLots     = 100_000
	MinSessionDuration = 5 * time.Second
	MaxSessionDuration = 366 * 24 * time.Hour
	MaxWrong           = 200 // wrong things of a session that are told at once; the rest is told when those are mended
)

// What Lead is made of: a tick of the closer and a session's own work, and two thousand lots a second, of which most is
// writing them down.
const (
	leadBase   = 2 * time.Second
	leadPerLot = 500 * time.Microsecond
)

// Lead is how long before its start a session of so many lots must be published: they are preheated in it. A lot that
// opens before it is in the gate takes no bid.
func Lead(lots int) time.Duration { return leadBase + time.Duration(lots)*leadPerLot }

// CheckSession says what is wrong with a session as its operator describes it, all at once; nil for nothing.
func CheckSession(s Session, nowUS int64) []fault.Field {
	wrong := goods.Text("name", s.Name, 1, goods.MaxName)
	wrong = append(wrong, goods.CheckArea(goods.Area{Code: s.Area, Name: "-"})...)
	if i := slices.IndexFunc(wrong, func(f fault.Field) bool { return f.Name == "code" }); i >= 0 {
		wrong[i].Name = "area"
	}
	if !money.Known(s.Currency) {
		wrong = append(wrong, fault.Field{Name: "currency", Detail: "is not a currency sold in", Remedy: "send an ISO 4217 code such as EUR"})
	}
	if s.Recurrence != Once && s.Recurrence != Daily {
		wrong = append(wrong, fault.Field{Name: "recurrence", Detail: fmt.Sprintf("is %q", s.Recurrence), Remedy: "send once or daily"})
	}
	// "Local" is whatever the machine is set to, so another machine would mean another time.
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "Local" {
		wrong = append(wrong, fault.Field{Name: "zone", Detail: "is not a time zone", Remedy: "send an IANA name such as Europe/Berlin, or UTC"})
	}
	return append(wrong, checkTimes(s, nowUS)...)
}

func checkTimes(s Session, nowUS int64) []fault.Field {
	var wrong []fault.Field
	say := func(field, detail, remedy string) {
		wrong = append(wrong, fault.Field{Name: field, Detail: detail, Remedy: remedy})
	}
	if s.StartsUS <= nowUS {
		say("starts", "is not in the future", "send a later RFC 3339 time")
	}
	ordered := s.EndsUS > s.StartsUS && s.EndsUS <= money.MaxMinor
	if !ordered {
		say("ends", "is not after starts", "send an RFC 3339 time after starts")
	}
	if len(wrong) > 0 {
		return wrong // how long it lasts says nothing yet
	}
	length := time.Duration(s.EndsUS-s.StartsUS) * time.Microsecond
	if length < MinSessionDuration || length > MaxSessionDuration {
		say("ends", fmt.Sprintf("makes the session %s long", length),
			fmt.Sprintf("send %s to %s after starts", MinSessionDuration, MaxSessionDuration))
	} else if next, _ := s.Next(nowUS); s.Recurrence == Daily && s.EndsUS > next {
		say("ends", "makes a daily session overlap its next one", "send at most the same clock time of the next day")
	}
	return wrong
}

// checkLead says whether a session's lots can be preheated before it starts. One that has started is told of that alone.
func checkLead(s Session, lots []Lot, nowUS int64) []fault.Field {
	n := 0
	for _, l := range lots {
		n += max(l.Slices, 1)
	}
	lead := Lead(n)
	if ahead := s.StartsUS - nowUS; ahead <= 0 || ahead >= lead.Microseconds() {
		return nil
	}
	return []fault.Field{{Name: "starts", Detail: fmt.Sprintf("leaves no time to preheat %d lots, which takes up to %s", n, lead),
		Remedy: fmt.Sprintf("send a time at least %s after publishing", lead)}}
}

// LotPath gives the prefix of the n-th lot's fields among what is wrong with a session.
func LotPath(n int) string { return fmt.Sprintf("lots[%d].", n) }

// CheckLot says what is wrong with a lot of item i in session s, all at once; nil for nothing. Field names carry the
// prefix, which is "" or LotPath. People see a lot as soon as its session is published, at shownUS: that is now, or for a
// draft the last moment, the session's start.
func CheckLot(prefix string, l Lot, i goods.Item, s Session, shownUS int64) []fault.Field {
	var wrong []fault.Field
	say := func(bad bool, field, detail, remedy string) {
		if bad {
			wrong = append(wrong, fault.Field{Name: prefix + field, Detail: detail, Remedy: remedy})
		}
	}
	say(l.Format != Flash, "format", fmt.Sprintf("%q cannot be sold yet", l.Format), "send flash")
	say(l.PriceMinor < 1, "price", fmt.Sprintf("is %d", l.PriceMinor), "send minor units from 1")
	say(l.Stock < 1 || l.Stock > MaxStock, "stock", fmt.Sprintf("is %d", l.Stock), fmt.Sprintf("send 1 to %d", MaxStock))
	say(l.PerBuyer < 1 || l.PerBuyer > MaxPerBuyer, "per_buyer", fmt.Sprintf("is %d", l.PerBuyer), fmt.Sprintf("send 1 to %d", MaxPerBuyer))
	say(l.PriceMinor > money.MaxMinor/MaxPerBuyer, "price", "times 64 units is over 2^53", "send a smaller price")
	say(l.Currency != s.Currency, "currency", fmt.Sprintf("is %q, the session's is %q", l.Currency, s.Currency), "send the session's currency or none")
	say(!i.Auctionable, "item", "may not be auctioned", "set its auctionable to true")
	say(i.WithdrawnUS != 0, "item", "is withdrawn", "choose another item")
	say(i.State != goods.Tradable, "item", fmt.Sprintf("is not tradable, but in state %d", i.State), "choose an item in state 1")
	// A lot of one unit is the item itself; of an item that comes in numbers only its seller knows how many there are.
	say(i.Offered > 0 && (l.Stock == 1 || i.Offered == 1), "item", "is on sale in another session, and as a single unit here or there",
		"wait until that session is over, or choose another item")
	say(i.Area != s.Area, "item", fmt.Sprintf("is of area %q, the session of %q", i.Area, s.Area), "choose a session of the item's area")
	say(i.TradeFromUS > s.StartsUS, "item", "may not be traded when the session starts", "choose a later session or change its trade_from")
	say(i.ShowFromUS > shownUS, "item", "may not be shown before "+time.UnixMicro(i.ShowFromUS).UTC().Format(time.RFC3339),
		"publish the session then, choose a later session or change its show_from")
	return wrong
}

// Publish freezes a draft: it gives the session scheduled, and its lots open with the session's area and window, code and
// salt, in the slices that their sellers asked for; or all that is wrong with it, which is also what a dry run shows. items
// holds each lot's item. random gives 32 bytes a lot, and as many for each slice after the first.
func Publish(s Session, lots []Lot, items map[uuid.UUID]goods.Item, shards int, nowUS int64, random io.Reader) (Session, []Lot, []fault.Field, error) {
	wrong := append(CheckSession(s, nowUS), checkLead(s, lots, nowUS)...)
	if s.State != SessionDraft {
		wrong = append(wrong, fault.Field{Name: "state", Detail: fmt.Sprintf("is %s", s.State), Remedy: "only a draft can be published"})
	}
	if n := countSlices(lots); n == 0 || n > MaxSessionLots {
		wrong = append(wrong, fault.Field{Name: "lots", Detail: fmt.Sprintf("there are %d", n),
			Remedy: fmt.Sprintf("put 1 to %d lots into the session; each slice of one counts", MaxSessionLots)})
	}
	open := make([]Lot, len(lots))
	for n, l := range lots {
		if len(wrong) >= MaxWrong {
			return s, nil, wrong[:MaxWrong], nil
		}
		wrong = append(append(wrong, CheckLot(LotPath(n), l, items[l.Item], s, nowUS)...), CheckSlices(LotPath(n), l, shards)...)
		// The session may have moved to another area since the lot was made.
		l.Area, l.State, l.OpensUS, l.ClosesUS = s.Area, LotOpen, s.StartsUS, s.EndsUS
		var err error
		if l.Code, l.Salt, err = secrets(random); err != nil {
			return s, nil, nil, err
		}
		open[n] = l
	}
	if len(wrong) > 0 {
		return s, nil, wrong, nil
	}
	open, err := Split(open, shards, random)
	if err != nil {
		return s, nil, nil, err
	}
	s.State, s.Lots = SessionScheduled, len(open)
	return s, open, nil, nil
}

// secrets draws a lot's code and salt.
func secrets(random io.Reader) (string, []byte, error) {
	secret := make([]byte, 32)
	if _, err := io.ReadFull(random, secret); err != nil {
		return "", nil, fmt.Errorf("publish: %w", err)
	}
	return code(secret[:16]), secret[16:], nil
}

// code writes 16 random bytes as 22 characters of base62.
func code(random []byte) string {
	text := new(big.Int).SetBytes(random).Text(62)
	for len(text) < CodeLength {
		text = "0" + text
	}
	return text
}
