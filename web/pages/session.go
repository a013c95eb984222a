package pages

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"rostrum/accounts"
	"rostrum/internal/fault"
	"rostrum/web/api"
)

// A visit is known by two cookies that scripts cannot read: the access token, which every node verifies by itself, and
// the refresh token, which buys the next pair when it is over. A form carries a token that only a page of this visit can
// have: an HMAC over the log-in session, or before there is one over a random cookie. A foreign page can make a browser
// send the cookies, but cannot know the token; Origin is looked at too.
const (
	accessCookie  = "rostrum_access"
	refreshCookie = "rostrum_refresh"
	visitCookie   = "rostrum_visit" // of somebody who is not logged in
	tokenField    = "form_token"
)

// visitor is who visits, with the token for the forms shown to them.
type visitor struct {
	Who   accounts.Claims // zero for nobody
	Token string
}

// visitor says who comes with a request, and renews what has run out.
func (s *site) visitor(ctx context.Context, c *fiber.Ctx) (visitor, error) {
	if access := s.cookie(c, accessCookie); access != "" {
		if who, err := s.edge.Verify(access); err == nil {
			return s.known(who), nil
		}
	}
	if refresh := s.cookie(c, refreshCookie); refresh != "" {
		tokens, err := s.edge.Accounts.Refresh(ctx, refresh)
		if err == nil {
			return s.enter(c, tokens)
		}
		if class := fault.ClassOf(err); class != fault.Unauthenticated && class != fault.Forbidden {
			return visitor{}, err
		}
		s.leave(c) // it is over, or somebody else used it
	}
	return s.unknown(c)
}

func (s *site) known(who accounts.Claims) visitor {
	return visitor{who, s.token("session " + who.User.String() + " " + who.Session.String())}
}

// enter begins or renews a visit.
func (s *site) enter(c *fiber.Ctx, t accounts.Tokens) (visitor, error) {
	who, err := s.edge.Verify(t.Access)
	if err != nil {
		return visitor{}, fmt.Errorf("verify our own token: %w", err)
	}
	now := s.edge.Clock()
	s.setCookie(c, accessCookie, t.Access, t.AccessExpires.Sub(now))
	s.setCookie(c, refreshCookie, t.Refresh, t.RefreshExpires.Sub(now))
	return s.known(who), nil
}

func (s *site) leave(c *fiber.Ctx) {
	for _, name := range []string{accessCookie, refreshCookie} {
		s.setCookie(c, name, "", -time.Second)
	}
}

func (s *site) unknown(c *fiber.Ctx) (visitor, error) {
	visit := s.cookie(c, visitCookie)
	if len(visit) != 32 {
		random := make([]byte, 24)
		if _, err := io.ReadFull(s.edge.Random, random); err != nil {
			return visitor{}, fmt.Errorf("random bytes for a visit: %w", err)
		}
		visit = base64.RawURLEncoding.EncodeToString(random)
		s.setCookie(c, visitCookie, visit, 0)
	}
	return visitor{Token: s.token("visit " + visit)}, nil
}

func (s *site) token(of string) string {
	mac := hmac.New(sha256.New, s.formKey)
	mac.Write([]byte(of))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// ours says whether a form came from a page of this visit.
func (s *site) ours(r *request) error {
	if !isForm(r.c.Get(fiber.HeaderContentType)) {
		return api.NewProblem("wrong_content_type", "a page's form is sent as application/x-www-form-urlencoded")
	}
	if origin := r.c.Get(fiber.HeaderOrigin); origin != "" {
		if u, err := url.Parse(origin); err != nil || u.Host != string(r.c.Request().Host()) {
			return api.NewProblem("foreign_form", "it was sent from another site")
		}
	}
	if !hmac.Equal([]byte(r.form(tokenField)), []byte(r.Token)) {
		return api.NewProblem("foreign_form", "it has not the token of this visit")
	}
	return nil
}

// name of a cookie: with the prefix that keeps other hosts and plain HTTP from setting it, where that is possible.
func (s *site) name(cookie string) string {
	if s.secure {
		return "__Host-" + cookie
	}
	return cookie
}

func (s *site) cookie(c *fiber.Ctx, name string) string {
	return strings.Clone(c.Cookies(s.name(name)))
}

// setCookie sets a cookie for so long from now, as the browser's clock counts seconds and whatever it shows; 0: until the
// browser is closed, negative: takes it away.
func (s *site) setCookie(c *fiber.Ctx, name, value string, age time.Duration) {
	c.Cookie(&fiber.Cookie{Name: s.name(name), Value: value, Path: "/", MaxAge: int(age.Seconds()), HTTPOnly: true, Secure: s.secure, SameSite: fiber.CookieSameSiteLaxMode})
}

// local gives where to go after a log-in: a path of ours, and nothing that a browser takes for another host.
func local(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

func escapeQuery(s string) string { return url.QueryEscape(strings.Clone(s)) }
