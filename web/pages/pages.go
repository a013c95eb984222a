// Package pages is the plain way in: server-rendered pages with forms, for somebody with a browser and nothing else. No
// script runs on them. They go through the same edge as the API, are told the same problems, and change nothing without
// a form token (session.go).
package pages

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"rostrum/accounts"
	"rostrum/internal/money"
	"rostrum/orders"
	"rostrum/web/api"
	"rostrum/web/edge"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static/style.css
var style []byte

// Route is a row of the table of pages.
type Route struct {
	Method  string
	Path    string
	Actions []accounts.Action // any of them will do
	serve   func(*site, *request) error
}

func do(a ...accounts.Action) []accounts.Action { return a }

// routes is the table of pages. A test walks it with every role.
var routes = []Route{
	{"GET", "/", do(accounts.SessionsList), (*site).home},
	{"GET", "/log-in", do(accounts.AuthLogIn), (*site).logInForm},
	{"POST", "/log-in", do(accounts.AuthLogIn), (*site).logIn},
	{"POST", "/log-out", do(accounts.AuthLogOut), (*site).logOut},
	{"GET", "/register", do(accounts.AuthRegister), (*site).registerForm},
	{"POST", "/register", do(accounts.AuthRegister), (*site).register},

	{"GET", "/sessions/:id", do(accounts.LotsList), (*site).goods},
	{"POST", "/lots/:id/bids", do(accounts.BidsPlace), (*site).bid},
	{"GET", "/lots/:id/bids/:bid", do(accounts.BidsReadOwn), (*site).receipt},

	{"GET", "/orders", do(accounts.OrdersListOwn, accounts.OrdersListSold), (*site).orders},
	{"POST", "/orders/:id/pay", do(accounts.OrdersPay), (*site).pay},
	{"POST", "/orders/:id/cancel", do(accounts.OrdersCancel), (*site).cancel},
	{"POST", "/orders/:id/ship", do(accounts.OrdersShip), (*site).ship},
	{"POST", "/orders/:id/complete", do(accounts.OrdersComplete), (*site).complete},

	{"GET", "/items", do(accounts.ItemsList), (*site).items},
	{"POST", "/items", do(accounts.ItemsCreate), (*site).createItem},
	{"POST", "/items/:id/withdraw", do(accounts.ItemsWithdraw), (*site).withdrawItem},
	{"POST", "/items/:id/lots", do(accounts.LotsAdd), (*site).addLot},

	{"GET", "/plan", do(accounts.SessionsCreate), (*site).plan},
	{"POST", "/plan", do(accounts.SessionsCreate), (*site).createSession},
	{"POST", "/plan/:id/publish", do(accounts.SessionsPublish), (*site).publish},
	{"POST", "/plan/:id/cancel", do(accounts.SessionsCancel), (*site).cancelSession},
	{"GET", "/pipeline", do(accounts.OpsPipeline), (*site).pipeline},

	{"GET", "/problems", do(accounts.SiteRead), (*site).problems},
	{"GET", "/problems/:code", do(accounts.SiteRead), (*site).problems},
}

// Routes gives the table.
func Routes() []Route { return slices.Clone(routes) }

// Allows says whether roles may use the page.
func (r Route) Allows(roles accounts.Roles) bool {
	return slices.ContainsFunc(r.Actions, func(a accounts.Action) bool { return accounts.Allowed(a, roles) })
}

type site struct {
	edge    *edge.Edge
	secure  bool // cookies for HTTPS only
	formKey []byte
}

// Mount puts the pages on a router. secure gives cookies the __Host- prefix and keeps them to HTTPS.
func Mount(router fiber.Router, e *edge.Edge, secure bool) {
	s := &site{edge: e, secure: secure, formKey: e.Key("form")}
	for _, r := range routes {
		serve := func(c *fiber.Ctx) error { return s.page(c, r) }
		router.Add(r.Method, r.Path, serve)
		if r.Method == http.MethodGet {
			router.Add(http.MethodHead, r.Path, serve)
		}
	}
	router.Get("/static/style.css", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, "text/css; charset=utf-8")
		c.Set(fiber.HeaderCacheControl, "public, max-age=3600")
		return c.Send(style)
	})
}

var inTemplates = template.FuncMap{
	"money": func(minor int64, currency string) string {
		return money.Amount{Minor: minor, Currency: currency}.String()
	},
	"serial": orders.Serial,
	"state":  api.StateName,
	"at":     func(us int64) string { return time.UnixMicro(us).UTC().Format("2006-01-02 15:04:05 UTC") },
	"iso":    func(us int64) string { return api.Time(us).String() },
}

// templates are all pages by name; nothing writes to them.
var templates = parsed()

