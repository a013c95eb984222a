package web_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rostrum/web/api"
	"rostrum/web/webtest"
)

// form is a route's body as the document describes it: its fields, and an example that is right.
type form struct {
	described
	fields  map[string]map[string]any // schema by name
	example map[string]any
}

// forms gives the bodies of every route that takes one.
func forms(t *testing.T) map[string]form {
	t.Helper()
	doc, ops := document(t, webtest.NewWorld(t).Start(t))
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	all := map[string]form{}
	for id, d := range ops {
		example, ok := exampleOf(d.op).(map[string]any)
		if !ok {
			continue
		}
		schema := d.op["requestBody"].(map[string]any)["content"].(map[string]any)["application/json"].(map[string]any)["schema"].(map[string]any)
		if ref, ok := schema["$ref"].(string); ok {
			schema = schemas[ref[strings.LastIndex(ref, "/")+1:]].(map[string]any)
		}
		f := form{d, map[string]map[string]any{}, example}
		for name, s := range schema["properties"].(map[string]any) {
			f.fields[name] = s.(map[string]any)
		}
		all[id] = f
	}
	for _, r := range api.Routes() {
		if _, there := all[r.ID]; there != (r.Example != "") {
			t.Errorf("%s: its body is described: %t", r.ID, there)
		}
	}
	return all
}

// raw writes the example with one member more, in front of a member of the same name or in place of it.
func (f form) raw(name, value string, replace bool) string {
	members := maps.Clone(f.example)
	if replace {
		delete(members, name)
	}
	b, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	quoted, _ := json.Marshal(name)
	first := "{" + string(quoted) + ":" + value
	if len(members) > 0 {
		first += ","
	}
	return first + string(b[1:])
}

// types says of which JSON types a field is.
func (f form) types(name string) []string {
	switch t := f.fields[name]["type"].(type) {
	case string:
		return []string{t}
	case []any:
		var all []string
		for _, one := range t {
			all = append(all, one.(string))
		}
		return all
	}
	return nil
}

// ofType has a value of each JSON type.
var ofType = map[string]string{"string": `"\u0007"`, "integer": `7`, "number": `7.5`, "boolean": `true`, "array": `[{}]`, "object": `{"a":{}}`, "null": `null`}

// Every field of every route's body, spelled otherwise, sent twice, null, or of another type: it is refused by its name,
// with what to do, and nothing has changed.
func TestEveryFieldOfEveryBody(t *testing.T) {
	for id, f := range forms(t) {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			prepare(s, id)
			before := snapshot(t, s.w)
			refuse := func(why, body, field, detail, remedy string) {
				t.Helper()
				a := s.send(id, f.described, body)
				gotDetail, gotRemedy, found := a.Field(field)
				if a.Status != http.StatusUnprocessableEntity || a.Text("code") != "invalid" || !found {
					t.Fatalf("%s: %s: %d %s", why, body, a.Status, a.Body)
				}
				if detail != "" && gotDetail != detail || !strings.Contains(gotRemedy, remedy) || gotRemedy == "" || gotRemedy == "look at /docs" {
					t.Errorf("%s: %s: %q, remedy %q; want %q, %q", why, body, gotDetail, gotRemedy, detail, remedy)
				}
				if after := snapshot(t, s.w); after != before {
					t.Fatalf("%s: %s changed something: %s", why, body, cmp.Diff(before, after))
				}
			}
			names := strings.Join(slices.Sorted(maps.Keys(f.fields)), ", ")
			refuse("unknown", f.raw("colour", `"red"`, false), "colour", "is not known here", "leave it out; known are "+names)
			for name := range f.fields {
				value, err := json.Marshal(f.example[name])
				if err != nil {
					t.Fatal(err)
				}
				for _, spelled := range []string{strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], name + "\u0000", " " + name} {
					refuse("another spelling", f.raw(spelled, string(value), false), spelled, "is not known here", "leave it out")
				}
				if _, there := f.example[name]; there {
					refuse("twice", f.raw(name, string(value), false), name, "is there twice", "send it once")
				}
				for kind, value := range ofType {
					if fits := slices.Contains(f.types(name), kind); !fits {
						refuse("of type "+kind, f.raw(name, value, true), name, "", "")
					}
				}
			}
		})
	}
}

// null clears what the API itself writes as null, and nothing else.
func TestNullClearsATime(t *testing.T) {
	s := newStage(t)
	sam := s.as(webtest.Sam)
	made := sam.Do("POST", itemsPath, with(goodItem, "show_from", "2026-12-01T00:00:00Z", "trade_from", "2026-12-02T00:00:00Z"))
	where := made.Header.Get("Location")
	steps := []struct {
		body        string
		show, trade any
	}{
		{`{"show_from":null}`, nil, "2026-12-02T00:00:00.000000Z"},
		{`{"name":"A lamp again"}`, nil, "2026-12-02T00:00:00.000000Z"},
		{`{"show_from":"2026-12-03T00:00:00Z","trade_from":null}`, "2026-12-03T00:00:00.000000Z", nil},
	}
	for n, step := range steps {
		a := sam.Do("PATCH", where, step.body, "If-Match", `"`+string(rune('1'+n))+`"`)
		if a.Status != http.StatusOK || a.JSON["show_from"] != step.show || a.JSON["trade_from"] != step.trade {
			t.Errorf("%s: %d %s", step.body, a.Status, a.Body)
		}
	}
	back := sam.Do("GET", where, nil) // as it came, it can be sent
	again := sam.Do("POST", itemsPath, map[string]any{"number": "A-2", "name": "x", "price": 1, "currency": "EUR", "area": "eu",
		"show_from": back.JSON["show_from"], "trade_from": back.JSON["trade_from"]})
	if again.Status != http.StatusCreated || again.JSON["trade_from"] != nil {
		t.Errorf("null for a new item: %d %s", again.Status, again.Body)
	}
}
