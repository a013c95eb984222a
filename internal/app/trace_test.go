package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/config"
	"rostrum/internal/observe"
	"rostrum/internal/trace"
)

// One id from the request's header through log and record to the order: whoever has one of them finds the others.
func TestOneIDFromRequestToOrder(t *testing.T) {
	if trace.Max != auction.MaxTrace {
		t.Errorf("a request's id has %d bytes, a record's %d", trace.Max, auction.MaxTrace)
	}
	log := &lines{}
	i := install(t, standins(t), func(_ *config.Config, p *Parts) { p.Log, _ = observe.NewLogger(log, "debug", "json") })
	i.openSale(5*time.Minute, 1, 1)
	member, lot, bid, id := i.members(1)[0], i.lots[0], uuid.New(), "from-header-to-order"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("http://%s/api/v1/lots/%s/bids", i.app.Addr(), lot.ID),
		strings.NewReader(fmt.Sprintf(`{"bid_id":%q,"code":%q}`, bid, lot.Code)))
	must(t, err)
	request.Header = http.Header{"Authorization": {"Bearer " + member.Token}, "Content-Type": {"application/json"}, "X-Request-Id": {id}}
	answer, err := http.DefaultClient.Do(request)
	must(t, err)
	defer answer.Body.Close()
	var receipt struct{ Order uuid.UUID }
	must(t, json.NewDecoder(answer.Body).Decode(&receipt))
	if answer.StatusCode != http.StatusCreated || answer.Header.Get("X-Request-Id") != id {
		t.Errorf("the answer: %s, %v", answer.Status, answer.Header)
	}
	i.settle()
	record, err := i.app.Store.BidRecord(t.Context(), lot.Shard, lot.ID, member.User, bid)
	must(t, err)
	order, err := i.app.Store.Order(t.Context(), receipt.Order)
	must(t, err)
	if record.Trace != id || order.Trace != id {
		t.Errorf("the record has %q, the order %q", record.Trace, order.Trace)
	}
	if !strings.Contains(log.String(), `"msg":"request","method":"POST","route":"/api/v1/lots/:id/bids","status":201,`) || !strings.Contains(log.String(), `"trace":"`+id+`"`) {
		t.Errorf("no line has it:\n%s", log)
	}
}

// lines is a log that many write at once.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
