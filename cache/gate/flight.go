package gate

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"

	"rostrum/auction"
)

// decideFlight answers all bids of a flight. What has to be asked again is, a few times.
func (g *Gate) decideFlight(ctx context.Context, flight []group) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	for range maxTries {
		if flight = g.decideOnce(ctx, flight); len(flight) == 0 {
			return
		}
	}
	for _, of := range flight {
		of.fail(unsettled())
	}
}

// decideOnce sends one pipeline, a script a group, and gives the groups that have to be asked again.
func (g *Gate) decideOnce(ctx context.Context, flight []group) (again []group) {
	if err := g.learn(ctx, flight); err != nil {
		for _, of := range flight {
			of.fail(err)
		}
		return nil
	}
	calls := make([]*redis.Cmd, len(flight))
	_, err := g.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range flight {
			calls[i] = g.decideCommand(ctx, &flight[i])
			_ = p.Process(ctx, calls[i]) // it is only noted
		}
		return nil
	})
	for i := range flight {
		again = append(again, g.landed(&flight[i], calls[i], err)...)
	}
	return again
}

// learn finds the lots of a flight's groups and their terms: as they are remembered here, as the bids bring them, or by
// asking.
func (g *Gate) learn(ctx context.Context, flight []group) error {
	var unknown []asking
	for i := range flight {
		of := &flight[i]
		of.lots, of.wishes = nil, nil
		of.sort()
		of.terms = make([]auction.Terms, len(of.lots))
		for n, lot := range of.lots {
			terms, ok := g.terms.Get(lot)
			if !ok && !of.moved {
				terms = of.brought(n)
			}
			if of.terms[n] = terms; terms.Code == "" {
				unknown = append(unknown, asking{of.shard, lot, &of.terms[n]})
			}
		}
	}
	return g.look(ctx, unknown)
}

// brought gives the terms that the first bid on a lot came with.
func (of *group) brought(lot int) auction.Terms {
	n := slices.IndexFunc(of.wishes, func(w wish) bool { return w.lot == lot })
	return of.wishes[n].Terms
}

func (g *Gate) decideCommand(ctx context.Context, of *group) *redis.Cmd {
	call, keys := g.decideCall(of)
	if of.whole {
		return redis.NewCmd(ctx, call.behind("eval", g.scripts.decideText, keys)...)
	}
	return redis.NewCmd(ctx, call.behind("evalsha", g.scripts.decide.Hash(), keys)...)
}

// landed answers a group's bids by what came back, and gives what has to be asked again.
func (g *Gate) landed(of *group, call *redis.Cmd, flightErr error) []group {
	err := call.Err()
	if err == nil && call.Val() == nil {
		err = flightErr
	}
	switch {
	case err == nil:
		return g.tell(of, call.Val())
	case redis.HasErrorPrefix(err, "NOSCRIPT"):
		of.whole = true
		return []group{*of}
	case serverSaid(err) && !refused(err) && len(of.bids) > 1:
		// Something in the script went wrong at one of the bids, and nothing was written. Asked one by one, each gets its
		// own answer, and one that is broken harms nobody.
		alone := make([]group, len(of.bids))
		for i, a := range of.bids {
			alone[i] = group{shard: of.shard, bids: []*asked{a}, whole: of.whole, moved: of.moved}
		}
		return alone
	}
	of.fail(outcome(err))
	return nil
}

// tell gives a group's bids the script's answers.
func (g *Gate) tell(of *group, reply any) []group {
	answers, err := g.answersOf(of, reply)
	if err != nil {
		of.fail(err)
		return nil
	}
	again := group{shard: of.shard, moved: true}
	for i, a := range of.bids {
		answer, settled, err := answers.next(of.lot(i), a.bid)
		switch {
		case err != nil:
			a.fail(err)
		case answer.Verdict == statusAgain:
			g.forget(a.bid.Lot)
			again.bids = append(again.bids, a)
		default:
			a.settled = settled
			a.give(answer)
		}
	}
	if len(again.bids) == 0 {
		return nil
	}
	return []group{again}
}
