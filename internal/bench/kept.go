package bench

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"rostrum/orders"
)

// kept is the answers of one client: bodies one after the other, with who asked and where each ends.
type kept struct {
	bodies []byte
	who    []int
	ends   []int
}

func (k *kept) keep(who int, body []byte) {
	k.bodies = append(k.bodies, body...)
	k.who, k.ends = append(k.who, who), append(k.ends, len(k.bodies))
}

// admissions reads the receipts that were kept: the clients' own log.
func (o outcome) admissions(of *members) ([]orders.Admission, error) {
	all := make([]orders.Admission, 0, o.counted)
	for _, k := range o.kept {
		from := 0
		for n, to := range k.ends {
			var r struct {
				Lot      uuid.UUID `json:"lot"`
				Bid      uuid.UUID `json:"bid_id"`
				Order    uuid.UUID `json:"order"`
				Quantity int64     `json:"quantity"`
				Seq      int64     `json:"seq"`
			}
			if err := json.Unmarshal(k.bodies[from:to], &r); err != nil {
				return nil, fmt.Errorf("a receipt: %w", err)
			}
			all = append(all, orders.Admission{Lot: r.Lot, Buyer: of.users[k.who[n]], Bid: r.Bid, Order: r.Order, Seq: r.Seq, Quantity: r.Quantity})
			from = to
		}
	}
	return all, nil
}
