package web_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rostrum/web/webtest"
)

// browser visits pages as a browser without scripts: it keeps cookies, and sends forms with the hidden fields that the
// page had. Pages are read as XML: they are written so, and a tag that is not closed fails here.
type browser struct {
	t    testing.TB
	c    *webtest.Client
	last page
}

type page struct {
	webtest.Answer
	root *node
}

// node is an element, or where name is "" a text.
type node struct {
	name string
	attr map[string]string
	kids []*node
	text string
}

func newBrowser(t testing.TB, base string) *browser {
	return &browser{t: t, c: webtest.NewClient(t, base)}
}

func (b *browser) setAccess(token string) {
	u, err := url.Parse(b.c.Base)
	if err != nil {
		b.t.Fatal(err)
	}
	b.c.HTTP.Jar.SetCookies(u, []*http.Cookie{{Name: "rostrum_access", Value: token, Path: "/"}})
}

// visit gets a page, or sends a form with the token of this visit.
func (b *browser) visit(method, path string, form url.Values) page {
	b.t.Helper()
	if method == http.MethodGet {
		b.last = b.read(b.c.Do(method, path, nil, "Accept", "text/html"))
		return b.last
	}
	if form.Get("form_token") == "" {
		form.Set("form_token", b.token())
	}
	b.last = b.read(b.c.Do(method, path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", b.c.Base, "Accept", "text/html"))
	return b.last
}

func (b *browser) token() string {
	b.t.Helper()
	p := b.read(b.c.Do("GET", "/log-in", nil))
	return p.find("input[name=form_token]").attr["value"]
}

// logIn logs in through the form.
func (b *browser) logIn(login string) {
	b.t.Helper()
	p := b.visit("POST", "/log-in", url.Values{"login": {login}, "password": {webtest.Password}})
	if p.Status != http.StatusSeeOther {
		b.t.Fatalf("log in as %s: %d %s", login, p.Status, p.Body)
	}
}

// submit sends the form with that action as it stands on the page, with some fields changed.
func (b *browser) submit(p page, action string, change url.Values) page {
	b.t.Helper()
	form := p.find("form[action=" + action + "]")
	if form == nil {
		b.t.Fatalf("no form %s on the page: %s", action, p.Body)
	}
	values := url.Values{}
	for _, in := range form.all("input") {
		if in.attr["type"] != "checkbox" {
			values.Set(in.attr["name"], in.attr["value"])
		}
	}
	for _, in := range form.all("select") {
		if options := in.all("option"); len(options) > 0 {
			values.Set(in.attr["name"], options[0].attr["value"])
		}
	}
	for name := range change {
		values[name] = change[name]
	}
	return b.visit("POST", action, values)
}

func (b *browser) read(a webtest.Answer) page {
	b.t.Helper()
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		return page{Answer: a}
	}
	root, err := parse(strings.NewReader(string(a.Body)))
	if err != nil {
		b.t.Fatalf("the page is not well-formed: %v\n%s", err, a.Body)
	}
	return page{a, root}
}

func parse(r io.Reader) (*node, error) {
	d := xml.NewDecoder(r)
	d.Entity = xml.HTMLEntity
	root := &node{}
	open := []*node{root}
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		top := open[len(open)-1]
		switch t := t.(type) {
		case xml.StartElement:
			n := &node{name: t.Name.Local, attr: map[string]string{}}
			for _, a := range t.Attr {
				n.attr[a.Name.Local] = a.Value
			}
			top.kids = append(top.kids, n)
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.kids = append(top.kids, &node{text: string(t)})
		}
	}
}

// find gives the first element that a selector names; nil for none. all gives every one.
//
// A selector is a name, "#id", ".class", or "name[attribute=value]".
func (n *node) find(selector string) *node {
	if found := n.all(selector); len(found) > 0 {
		return found[0]
	}
	return nil
}

func (n *node) all(selector string) []*node {
	if n == nil {
		return nil
	}
	var found []*node
	for _, k := range n.kids {
		if k.is(selector) {
			found = append(found, k)
		}
		found = append(found, k.all(selector)...)
	}
	return found
}

func (n *node) is(selector string) bool {
	if n.name == "" {
		return false
	}
	name, attr, hasAttr := strings.Cut(strings.TrimSuffix(selector, "]"), "[")
	key, value, _ := strings.Cut(attr, "=")
	switch {
	case strings.HasPrefix(name, "#"):
		return n.attr["id"] == name[1:]
	case strings.HasPrefix(name, "."):
		return strings.Contains(" "+n.attr["class"]+" ", " "+name[1:]+" ")
	}
	return (name == "" || n.name == name) && (!hasAttr || n.attr[key] == value)
}

// words gives the text inside, with one space where there were some.
func (n *node) words() string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString(n.text)
	for _, k := range n.kids {
		b.WriteString(k.words() + " ")
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func (p page) find(selector string) *node  { return p.root.find(selector) }
func (p page) all(selector string) []*node { return p.root.all(selector) }

// problem gives the code of the problem that a page shows.
func (p page) problem() string {
	if n := p.find(".problem"); n != nil {
		return n.attr["data-code"]
	}
	return ""
}
