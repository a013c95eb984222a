package simulate

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"

	"rostrum/accounts"
)

// ReadTokens reads bidders as `rostrum user token` prints them: a token a line, or its JSON. At most accounts.MaxMint of
// them; a user who is there twice counts once. An Unusable says what is wrong with which line.
func ReadTokens(from io.Reader) ([]Member, error) {
	in := bufio.NewReader(from)
	first, err := in.Peek(1)
	if err != nil {
		return nil, unusable(err, "fill it with `rostrum user token --count N --area AREA`", "there are no tokens")
	}
	var tokens []string
	if first[0] == '[' {
		var minted []accounts.MintedToken
		if err := json.NewDecoder(in).Decode(&minted); err != nil {
			return nil, unusable(err, "give it the output of `rostrum user token --output json`", "the tokens are no JSON (%v)", err)
		}
		for _, m := range minted {
			tokens = append(tokens, m.Token)
		}
	} else {
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, accounts.MaxTokenBytes+2)
		for lines.Scan() {
			if text := strings.TrimSpace(lines.Text()); text != "" {
				tokens = append(tokens, text)
			}
			if len(tokens) > accounts.MaxMint {
				break
			}
		}
		if err := lines.Err(); err != nil {
			return nil, unusable(err, "one token a line", "the tokens cannot be read (%v)", err)
		}
	}
	return membersOf(tokens)
}

func membersOf(tokens []string) ([]Member, error) {
	if len(tokens) > accounts.MaxMint {
		return nil, unusable(nil, "take fewer", "there are more than %d tokens", accounts.MaxMint)
	}
	var members []Member
	seen := map[uuid.UUID]bool{}
	for n, token := range tokens {
		user, err := subject(token)
		if err != nil {
			return nil, unusable(err, "one token a line, as `rostrum user token` prints them", "line %d is no access token", n+1)
		}
		if !seen[user] {
			members = append(members, Member{user, token})
		}
		seen[user] = true
	}
	if len(members) == 0 {
		return nil, unusable(nil, "fill it with `rostrum user token --count N --area AREA`", "there are no tokens")
	}
	return members, nil
}

// subject reads whose token it is. Whether it is good is the API's to say.
func subject(token string) (uuid.UUID, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return uuid.Nil, fmt.Errorf("it has %d parts", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return uuid.Nil, err
	}
	var claims struct {
		Subject uuid.UUID `json:"sub"`
	}
	err = json.Unmarshal(text, &claims)
	return claims.Subject, err
}
