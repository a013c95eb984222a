package gate

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
)

// facts is what the keys of a lot are made from. It is frozen when the lot is published, so a node asks for it once; a
// script that finds another lot than its caller believed answers `again`, and the caller asks anew.
type facts struct {
	session  uuid.UUID
	perBuyer int
	code     string // "": the gate has no such lot
}

// maxTries bounds how often a request looks again at a lot that is being rewritten.
const maxTries = 3

// about gives the facts of lots, in their order, of those that are not remembered by one pipeline. Lots that the gate does
// not have are not remembered: they may come. Its faults are Unavailable: nothing was decided yet.
func (g *Gate) about(ctx context.Context, shard int, lots []uuid.UUID) ([]facts, error) {
	found := make([]facts, len(lots))
	var asked []int
	for i, lot := range lots {
		f, ok := g.facts.GetIfPresent(lot)
		if found[i] = f; !ok {
			asked = append(asked, i)
		}
	}
	if len(asked) == 0 {
		return found, nil
	}
	replies := make([]*redis.SliceCmd, len(asked))
	err := g.pipeline(ctx, g.timeout, func(p redis.Pipeliner) error {
		for n, i := range asked {
			replies[n] = p.HMGet(ctx, g.keys.Lot(shard, lots[i]), "session", "per_buyer", "code")
		}
		return nil
	})
	if err != nil {
		return nil, unsent(err)
	}
	for n, i := range asked {
		if f, ok := factsOf(replies[n].Val()); ok {
			found[i] = f
			g.facts.Set(lots[i], f)
		}
	}
	return found, nil
}

func factsOf(fields []any) (facts, bool) {
	session, _ := fields[0].(string)
	perBuyer, _ := fields[1].(string)
	code, _ := fields[2].(string)
	id, err := uuid.Parse(session)
	n, notNumber := strconv.Atoi(perBuyer)
	return facts{id, n, code}, err == nil && notNumber == nil && code != ""
}

func (g *Gate) forget(lots ...uuid.UUID) {
	for _, lot := range lots {
		g.facts.Invalidate(lot)
	}
}

// onLot runs one script on a lot by what its keys are made from, and looks again where that was not true any more.
func (g *Gate) onLot(ctx context.Context, shard int, lot uuid.UUID, run func(facts) (string, error)) (string, error) {
	if err := g.checkShard(shard); err != nil {
		return "", err
	}
	for range maxTries {
		found, err := g.about(ctx, shard, []uuid.UUID{lot})
		if err != nil {
			return "", err
		}
		status, err := run(found[0])
		if err != nil || status != statusAgain {
			return status, err
		}
		g.forget(lot)
	}
	return "", unsettled()
}

// The words in which scripts answer.
const (
	statusOK        = "ok"
	statusAgain     = "again"
	statusDone      = "done"
	statusUnvouched = "unvouched"
	statusLost      = "lost"
)

// fieldsOf gives the hash of a lot: what the rules read, and stock for people who look.
func fieldsOf(l auction.Lot) []any {
	return []any{"session", l.Session.String(), "seller", l.Seller.String(), "area", l.Area, "price", l.PriceMinor,
		"currency", l.Currency, "stock", l.Stock, "per_buyer", l.PerBuyer, "code", l.Code, "opens", l.OpensUS,
		"closes", l.ClosesUS, "state", string(l.State), "version", l.Version}
}
