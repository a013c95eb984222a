package api

import (
	"context"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/internal/fault"
)

type registerIn struct {
	Body struct {
		Login    string   `json:"login" doc:"3 to 64 of a-z, 0-9, '.', '_', '-' and '@', beginning with a letter or digit"`
		Password string   `json:"password" doc:"12 to 128 characters"`
		Name     string   `json:"name" maxLength:"100" doc:"Shown to people"`
		Area     string   `json:"area" doc:"Code of the sales area that you buy in"`
		Roles    []string `json:"roles,omitempty" nullable:"false" enum:"bidder,seller" doc:"bidder where it is left out"`
	}
}

type userOut struct {
	ID    uuid.UUID `json:"id" format:"uuid"`
	Login string    `json:"login"`
	Name  string    `json:"name"`
	Area  string    `json:"area"`
	Roles []string  `json:"roles" nullable:"false"`
}

type tokensOut struct {
	Access         string   `json:"access" doc:"Send it as Authorization: Bearer"`
	AccessExpires  Time     `json:"access_expires"`
	Refresh        string   `json:"refresh" doc:"Good for one use"`
	RefreshExpires Time     `json:"refresh_expires"`
	Area           string   `json:"area"`
	Roles          []string `json:"roles" nullable:"false"`
}

func viewTokens(t accounts.Tokens) tokensOut {
	return tokensOut{Access: t.Access, AccessExpires: Time(t.AccessExpires.UnixMicro()), Refresh: t.Refresh,
		RefreshExpires: Time(t.RefreshExpires.UnixMicro()), Area: t.User.Area, Roles: t.User.Roles.List()}
}

type logInIn struct {
	Body struct {
		Login    string `json:"login" maxLength:"64"`
		Password string `json:"password" maxLength:"512"`
	}
}

type refreshIn struct {
	Body struct {
		Refresh string `json:"refresh" maxLength:"128"`
	}
}

type meOut struct {
	ID      uuid.UUID `json:"id" format:"uuid"`
	Login   string    `json:"login"`
	Area    string    `json:"area"`
	Roles   []string  `json:"roles" nullable:"false"`
	Expires Time      `json:"expires" doc:"When the access token does"`
	Now     Time      `json:"now" doc:"The server's time"`
}

func (a *API) auth() {
	register(a, "auth-register", func(ctx context.Context, in *registerIn) (*one[userOut], error) {
		b := in.Body
		roles, err := accounts.ParseRoles(b.Roles)
		if err != nil {
			return nil, fault.Wrong("roles", "names no role", "send bidder, seller or both")
		}
		u, err := a.Edge.Register(ctx, accounts.NewUser{Login: b.Login, Password: b.Password, Name: b.Name, Area: b.Area, Roles: roles}, callOf(ctx).address)
		return &one[userOut]{userOut{u.ID, u.Login, u.Name, u.Area, u.Roles.List()}}, err
	})
	register(a, "auth-login", func(ctx context.Context, in *logInIn) (*one[tokensOut], error) {
		t, err := a.Edge.LogIn(ctx, in.Body.Login, in.Body.Password, callOf(ctx).address)
		if err != nil {
			return nil, err
		}
		return &one[tokensOut]{viewTokens(t)}, nil
	})
	register(a, "auth-refresh", func(ctx context.Context, in *refreshIn) (*one[tokensOut], error) {
		t, err := a.Edge.Accounts.Refresh(ctx, in.Body.Refresh)
		if err != nil {
			return nil, err
		}
		return &one[tokensOut]{viewTokens(t)}, nil
	})
	register(a, "auth-logout", func(ctx context.Context, _ *nothing) (*nothing, error) {
		return nil, a.Edge.Accounts.LogOut(ctx, callOf(ctx).who.Session)
	})
	register(a, "auth-me", func(ctx context.Context, _ *nothing) (*one[meOut], error) {
		w := callOf(ctx).who
		return &one[meOut]{meOut{w.User, w.Login, w.Area, w.Roles.List(), Time(w.ExpiresAt.UnixMicro()), Time(a.Edge.NowUS())}}, nil
	})
}
