// Package api is the HTTP API: the table of routes (routes.go), the table of problems (problem.go), and for each subject
// a file that turns JSON into what web/edge takes and back. It is described by OpenAPI 3.1 at /openapi.json, which huma
// makes from the same types that read the requests.
package api

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"rostrum/web/edge"
)

// API is the mounted API.
type API struct {
	Edge    *edge.Edge
	huma    huma.API
	router  fiber.Router
	routes  map[string]*Route
	cursors cursors
	handled int
}

var problemType = reflect.TypeFor[Problem]()

// Mount puts the API, its description and its documentation page on a router.
func Mount(router fiber.Router, e *edge.Edge, version string) *API {
	a := &API{Edge: e, router: router, routes: map[string]*Route{}, cursors: cursors{e.Key("cursor")}}
	for n := range routes {
		a.routes[routes[n].ID] = &routes[n]
	}
	ad := &adapter{router: router, open: a.open}
	a.huma = huma.NewAPI(config(version), ad)
	config := a.huma.OpenAPI()
	a.huma.UseMiddleware(a.admit)
	a.auth()
	a.areas()
	a.items()
	a.sessions()
	a.lots()
	a.bids()
	a.orders()
	a.ops()
	if a.handled != len(routes) {
		panic(fmt.Sprintf("%d of %d routes have a handler", a.handled, len(routes)))
	}
	delete(config.Components.Schemas.Map(), "ErrorModel") // huma's own form of errors is never sent
	delete(config.Components.Schemas.Map(), "ErrorDetail")
	document, err := json.Marshal(config)
	if err != nil {
		panic(err) // a route's description is broken: a bug of ours
	}
	router.Get("/openapi.json", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, "application/openapi+json")
		return c.Send(document)
	})
	mountDocs(router)
	return a
}

func config(version string) huma.Config {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: "Rostrum", Version: version, Description: "Flash sales: browse timed sessions and bid; list goods; run sessions; " +
			"watch the pipeline. Times are RFC 3339 in UTC with microseconds, money is an integer of minor units beside its currency, ids are UUIDs. " +
			"What can go wrong is listed at /problems."},
		Components: &huma.Components{
			Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"}},
		},
	}
	return huma.Config{
		OpenAPI: doc, Formats: map[string]huma.Format{"application/json": strict, "json": strict}, DefaultFormat: "application/json",
		Transformers: []huma.Transformer{mendErrors(doc)},
	}
}

// list is the form of every list.
type list[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Send it as cursor for the next page; not there on the last"`
}

// Paging is the input of every list.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"Things a page"`
	Cursor string `query:"cursor" maxLength:"64" doc:"next of the page before"`
}

// pageOf makes a list of what was found, with a cursor to what comes after the last.
func pageOf[T, V any](a *API, scope string, limit int, found []T, at func(T) place, view func(T) V) list[V] {
	l := list[V]{Items: make([]V, 0, len(found))}
	for _, f := range found {
		l.Items = append(l.Items, view(f))
	}
	if len(found) > 0 && len(found) == limit {
		l.Next = a.cursors.write(scope, at(found[len(found)-1]))
	}
	return l
}

type one[T any] struct{ Body T }

type tagged[T any] struct {
	ETag string `header:"ETag" doc:"The revision, for If-Match"`
	Body T
}

type created[T any] struct {
	Location string `header:"Location"`
	ETag     string `header:"ETag" doc:"The revision, for If-Match"`
	Body     T
}

type nothing struct{}
