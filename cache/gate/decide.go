package gate

import (
	"context"
	"slices"
	"time"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/internal/money"
)

// Decide is auction.Gate's. A bid's own trouble is in its answer's Err, so err is only set for a shard that does not
// exist. The bids wait for their group (group.go) until ctx ends: then one that was not sent is Unavailable, and one that
// was is Unknown. A code that cannot be one is answered BadCode without asking Redis, AtUS being this node's time; no code
// at all goes the whole way, since who asks again for a receipt need not send it.
func (g *Gate) Decide(ctx context.Context, shard int, bids []auction.Bid) ([]auction.Answer, error) {
	if err := g.checkShard(shard); err != nil {
		return nil, err
	}
	answers := make([]auction.Answer, len(bids))
	for start := 0; start < len(bids); {
		end := start + distinct(bids[start:min(start+MaxBids, len(bids))])
		g.decideSome(ctx, shard, bids[start:end], answers[start:end])
		start = end
	}
	return answers, nil
}

// distinct gives how many bids, from the first on, are of different buyers or lots: only they may share a group.
func distinct(bids []auction.Bid) int {
	for n := range bids {
		for i := range n {
			if bids[i].Buyer == bids[n].Buyer && bids[i].Lot == bids[n].Lot {
				return n
			}
		}
	}
	return len(bids)
}

// decideSome puts bids into the shard's queue and waits for their answers.
func (g *Gate) decideSome(ctx context.Context, shard int, bids []auction.Bid, answers []auction.Answer) {
	now := g.now()
	waiting := make([]*asked, 0, len(bids))
	for i := range bids {
		if answers[i] = screen(&bids[i], now); answers[i].Verdict == "" && answers[i].Err == nil {
			waiting = append(waiting, newAsked(&bids[i], i))
		}
	}
	if len(waiting) == 0 {
		return
	}
	on, err := g.nodeOf(ctx, shard)
	if err == nil {
		err = g.groups.enter(ctx, on, shard, waiting, g.fly)
	}
	if err != nil {
		for _, a := range waiting {
			answers[a.place].Err = unsent(err)
			a.recycle()
		}
		return
	}
	for _, a := range waiting {
		place := a.place // before it is given back
		answer, settled := a.wait(ctx)
		if !settled {
			answer = g.durable(ctx, shard, answer)
		}
		answers[place] = answer
	}
}

// screen answers what needs no Redis; the zero Answer: it does.
func screen(b *auction.Bid, now time.Time) auction.Answer {
	switch {
	case !carried(b):
		return auction.Answer{Err: fault.New(fault.Invalid, "invalid", "the bid cannot be carried: quantity, amounts or trace")}
	case late(b, now):
		return auction.Answer{Err: notInTime()}
	case b.Code != "" && !auction.CodeWellFormed(b.Code):
		return auction.Answer{Verdict: auction.BadCode, AtUS: now.UnixMicro(), Left: -1}
	}
	return auction.Answer{}
}

func late(b *auction.Bid, now time.Time) bool { return !b.Deadline.IsZero() && !now.Before(b.Deadline) }

// carried says whether the numbers are exact in Lua and the texts fit a receipt, whose words a space separates.
func carried(b *auction.Bid) bool {
	return b.Quantity >= 1 && b.Quantity <= money.MaxMinor && money.Valid(b.Amount) && money.Valid(b.Seen) &&
		plain(b.Trace, auction.MaxTrace) && plain(b.Currency, 8) && plain(string(b.Kind), 16)
}

func plain(s string, most int) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= most
}

// sort finds the lots of a group, each once, and the wishes on them: bids that differ in nothing but who bids have one.
func (of *group) sort() {
	of.wish = make([]int, len(of.bids))
	for i, a := range of.bids {
		of.wish[i] = slices.IndexFunc(of.wishes, func(w wish) bool { return w.same(a.bid) })
		if of.wish[i] >= 0 {
			continue
		}
		lot := slices.Index(of.lots, a.bid.Lot)
		if lot < 0 {
			lot = len(of.lots)
			of.lots = append(of.lots, a.bid.Lot)
		}
		of.wish[i] = len(of.wishes)
		of.wishes = append(of.wishes, wish{lot, a.bid})
	}
}

// wish is what bids want: the lot by its place in the group, and the first who wants it.
type wish struct {
	lot int
	*auction.Bid
}

func (w wish) same(b *auction.Bid) bool {
	return w.Lot == b.Lot && w.Quantity == b.Quantity && w.Amount == b.Amount && w.Seen == b.Seen && w.Kind == b.Kind && w.Code == b.Code &&
		w.Area == b.Area && w.Currency == b.Currency
}

// lot gives which of the group's lots its bid i is on.
func (of *group) lot(i int) int { return of.wishes[of.wish[i]].lot }

// decideCall makes decide.lua's KEYS and ARGV, and counts the keys.
func (g *Gate) decideCall(of *group) (call *arguments, keys int) {
	keys = decideKeys + decideLotKeys*len(of.lots)
	for i := range of.bids {
		keys += of.terms[of.lot(i)].PerBuyer
	}
	call = newArguments(keys + decideArgs + decideLotArgs*len(of.lots) + decideWishArgs*len(of.wishes) + decideBidArgs*len(of.bids))
	g.decideNames(of, call)
	call.number(g.journalMax)
	call.number(g.markAgeUS)
	call.number(int64(len(of.lots)))
	call.number(int64(len(of.wishes)))
	call.number(int64(len(of.bids)))
	for n, lot := range of.lots {
		call.id(lot)
		call.id(of.terms[n].Session)
		call.number(int64(of.terms[n].PerBuyer))
		call.text(of.terms[n].Code)
	}
	for _, w := range of.wishes {
		call.wish(w.lot+1, w.Bid)
	}
	for i, a := range of.bids {
		call.bid(of.wish[i]+1, a.bid)
	}
	return call, keys
}

// decideNames makes decide.lua's KEYS.
func (g *Gate) decideNames(of *group, call *arguments) {
	call.text(g.keys.Head(of.shard))
	call.text(g.keys.Journal(of.shard))
	call.text(g.keys.Lots(of.shard))
	for n, lot := range of.lots {
		call.text(g.keys.Lot(of.shard, lot))
		call.text(g.keys.Lock(of.shard, lot))
		call.text(g.keys.Bids(of.shard, lot))
		call.text(g.keys.Stock(of.shard, lot, of.terms[n].Code))
	}
	for i, a := range of.bids {
		f := &of.terms[of.lot(i)]
		for nth := 1; nth <= f.PerBuyer; nth++ {
			call.bytes = g.keys.AppendUnit(call.bytes, of.shard, f.Session, a.bid.Lot, a.bid.Buyer, nth)
			call.end()
		}
	}
}

// How many keys and arguments decide.lua takes: always, for each lot, for each wish, for each bid beside its units.
const (
	decideKeys, decideLotKeys                                = 3, 4
	decideArgs, decideLotArgs, decideWishArgs, decideBidArgs = 5, 4, 6, 5
)
