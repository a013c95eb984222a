package pages

import (
	"net/http"
	"slices"

	"rostrum/accounts"
	"rostrum/goods"
)

func (s *site) logInForm(r *request) error {
	v := s.view(r, "Log in", nil)
	v.Form = map[string]string{"next": local(r.query("next"))}
	return s.show(r, http.StatusOK, "log_in", v)
}

func (s *site) logIn(r *request) error {
	tokens, err := s.edge.LogIn(r.ctx, r.form("login"), r.form("password"), r.c.IP())
	if err != nil {
		return s.again(r, "log_in", s.view(r, "Log in", nil), err)
	}
	if _, err := s.enter(r.c, tokens); err != nil {
		return err
	}
	return r.c.Redirect(local(r.form("next")), http.StatusSeeOther)
}

func (s *site) logOut(r *request) error {
	if err := s.edge.Accounts.LogOut(r.ctx, r.Who.Session); err != nil {
		return err
	}
	s.leave(r.c)
	return r.c.Redirect("/", http.StatusSeeOther)
}

func (s *site) registerForm(r *request) error {
	areas, err := s.edge.Areas(r.ctx)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "register", s.view(r, "Register", areas))
}

func (s *site) register(r *request) error {
	n := accounts.NewUser{Login: r.form("login"), Password: r.form("password"), Name: r.form("name"), Area: r.form("area"), Roles: accounts.Bidder}
	if r.form("seller") != "" {
		n.Roles |= accounts.Seller
	}
	_, err := s.edge.Register(r.ctx, n, r.c.IP())
	if err == nil {
		return s.logIn(r)
	}
	areas, areasErr := s.edge.Areas(r.ctx)
	if areasErr != nil {
		return areasErr
	}
	return s.again(r, "register", s.view(r, "Register", areas), err)
}

// areaNames gives the areas by code.
func areaNames(areas []goods.Area) map[string]string {
	names := map[string]string{}
	for a := range slices.Values(areas) {
		names[a.Code] = a.Name
	}
	return names
}
