package gate

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
)

// maxTries bounds how often a request looks again at a lot that is being rewritten.
const maxTries = 3

// about gives the terms of a shard's lots, in their order. Those that are not remembered are asked for by one pipeline;
// lots that the gate does not have have none and are not remembered: they may come. Its faults are Unavailable: nothing was
// decided yet.
func (g *Gate) about(ctx context.Context, shard int, lots []uuid.UUID) ([]auction.Terms, error) {
	found, unknown := make([]auction.Terms, len(lots)), make([]asking, 0, len(lots))
	for i, lot := range lots {
		var ok bool
		if found[i], ok = g.terms.Get(lot); !ok {
			unknown = append(unknown, asking{shard, lot, &found[i]})
		}
	}
	return found, g.look(ctx, unknown)
}

// asking is a lot whose terms are wanted, and where they go.
type asking struct {
	shard int
	lot   uuid.UUID
	into  *auction.Terms
}

// look asks for terms by one pipeline, and remembers them.
func (g *Gate) look(ctx context.Context, lots []asking) error {
	if len(lots) == 0 {
		return nil
	}
	replies := make([]*redis.SliceCmd, len(lots))
	err := g.pipeline(ctx, g.timeout, func(p redis.Pipeliner) error {
		for i, l := range lots {
			replies[i] = p.HMGet(ctx, g.keys.Lot(l.shard, l.lot), "session", "per_buyer", "code")
		}
		return nil
	})
	if err != nil {
		return unsent(err)
	}
	for i, l := range lots {
		if terms, ok := termsOf(replies[i].Val()); ok {
			*l.into = terms
			g.terms.Set(l.lot, terms)
		}
	}
	return nil
}

func termsOf(fields []any) (auction.Terms, bool) {
	if len(fields) != 3 {
		return auction.Terms{}, false
	}
	session, _ := fields[0].(string)
	perBuyer, _ := fields[1].(string)
	code, _ := fields[2].(string)
	id, err := uuid.Parse(session)
	n, notNumber := strconv.Atoi(perBuyer)
	return auction.Terms{Session: id, PerBuyer: n, Code: code}, err == nil && notNumber == nil && code != ""
}

func (g *Gate) forget(lots ...uuid.UUID) {
	for _, lot := range lots {
		g.terms.Forget(lot)
	}
}

// onLot runs one script on a lot by what its keys are made from, and looks again where that was not true any more.
func (g *Gate) onLot(ctx context.Context, shard int, lot uuid.UUID, run func(auction.Terms) (string, error)) (string, error) {
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
	statusSettled   = "settled"
)

// fieldNames are the fields of a lot's hash: what the rules read, and stock for people who look.
var fieldNames = [...]string{"session", "seller", "area", "price", "currency", "stock", "per_buyer", "code", "opens", "closes", "state", "version"}

// fields appends the values of a lot's fields, in the order of their names.
func (a *arguments) fields(l *auction.Lot) {
	a.id(l.Session)
	a.id(l.Seller)
	a.text(l.Area)
	a.number(l.PriceMinor)
	a.text(l.Currency)
	a.number(l.Stock)
	a.number(int64(l.PerBuyer))
	a.text(l.Code)
	a.number(l.OpensUS)
	a.number(l.ClosesUS)
	a.text(string(l.State))
	a.number(l.Version)
}

// at gives the nth of what was collected.
func (a *arguments) at(n int) []byte {
	start := 0
	if n > 0 {
		start = a.ends[n-1]
	}
	return a.bytes[start:a.ends[n]]
}

// fieldsOf gives the hash of a lot, names and values.
func fieldsOf(l auction.Lot) []any {
	values, all := newArguments(len(fieldNames)), make([]any, 0, 2*len(fieldNames))
	values.fields(&l)
	for f, name := range fieldNames {
		all = append(all, name, string(values.at(f)))
	}
	return all
}
