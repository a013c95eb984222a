package web_test

import (
	"context"
	"net/http"
	"testing"

	"rostrum/auction"
	"rostrum/web"
	"rostrum/web/webtest"
)

// BenchmarkBid is a bid over a real socket to a gate that answers at once, beside the lightest route there is: the
// difference is what the way of a bid costs on the node, parser, token, limits, card and answer together.
func BenchmarkBid(b *testing.B) {
	w := webtest.NewWorld(b)
	ports := w.Ports()
	ports.Gate = instant{ports.Gate}
	o := webtest.Options()
	c := webtest.NewClient(b, webtest.Serve(b, web.Ports{Ports: ports}, o))
	c.HTTP.Transport = &http.Transport{MaxIdleConnsPerHost: 64}
	c = c.As(w.Token(b, webtest.Ben))
	body := `{"bid_id":"6d3f2b9e-5c1a-4f7e-9a53-0c9a4f1d2e11","code":"0000000000000000000031","quantity":1,"price_seen":4500,"currency":"EUR"}`
	for name, ask := range map[string]func() int{
		"livez":    func() int { return c.Do("GET", "/livez", nil).Status - 200 },
		"admitted": func() int { return c.Do("POST", bidPath(webtest.LotLive), body).Status - 201 },
		"ordinary": func() int { // the same bid, read and answered by the framework
			return c.Do("POST", bidPath(webtest.LotLive), body, "Content-Type", "application/json; charset=utf-8").Status - 201
		},
		"refused": func() int { return c.Do("POST", bidPath(webtest.LotEnded), body).Status - 409 },
	} {
		b.Run(name, func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if ask() != 0 {
						b.Error("another status than it should be")
					}
				}
			})
		})
	}
}

type instant struct{ auction.Gate }

func (instant) Decide(_ context.Context, _ int, bids []auction.Bid) ([]auction.Answer, error) {
	b := bids[0]
	return []auction.Answer{{Verdict: auction.Admitted, Receipt: auction.Receipt{Bid: b.ID, Lot: b.Lot, Buyer: b.Buyer, Order: b.Order, Quantity: 1, Nth: []int{1}, PriceMinor: 4500, Currency: "EUR"}}}, nil
}
