package app

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/simulate"
)

// A lot in slices is sold by all its shards at once: all units of each are sold, nobody has two, and a buyer's bid on
// another's slice is refused.
func TestALotIsSoldInSlices(t *testing.T) {
	for name, on := range worlds() {
		t.Run(name, func(t *testing.T) {
			i := install(t, on(t))
			i.terms = func(n int, l *auction.Lot) {
				if n == 0 {
					l.Slices = 4
				}
			}
			i.openSale(5*time.Minute, 1, 22, 5)
			if len(i.lots) != 5 {
				t.Fatalf("%d lots", len(i.lots))
			}
			members := i.members(200)
			i.crowd.Rush(t.Context(), i.session.ID, members)
			if sold := i.counted(); sold != 27 {
				t.Errorf("%d orders of 27 units, told %v", sold, i.crowd.Told())
			}
			shards := map[int]bool{}
			for _, l := range i.lots {
				got, err := i.app.Store.Lot(t.Context(), l.ID)
				must(t, err)
				if shards[l.Shard] = true; got.Sold != l.Stock || got.SliceOf != l.SliceOf || got.Slice != l.Slice {
					t.Errorf("%d sold of %+v, stored %+v", got.Sold, l, got)
				}
			}
			if len(shards) < 4 {
				t.Errorf("the slices lie in %d shards", len(shards))
			}
			for _, l := range i.lots {
				if got := i.wish(members[0], l); !l.Serves(members[0].User) && got != string(auction.NotFound) {
					t.Errorf("a bid on another's slice: %s", got)
				}
			}
		})
	}
}

// wish bids once on a lot whose code the buyer was told by somebody else, and gives the verdict.
func (i *installation) wish(m simulate.Member, l auction.Lot) string {
	i.t.Helper()
	client := simulate.NewClient(func() string { return "http://" + i.app.Addr().String() }, simulate.ClientOptions{Connections: 1, Timeout: 5 * time.Second})
	defer client.Close()
	answer, err := client.Asker().Ask(http.MethodPost, "/api/v1/lots/"+l.ID.String()+"/bids", m.Token,
		[]byte(`{"bid_id":"`+uuid.NewString()+`","code":"`+l.Code+`"}`))
	must(i.t, err)
	return verdict(i.t, answer.Body)
}
