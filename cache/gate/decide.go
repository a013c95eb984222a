package gate

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/internal/money"
)

// Decide is auction.Gate's. A bid's own trouble is in its answer's Err, so err is only set for a shard that does not
// exist: one part of a long slice may be decided while the next is not. A code that cannot be one is answered BadCode
// without asking Redis, AtUS being this node's time; no code at all goes the whole way, since who asks again for a receipt
// need not send it.
func (g *Gate) Decide(ctx context.Context, shard int, bids []auction.Bid) ([]auction.Answer, error) {
	if err := g.checkShard(shard); err != nil {
		return nil, err
	}
	answers := make([]auction.Answer, len(bids))
	for group := range slices.Chunk(g.screen(bids, answers), MaxBids) {
		g.decideGroup(ctx, shard, bids, group, answers)
	}
	return answers, nil
}

// screen answers what needs no Redis, and gives the places of the other bids.
func (g *Gate) screen(bids []auction.Bid, answers []auction.Answer) []int {
	now, rest := g.now(), make([]int, 0, len(bids))
	for i, b := range bids {
		switch {
		case !carried(b):
			answers[i].Err = fault.New(fault.Invalid, "invalid", "the bid cannot be carried: quantity, amounts or trace")
		case !b.Deadline.IsZero() && !now.Before(b.Deadline):
			answers[i].Err = fault.New(fault.Unavailable, "deadline", "the bid's deadline passed before it was sent")
		case b.Code != "" && !auction.CodeWellFormed(b.Code):
			answers[i] = auction.Answer{Verdict: auction.BadCode, AtUS: now.UnixMicro(), Left: -1}
		default:
			rest = append(rest, i)
		}
	}
	return rest
}

// carried says whether the numbers are exact in Lua and the texts fit a receipt, whose words a space separates.
func carried(b auction.Bid) bool {
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

// decideGroup decides at most MaxBids bids by one script, and again those whose lot was not what the keys said.
func (g *Gate) decideGroup(ctx context.Context, shard int, bids []auction.Bid, group []int, answers []auction.Answer) {
	for range maxTries {
		again, err := g.decideOnce(ctx, shard, bids, group, answers)
		if err != nil && serverSaid(err) && !refused(err) && len(group) > 1 {
			// Something in the script went wrong at one of the bids; the ones before it are written. Asked one by one, each
			// gets its own answer, and those that were admitted get their receipt.
			for _, i := range group {
				g.decideGroup(ctx, shard, bids, []int{i}, answers)
			}
			return
		}
		if err != nil {
			fail(answers, group, err)
			return
		}
		if group = again; len(group) == 0 {
			return
		}
	}
	fail(answers, group, unsettled())
}

func fail(answers []auction.Answer, group []int, err error) {
	for _, i := range group {
		answers[i] = auction.Answer{Err: err}
	}
}

// decideOnce asks the script once, and gives the places that it wants to be asked again for.
func (g *Gate) decideOnce(ctx context.Context, shard int, bids []auction.Bid, group []int, answers []auction.Answer) ([]int, error) {
	lots, at := lotsOf(bids, group)
	found, err := g.about(ctx, shard, lots)
	if err != nil {
		return nil, err
	}
	keys, args := g.decideCall(shard, bids, group, lots, at, found)
	reply, err := g.run(ctx, g.scripts.decide, keys, args...)
	if err != nil {
		return nil, err
	}
	if len(reply) != 1+len(group) {
		return nil, fault.New(fault.Internal, "gate_reply", fmt.Sprintf("%d answers to %d bids", len(reply)-1, len(group)))
	}
	var again []int
	for n, i := range group {
		a, moved, err := g.answer(reply[0], reply[1+n], bids[i])
		if err != nil {
			return nil, err
		}
		if answers[i] = a; moved {
			g.forget(bids[i].Lot)
			again = append(again, i)
		}
	}
	return again, nil
}

// lotsOf gives the lots of a group, each once, and where a lot stands among them.
func lotsOf(bids []auction.Bid, group []int) ([]uuid.UUID, map[uuid.UUID]int) {
	var lots []uuid.UUID
	at := make(map[uuid.UUID]int, 1)
	for _, i := range group {
		if _, ok := at[bids[i].Lot]; !ok {
			at[bids[i].Lot] = len(lots)
			lots = append(lots, bids[i].Lot)
		}
	}
	return lots, at
}

// decideCall makes decide.lua's KEYS and ARGV.
func (g *Gate) decideCall(shard int, bids []auction.Bid, group []int, lots []uuid.UUID, at map[uuid.UUID]int, found []facts) ([]string, []any) {
	keys := make([]string, 0, 3+3*len(lots)+2*len(group))
	keys = append(keys, g.keys.Head(shard), g.keys.Journal(shard), g.keys.Lots(shard))
	args := make([]any, 0, 3+3*len(lots)+12*len(group))
	args = append(args, g.journalMax, len(lots), len(group))
	for n, lot := range lots {
		keys = append(keys, g.keys.Lot(shard, lot), g.keys.Lock(shard, lot), g.keys.Bids(shard, lot))
		args = append(args, lot.String(), found[n].session.String(), found[n].perBuyer)
	}
	for _, i := range group {
		b := bids[i]
		f := found[at[b.Lot]]
		keys = append(keys, g.keys.Stock(shard, b.Lot, b.Code))
		for nth := 1; nth <= f.perBuyer; nth++ {
			keys = append(keys, g.keys.Unit(shard, f.session, b.Lot, b.Buyer, nth))
		}
		args = append(args, at[b.Lot]+1, b.ID.String(), b.Buyer.String(), b.Order.String(), b.Area, b.Code, b.Quantity,
			b.Amount, b.Seen, b.Currency, b.Content(), b.Trace)
	}
	return keys, args
}
