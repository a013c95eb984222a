package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// session is what a simulation needs of one.
type session struct {
	ID     uuid.UUID `json:"id"`
	Area   string    `json:"area"`
	Name   string    `json:"name"`
	Starts time.Time `json:"starts"`
	Ends   time.Time `json:"ends"`
	State  string    `json:"state"`
	Now    time.Time `json:"now"`
}

// site asks an installation things one by one: what is there to be bid for, and who we are.
type site struct {
	asker *Asker
	token string
	base  string
}

// get reads a JSON answer into a value. What is not 200 is an apiError.
func (s *site) get(path string, into any) error {
	answer, err := s.asker.Ask(http.MethodGet, path, s.token, nil)
	if err != nil {
		return err
	}
	return understand(answer, into)
}

// apiError is a problem of the API, or an answer that is none of its.
type apiError struct {
	Status         int
	Code           string `json:"code"`
	Detail, Remedy string
}

func (e *apiError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("status %d without a problem's code", e.Status)
	}
	return strings.TrimSuffix(fmt.Sprintf("%s (status %d): %s", e.Code, e.Status, e.Detail), ": ")
}

func understand(answer Answer, into any) error {
	if answer.Status >= http.StatusOK && answer.Status < http.StatusMultipleChoices {
		if into == nil {
			return nil
		}
		if err := json.Unmarshal(answer.Body, into); err != nil {
			return fmt.Errorf("an answer that is not the API's: %w", err)
		}
		return nil
	}
	e := &apiError{Status: answer.Status}
	_ = json.Unmarshal(answer.Body, e) // what is not a problem has no code
	return e
}

func codeOf(err error) string {
	var e *apiError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// bidder is the role that bids, as the API spells it.
const bidder = "bidder"

// whoAmI checks that an installation is there and takes the token, and that its user may bid. It gives the user's id and area.
func (s *site) whoAmI() (user uuid.UUID, area string, err error) {
	var me struct {
		ID      uuid.UUID `json:"id"`
		Area    string    `json:"area"`
		Roles   []string  `json:"roles"`
		Expires time.Time `json:"expires"`
	}
	err = s.get("/api/v1/auth/me", &me)
	var problem *apiError
	switch {
	case errors.Is(err, ErrNotSent):
		return user, "", unusable(err, "start it with `rostrum serve`, or name another with --target", "nobody listens at %s", s.base)
	case errors.As(err, &problem) && problem.Code != "" && problem.Status == http.StatusUnauthorized:
		return user, "", unusable(err, "sign with the keys of that installation (--config), or take new tokens (`rostrum user token`)",
			"%s does not take the bidders' tokens (%s)", s.base, problem.Code)
	case err != nil || me.ID == uuid.Nil:
		return user, "", unusable(err, "check --target and what stands between", "%s does not answer as a Rostrum does (%v)", s.base, err)
	case !slices.Contains(me.Roles, bidder):
		return user, "", unusable(nil, "take tokens of bidders, as `rostrum user token` prints them",
			"the tokens are not of bidders: the first one's roles are [%s]", strings.Join(me.Roles, " "))
	}
	return me.ID, me.Area, nil
}

// session reads one that is to be bid in.
func (s *site) session(id uuid.UUID) (session, error) {
	var found session
	err := s.get("/api/v1/sessions/"+id.String(), &found)
	if codeOf(err) == "session_not_found" {
		return found, unusable(err, "take one of GET /api/v1/sessions", "there is no published session %s", id)
	}
	return found, err
}

// open waits until a session is live, and gives it.
func (s *site) open(ctx context.Context, id uuid.UUID, most time.Duration, say func(string)) (session, error) {
	for {
		found, err := s.session(id)
		if err != nil {
			return found, err
		}
		left := found.Starts.Sub(found.Now)
		switch {
		case found.State == "live":
			return found, nil
		case found.State != "scheduled":
			return found, unusable(nil, "choose one that is live or about to be", "session %s is %s", id, found.State)
		case left > most:
			return found, unusable(nil, "come again then, or choose another", "session %s starts in %s", id, left.Round(time.Second))
		}
		say(fmt.Sprintf("the session starts in %s", left.Round(time.Second)))
		if !wait(ctx, min(max(left, 50*time.Millisecond), time.Second)) {
			return found, ctx.Err()
		}
	}
}

// lots reads all lots that may be bid for, with their codes, up to MaxLots.
func (s *site) lots(id uuid.UUID) ([]Lot, error) {
	var lots []Lot
	for cursor := ""; ; {
		var page struct {
			Items []Lot  `json:"items"`
			Next  string `json:"next"`
		}
		if err := s.get("/api/v1/sessions/"+id.String()+"/lots?limit=100"+cursor, &page); err != nil {
			return nil, err
		}
		for _, l := range page.Items {
			if l.Code != "" {
				lots = append(lots, l)
			}
		}
		if page.Next == "" || len(lots) >= MaxLots {
			return lots[:min(len(lots), MaxLots)], nil
		}
		cursor = "&cursor=" + url.QueryEscape(page.Next)
	}
}

// codesWithin is how long pages may be behind the clock with showing the codes of lots that have opened.
const codesWithin = 10 * time.Second

// goods waits for the codes of a live session's lots.
func (s *site) goods(ctx context.Context, id uuid.UUID) ([]Lot, error) {
	for end := time.Now().Add(codesWithin); ; {
		lots, err := s.lots(id)
		if err != nil || len(lots) > 0 {
			return lots, err
		}
		if time.Now().After(end) {
			return nil, unusable(nil, "choose one with lots that are live, sold by somebody else, in the bidders' area", "session %s shows no lot that may be bid for", id)
		}
		if !wait(ctx, 100*time.Millisecond) {
			return nil, ctx.Err()
		}
	}
}

// wait waits, or gives false when ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
