package gate

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"rostrum/internal/fault"
)

// decideFlight answers all bids of a flight. What has to be asked again is, a few times.
func (g *Gate) decideFlight(flight []group) {
	ctx, cancel := context.WithTimeout(context.Background(), g.timeout)
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
	sent, calls := make([]group, 0, len(flight)), make([]*redis.Cmd, 0, len(flight))
	for _, of := range flight {
		if call, err := g.decideCommand(ctx, of); err != nil {
			of.fail(err)
		} else {
			sent, calls = append(sent, of), append(calls, call)
		}
	}
	if len(sent) == 0 {
		return nil
	}
	_, err := g.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, call := range calls {
			_ = p.Process(ctx, call) // it is only noted
		}
		return nil
	})
	for i, of := range sent {
		again = append(again, g.landed(of, calls[i], err)...)
	}
	return again
}

// decideCommand makes a group's call. What fails here was not sent.
func (g *Gate) decideCommand(ctx context.Context, of group) (*redis.Cmd, error) {
	lots, at := lotsOf(of.bids)
	found, err := g.about(ctx, of.shard, lots)
	if err != nil {
		return nil, err
	}
	call, keys := g.decideCall(of, lots, at, found)
	if of.whole {
		return redis.NewCmd(ctx, call.behind("eval", g.scripts.decideText, keys)...), nil
	}
	return redis.NewCmd(ctx, call.behind("evalsha", g.scripts.decide.Hash(), keys)...), nil
}

// landed answers a group's bids by what came back, and gives what has to be asked again.
func (g *Gate) landed(of group, call *redis.Cmd, flightErr error) []group {
	err := call.Err()
	if err == nil && call.Val() == nil {
		err = flightErr
	}
	switch {
	case err == nil:
		return g.tell(of, call.Val())
	case redis.HasErrorPrefix(err, "NOSCRIPT"):
		of.whole = true
		return []group{of}
	case serverSaid(err) && !refused(err) && len(of.bids) > 1:
		// Something in the script went wrong at one of the bids, and nothing was written. Asked one by one, each gets its
		// own answer, and one that is broken harms nobody.
		alone := make([]group, len(of.bids))
		for i, a := range of.bids {
			alone[i] = group{shard: of.shard, bids: []*asked{a}, whole: of.whole}
		}
		return alone
	}
	of.fail(outcome(err))
	return nil
}

// tell gives a group's bids the script's answers.
func (g *Gate) tell(of group, reply any) []group {
	lots, at := lotsOf(of.bids)
	words, _ := reply.([]any)
	if len(words) != 2+len(lots)+len(of.bids) || words[0] != replyVersion {
		of.fail(fault.New(fault.Internal, "gate_reply", fmt.Sprintf("%d words for %d bids on %d lots", len(words), len(of.bids), len(lots))))
		return nil
	}
	again := group{shard: of.shard}
	for i, a := range of.bids {
		answer, err := g.answer(words[1], words[2+at[i]], words[2+len(lots)+i], a.bid)
		switch {
		case err != nil:
			a.fail(err)
		case answer.Verdict == statusAgain:
			g.forget(a.bid.Lot)
			again.bids = append(again.bids, a)
		default:
			a.give(answer)
		}
	}
	if len(again.bids) == 0 {
		return nil
	}
	return []group{again}
}
