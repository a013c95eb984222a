package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Plan is a sale that is made for a simulation.
type Plan struct {
	Area     string // of its own, so that nobody else's bidders see it
	Lots     int
	Stock    int64 // units of each
	PerBuyer int
	Lead     time.Duration // from publishing to the start; preheating has to be done in it
}

const (
	saleCurrency = "EUR"
	salePrice    = 1000             // minor units
	saleSpare    = 30 * time.Second // a sale is open for so long after the last bid
	saleHands    = 8                // requests at once while it is made and removed
	draftLead    = time.Hour        // a draft needs a start in the future; publishing moves it near
	endWithin    = 20 * time.Second // for a withdrawn session to be over, which the role closer does
)

// sale makes a session with its lots through the API, as an operator with a seller's items does, and takes it away.
type sale struct {
	plan   Plan
	client *Client
	token  string
	say    func(string)

	id    uuid.UUID
	items []uuid.UUID // those that were made
	mu    sync.Mutex
}

// publish makes it, and gives it scheduled and preheated. What was made before an error is removed by remove.
func (s *sale) publish(ctx context.Context, length time.Duration) (uuid.UUID, error) {
	s.say(fmt.Sprintf("making a sale of %d lots", s.plan.Lots))
	starts := time.Now().Add(draftLead).UTC()
	made, err := s.post("/api/v1/sessions", map[string]any{"area": s.plan.Area, "name": "Simulation", "currency": saleCurrency,
		"starts": starts, "ends": starts.Add(length)})
	if err != nil {
		return uuid.Nil, fmt.Errorf("make a session: %w", err)
	}
	s.id = made.ID
	if err := s.fill(ctx); err != nil {
		return s.id, err
	}
	return s.id, s.schedule(length)
}

// fill puts the lots into the draft, some at a time.
func (s *sale) fill(ctx context.Context) error {
	var next atomic.Int64
	failed := make([]error, saleHands)
	var hands sync.WaitGroup
	for h := range saleHands {
		hands.Go(func() {
			asker := s.client.Asker()
			for failed[h] == nil && ctx.Err() == nil {
				n := int(next.Add(1))
				if n > s.plan.Lots {
					return
				}
				failed[h] = s.addLot(asker, n)
			}
		})
	}
	hands.Wait()
	return errors.Join(append(failed, ctx.Err())...)
}

func (s *sale) addLot(asker *Asker, n int) error {
	item, err := s.postBy(asker, "/api/v1/items", map[string]any{"number": fmt.Sprintf("simulated-%s-%d", s.id, n), "name": fmt.Sprintf("Simulated thing %d", n),
		"price": salePrice, "currency": saleCurrency, "area": s.plan.Area})
	if err != nil {
		return fmt.Errorf("make an item: %w", err)
	}
	s.mu.Lock()
	s.items = append(s.items, item.ID)
	s.mu.Unlock()
	_, err = s.postBy(asker, "/api/v1/sessions/"+s.id.String()+"/lots", map[string]any{"item": item.ID, "stock": s.plan.Stock, "per_buyer": s.plan.PerBuyer})
	if err != nil {
		return fmt.Errorf("make a lot: %w", err)
	}
	return nil
}

