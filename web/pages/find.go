package pages

import (
	"net/url"
	"strconv"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/web/edge"
)

// wanted is what a visitor looks for among a session's goods, as they wrote it.
type wanted struct{ Text, State, From, To string }

// States are the ones to choose from.
func (wanted) States() []string { return edge.LotStates() }

// wantedOf reads the form of the goods page. Prices are in the session's currency.
func (s *site) wantedOf(r *request, session uuid.UUID) (wanted, edge.LotFilter, error) {
	w := wanted{r.query("text"), r.query("state"), r.query("from"), r.query("to")}
	f := edge.LotFilter{Text: w.Text, State: w.State}
	if w.From != "" || w.To != "" {
		one, err := s.edge.Session(r.ctx, r.Who, session)
		if err != nil {
			return w, f, err
		}
		for _, p := range []struct {
			sent, field string
			into        *int64
		}{{w.From, "from", &f.PriceFrom}, {w.To, "to", &f.PriceTo}} {
			minor, ok := minorOf(p.sent, one.Currency)
			if p.sent != "" && !ok {
				return w, f, fault.Wrong(p.field, "is not an amount", "send digits, and a point before the decimals, such as 45.00")
			}
			*p.into = minor
		}
	}
	f, err := f.Checked()
	return w, f, err
}

// more is the address of the next page.
func (w wanted) more(next auction.Page) string {
	q := url.Values{"after": {next.ID.String()}, "key": {strconv.FormatInt(next.Key, 10)}}
	for name, value := range map[string]string{"text": w.Text, "state": w.State, "from": w.From, "to": w.To} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return "?" + q.Encode()
}
