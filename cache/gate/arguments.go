package gate

import (
	"strconv"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache"
)

// arguments collects the arguments of a long call in one piece of memory: a group of bids has a thousand of them.
type arguments struct {
	bytes []byte
	ends  []int
}

func newArguments(count int) *arguments {
	return &arguments{bytes: make([]byte, 0, 32*count), ends: make([]int, 0, count)}
}

func (a *arguments) end() { a.ends = append(a.ends, len(a.bytes)) }

func (a *arguments) text(s string) {
	a.bytes = append(a.bytes, s...)
	a.end()
}

func (a *arguments) number(n int64) {
	a.bytes = strconv.AppendInt(a.bytes, n, 10)
	a.end()
}

func (a *arguments) id(id uuid.UUID) {
	a.bytes = cache.AppendID(a.bytes, id)
	a.end()
}

// wish is the arguments of decide.lua for what b wants.
func (a *arguments) wish(lot int, b *auction.Bid) {
	a.number(int64(lot))
	a.text(b.Area)
	a.text(b.Code)
	a.number(b.Quantity)
	a.bytes = append(strconv.AppendInt(a.bytes, b.Amount, 10), ' ')
	a.bytes = append(strconv.AppendInt(a.bytes, b.Seen, 10), ' ')
	a.text(b.Currency)
	a.bytes = b.AppendContent(a.bytes)
	a.end()
}

// bid is the arguments of decide.lua for who has a wish.
func (a *arguments) bid(wish int, b *auction.Bid) {
	a.number(int64(wish))
	a.bytes = append(append(append(a.bytes, b.Buyer[:]...), b.ID[:]...), b.Order[:]...)
	a.end()
	a.bytes = append(cache.AppendID(a.bytes, b.Buyer), ':')
	a.id(b.ID)
	a.id(b.Order)
	if b.Trace != "" {
		a.bytes = append(a.bytes, " r"...)
	}
	a.text(b.Trace)
}

// behind gives what was collected, after what comes first.
func (a *arguments) behind(first ...any) []any {
	bytes, texts, all := string(a.bytes), make([]string, len(a.ends)), make([]any, 0, len(first)+len(a.ends))
	all = append(all, first...)
	start := 0
	for i, end := range a.ends {
		// The client takes pointers to texts, which need no memory of their own to be put into an any.
		texts[i] = bytes[start:end]
		all = append(all, &texts[i])
		start = end
	}
	return all
}