// schedule moves the draft's start near, publishes it, and preheats it. An installation that answers slowly finds that too
// near, and gets more time.
func (s *sale) schedule(length time.Duration) error {
	s.say("publishing and preheating")
	path := "/api/v1/sessions/" + s.id.String()
	var err error
	for _, lead := range []time.Duration{s.plan.Lead, 4 * s.plan.Lead, 16 * s.plan.Lead} {
		var refused *apiError
		err = s.publishIn(lead, path, length)
		if !errors.As(err, &refused) || refused.Status != http.StatusUnprocessableEntity {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("publish session %s: %w", s.id, err)
	}
	// The closer may be preheating it already, and then it will be there in time all the same.
	if _, err := s.send(http.MethodPost, path+"/preheat", nil); err != nil && codeOf(err) != "preheat_busy" {
		return fmt.Errorf("preheat session %s: %w", s.id, err)
	}
	return nil
}

// publishIn publishes the draft with a start in a while.
func (s *sale) publishIn(lead time.Duration, path string, length time.Duration) error {
	starts := time.Now().Add(lead).UTC()
	tag, err := s.tag(path)
	if err != nil {
		return err
	}
	changed, err := s.send(http.MethodPatch, path, map[string]any{"starts": starts, "ends": starts.Add(length)}, tag)
	if err == nil {
		_, err = s.send(http.MethodPost, path+"/publish", nil, changed.tag)
	}
	return err
}

// remove ends the sale and takes its items off the market. It says what stays.
func (s *sale) remove(ctx context.Context, withdraw func(context.Context, uuid.UUID) error) (stays []string) {
	if s.id == uuid.Nil {
		return nil
	}
	state, err := s.end(ctx, withdraw)
	if err != nil {
		stays = append(stays, fmt.Sprintf("session %s is %s (%v): it ends by itself", s.id, state, err))
	} else {
		stays = append(stays, fmt.Sprintf("session %s, %s", s.id, state))
	}
	patience := endWithin
	if err != nil {
		patience = 0 // it holds its items for longer than anybody waits
	}
	left, err := s.withdrawItems(ctx, patience)
	switch {
	case left > 0:
		stays = append(stays, fmt.Sprintf("%d items that could not be withdrawn (%v)", left, err))
	case len(s.items) > 0:
		stays = append(stays, fmt.Sprintf("%d items, withdrawn", len(s.items)))
	}
	return stays
}

// end cancels a session that has not begun, and withdraws the lots of one that has.
func (s *sale) end(ctx context.Context, withdraw func(context.Context, uuid.UUID) error) (state string, err error) {
	asked := &site{asker: s.client.Asker(), token: s.token}
	path := "/api/v1/sessions/" + s.id.String()
	found, err := asked.session(s.id)
	if err != nil {
		return "unknown", err
	}
	if found.State == "draft" || found.State == "scheduled" {
		tag, err := s.tag(path)
		if err == nil {
			_, err = s.send(http.MethodPost, path+"/cancel", nil, tag)
		}
		if err != nil && codeOf(err) != "session_published" {
			return found.State, err
		}
	}
	if found.State == "live" {
		if err := withdraw(ctx, s.id); err != nil {
			return found.State, err
		}
	}
	// The last step is the closer's.
	for end := time.Now().Add(endWithin); ; {
		if found, err = asked.session(s.id); err != nil {
			return "unknown", err
		}
		if found.State != "live" && found.State != "scheduled" {
			return found.State, nil
		}
		if time.Now().After(end) || !wait(ctx, 100*time.Millisecond) {
			return found.State, errors.New("its lots are withdrawn, its state does not follow")
		}
	}
}

// withdrawItems gives how many it could not.
func (s *sale) withdrawItems(ctx context.Context, patience time.Duration) (left int, last error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var next, failed atomic.Int64
	var hands sync.WaitGroup
	errs := make([]error, saleHands)
	for h := range saleHands {
		hands.Go(func() {
			asker := s.client.Asker()
			for {
				n := int(next.Add(1)) - 1
				if n >= len(s.items) {
					return
				}
				// Also when the time is over: each is tried once.
				if err := s.withdrawItem(ctx, asker, s.items[n]); err != nil {
					failed.Add(1)
					errs[h] = err
				}
			}
		})
	}
	hands.Wait()
	for _, err := range errs {
		if err != nil {
			last = err
		}
	}
	return int(failed.Load()), last
}

// withdrawItem takes one off the market. A sale that is over by the clock holds its items until the closer has been there.
func (s *sale) withdrawItem(ctx context.Context, asker *Asker, id uuid.UUID) error {
	const firstRev = `"1"` // nobody else has these items
	for {
		_, err := s.sendBy(asker, http.MethodPost, "/api/v1/items/"+id.String()+"/withdraw", nil, firstRev)
		if codeOf(err) != "item_in_sale" || !wait(ctx, 200*time.Millisecond) {
			return err
		}
	}
}

// thing is what a change gives back.
type thing struct {
	ID  uuid.UUID `json:"id"`
	tag string
}

func (s *sale) post(path string, body any) (thing, error) {
	return s.sendBy(s.client.Asker(), http.MethodPost, path, body)
}

func (s *sale) postBy(asker *Asker, path string, body any) (thing, error) {
	return s.sendBy(asker, http.MethodPost, path, body)
}

func (s *sale) send(method, path string, body any, ifMatch ...string) (thing, error) {
	return s.sendBy(s.client.Asker(), method, path, body, ifMatch...)
}

func (s *sale) sendBy(asker *Asker, method, path string, body any, ifMatch ...string) (thing, error) {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return thing{}, err
		}
	}
	answer, err := asker.Ask(method, path, s.token, sent, ifMatch...)
	if err != nil {
		return thing{}, err
	}
	made := thing{tag: answer.ETag}
	return made, understand(answer, &made)
}

// tag reads a thing's ETag.
func (s *sale) tag(path string) (string, error) {
	got, err := s.send(http.MethodGet, path, nil)
	return got.tag, err
}
