package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
)

// members are bidders with their tokens. They lie in two pieces of memory without pointers: a client's heap of a million
// strings would be walked by every garbage collection of what it measures.
type members struct {
	users  []uuid.UUID
	tokens []byte
	ends   []int
}

func (m *members) len() int { return len(m.users) }

func (m *members) add(user uuid.UUID, token string) {
	m.users = append(m.users, user)
	m.tokens = append(m.tokens, token...)
	m.ends = append(m.ends, len(m.tokens))
}

func (m *members) token(n int) []byte {
	from := 0
	if n > 0 {
		from = m.ends[n-1]
	}
	return m.tokens[from:m.ends[n]]
}

// mint makes bidders as `rostrum user token` does: users of MySQL with a token each. All installations of a run have the
// same keys, so the tokens are good at each of them.
func (i *installation) mint(ctx context.Context, n int) (*members, error) {
	minted, err := i.app.Accounts.MintTokens(ctx, uuid.Nil, accounts.MintRequest{Area: area, Count: n, TTL: saleLength})
	m := &members{}
	for _, one := range minted {
		m.add(one.User, one.Token)
	}
	return m, err
}

// sign makes bidders who have a token and no row in MySQL: nothing on the way of a bid looks for one.
func (i *installation) sign(ctx context.Context, users []uuid.UUID) (*members, error) {
	m, now := &members{}, time.Now()
	for n, user := range users {
		if ctx.Err() != nil {
			return m, ctx.Err()
		}
		token, err := accounts.Mint(i.app.Accounts.Keys, accounts.Claims{User: user, Login: fmt.Sprintf("%s%s.%05d", accounts.SyntheticPrefix, area, n),
			Area: area, Roles: accounts.Bidder, IssuedAt: now, ExpiresAt: now.Add(saleLength)})
		if err != nil {
			return m, err
		}
		m.add(user, token)
	}
	return m, nil
}