// parsed reads every template with the layout around it; a broken one is a bug of ours and ends the start.
func parsed() map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(inTemplates).ParseFS(templateFiles, "templates/layout.html"))
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err)
	}
	all := map[string]*template.Template{}
	for _, name := range names {
		page := strings.TrimSuffix(strings.TrimPrefix(name, "templates/"), ".html")
		all[page] = template.Must(template.Must(layout.Clone()).ParseFS(templateFiles, name))
	}
	return all
}

// request is one visit.
type request struct {
	c   *fiber.Ctx
	ctx context.Context
	visitor
}

func (r *request) param(name string) string { return strings.Clone(r.c.Params(name)) }
func (r *request) query(name string) string { return strings.Clone(r.c.Query(name)) }
func (r *request) form(name string) string  { return strings.Clone(r.c.FormValue(name)) }

// forms gives what was sent, to fill a form again.
func (r *request) forms() map[string]string {
	sent := map[string]string{}
	for k, v := range r.c.Request().PostArgs().All() {
		if name := string(k); name != "password" && name != tokenField {
			sent[name] = string(v)
		}
	}
	return sent
}

// page serves a row: who visits, whether they may, and for a form whether it is one of ours.
func (s *site) page(c *fiber.Ctx, row Route) error {
	timeout := s.edge.RequestTimeout
	if strings.HasSuffix(row.Path, "/publish") {
		timeout = s.edge.PublishTimeout
	}
	ctx, cancel := context.WithTimeout(api.Traced(c), timeout)
	defer cancel()
	c.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	v, err := s.visitor(ctx, c)
	if err != nil {
		return Problem(c, api.ProblemOf(err))
	}
	r := &request{c: c, ctx: ctx, visitor: v}
	if !row.Allows(v.Who.Roles) {
		if v.Who.Roles == 0 && row.Method == http.MethodGet {
			return c.Redirect("/log-in?next="+escapeQuery(c.OriginalURL()), http.StatusSeeOther)
		}
		return s.problem(r, notAllowed(v.Who))
	}
	if row.Method == http.MethodPost {
		if err := s.ours(r); err != nil {
			return s.problem(r, err)
		}
	}
	if err := row.serve(s, r); err != nil {
		return s.problem(r, err)
	}
	return nil
}

func notAllowed(who accounts.Claims) error {
	if who.Roles == 0 {
		return api.NewProblem("not_logged_in", "")
	}
	return api.NewProblem("not_allowed", "")
}

func isForm(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == fiber.MIMEApplicationForm
}

// view is what every template gets.
type view struct {
	Title   string
	Who     accounts.Claims
	Can     map[string]bool // what the navigation offers
	Token   string          // of forms
	Problem *api.Problem    // what went wrong, above the page
	Form    map[string]string
	NowUS   int64
	Data    any
}

func (s *site) view(r *request, title string, data any) view {
	can := map[string]bool{}
	for name, a := range map[string]accounts.Action{"bid": accounts.BidsPlace, "buy": accounts.OrdersListOwn, "sell": accounts.ItemsCreate,
		"items": accounts.ItemsList, "plan": accounts.SessionsCreate, "pipeline": accounts.OpsPipeline} {
		can[name] = accounts.Allowed(a, r.Who.Roles)
	}
	return view{Title: title, Who: r.Who, Can: can, Token: r.Token, NowUS: s.edge.NowUS(), Data: data}
}

// show renders a page.
func (s *site) show(r *request, status int, name string, v view) error {
	var b bytes.Buffer
	if err := templates[name].Execute(&b, v); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	r.c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	return r.c.Status(status).Send(b.Bytes())
}

// again shows a form's page with what went wrong and what was sent, so that nothing must be typed twice.
func (s *site) again(r *request, name string, v view, err error) error {
	p := s.told(r, err)
	v.Problem, v.Form = p, r.forms()
	return s.show(r, p.Status, name, v)
}

// problem shows an error as a page of its own.
func (s *site) problem(r *request, err error) error {
	p := s.told(r, err)
	v := s.view(r, p.Title, nil)
	v.Problem = p
	return s.show(r, p.Status, "problem", v)
}

// told turns an error into what people see, and logs what is ours.
func (s *site) told(r *request, err error) *api.Problem {
	p := api.ProblemOf(err)
	p.Request = api.TraceOf(r.c)
	if p.Status >= http.StatusInternalServerError {
		s.edge.Log.ErrorContext(r.ctx, "a page failed", "code", p.Code, "user", r.Who.User, "error", err)
	}
	for name, values := range p.GetHeaders() {
		if name != "Www-Authenticate" { // a browser would open its own log-in window
			r.c.Set(name, values[0])
		}
	}
	return p
}

// Problem sends a problem as a page without anything about the visitor: for what fails before one is known.
func Problem(c *fiber.Ctx, p *api.Problem) error {
	var b bytes.Buffer
	if err := templates["problem"].Execute(&b, view{Title: p.Title, Problem: p}); err != nil {
		return c.Status(p.Status).SendString(p.Title)
	}
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	c.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	return c.Status(p.Status).Send(b.Bytes())
}
