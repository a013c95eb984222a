package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"rostrum/internal/fault"
)

// MaxMint is the most tokens that one MintTokens makes.
const MaxMint = 100_000

// MintRequest asks for access tokens without a log-in: for load tests and the demo, and for nothing else.
type MintRequest struct {
	Area     string
	Count    int            // 1 … MaxMint, one user a token
	TTL      time.Duration  // 0: Service.AccessTTL; at most MaxTokenLife
	Progress func(done int) // called as users are ready; nil: not
}

// MintedToken is one of them.
type MintedToken struct {
	User  uuid.UUID `json:"user"`
	Login string    `json:"login"`
	Token string    `json:"token"`
}

// MintTokens gives tokens for the synthetic bidders "load.<area>.00000" … of an area, making those that are missing, so
// that the same request gives tokens of the same users. It is audited before anything is made. Invalid for a wrong
// request; Conflict login_taken if such a login belongs to somebody who is no synthetic bidder. What was made before an
// error stays made, and is used the next time.
func (s *Service) MintTokens(ctx context.Context, actor uuid.UUID, r MintRequest) ([]MintedToken, error) {
	if r.TTL == 0 {
		r.TTL = s.AccessTTL
	}
	unknown, err := s.unknownArea(ctx, r.Area)
	if err != nil {
		return nil, err
	}
	if invalid := fault.Invalids(append(r.check(), unknown...)); invalid != nil {
		return nil, invalid
	}
	if err := s.note(ctx, actor, TokensMint, r.Area, fmt.Sprintf("%d tokens for %s", r.Count, r.TTL)); err != nil {
		return nil, err
	}
	minted := make([]MintedToken, 0, r.Count)
	for from := 0; from < r.Count; from += MaxBatch {
		users, err := s.synthetic(ctx, r.Area, from, min(from+MaxBatch, r.Count))
		if err != nil {
			return nil, err
		}
		for _, user := range users {
			token, err := Mint(s.Keys, s.claims(user, uuid.Nil, r.TTL))
			if err != nil {
				return nil, err
			}
			minted = append(minted, MintedToken{user.ID, user.Login, token})
		}
		if r.Progress != nil {
			r.Progress(len(minted))
		}
	}
	return minted, nil
}

func (r MintRequest) check() []fault.Field {
	var wrong []fault.Field
	if r.Count < 1 || r.Count > MaxMint {
		wrong = append(wrong, fault.Field{Name: "count", Detail: fmt.Sprintf("is %d", r.Count), Remedy: fmt.Sprintf("send 1 to %d", MaxMint)})
	}
	if r.TTL < time.Second || r.TTL > MaxTokenLife {
		wrong = append(wrong, fault.Field{Name: "ttl", Detail: "is " + r.TTL.String(), Remedy: "send 1s to " + MaxTokenLife.String()})
	}
	if !areaFits(r.Area) {
		wrong = append(wrong, fault.Field{Name: "area", Detail: "is not an area code", Remedy: "send the code of one of GET /api/v1/areas"})
	}
	return wrong
}

// synthetic gives the users number from … to-1 of an area, those that are there and those it makes, in order.
func (s *Service) synthetic(ctx context.Context, area string, from, to int) ([]User, error) {
	logins := make([]string, 0, to-from)
	for n := from; n < to; n++ {
		logins = append(logins, fmt.Sprintf("%s%s.%05d", SyntheticPrefix, area, n))
	}
	found, err := s.Users.UsersByLogins(ctx, logins)
	if err != nil {
		return nil, err
	}
	there := make(map[string]User, len(found))
	for _, user := range found {
		there[user.Login] = user
	}
	users, missing := make([]User, 0, len(logins)), []User(nil)
	for _, login := range logins {
		user, exists := there[login]
		if !exists {
			if user, err = s.user(login, login, area, Bidder, ""); err != nil {
				return nil, err
			}
			missing = append(missing, user)
		}
		if user.Roles != Bidder || user.PasswordHash != "" || user.State != Active || user.Area != area {
			return nil, fault.New(fault.Conflict, CodeLoginTaken, login+" is there and is no synthetic bidder")
		}
		users = append(users, user)
	}
	if len(missing) == 0 {
		return users, nil
	}
	return users, s.Users.CreateUsers(ctx, missing)
}
