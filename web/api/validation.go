package api

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rostrum/internal/fault"
)

// mendErrors turns what huma says is wrong with a request into a Problem: the same form as everything else, with the
// field and what to send instead. The value that was sent is not sent back.
func mendErrors(doc *huma.OpenAPI) huma.Transformer {
	return func(ctx huma.Context, _ string, v any) (any, error) {
		model, ok := v.(*huma.ErrorModel)
		if !ok {
			return v, nil
		}
		p := problem(codeOfStatus(model.Status), "")
		switch {
		case model.Status == http.StatusBadRequest && len(model.Errors) == 0:
			p = noBody()
		case len(model.Errors) > 0:
			p.Errors = nil
			for _, d := range model.Errors {
				p.Errors = append(p.Errors, mend(doc.Components.Schemas, ctx.Operation(), d))
			}
			p.Detail = p.Errors[0].Name + " " + p.Errors[0].Detail
		}
		p.Request = callOf(ctx.Context()).trace
		p.Status = model.Status
		return p, nil
	}
}

func codeOfStatus(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "broken_json"
	case http.StatusRequestEntityTooLarge:
		return "body_too_large"
	case http.StatusUnsupportedMediaType:
		return "wrong_content_type"
	case http.StatusUnprocessableEntity:
		return "invalid"
	}
	return "internal"
}

// mend makes a field of one of huma's errors. Its location is "body.price" or "query.limit"; our fields are named without
// the first part.
func mend(r huma.Registry, op *huma.Operation, d *huma.ErrorDetail) fault.Field {
	in, path, _ := strings.Cut(d.Location, ".")
	schema := schemaAt(r, op, in, path)
	switch {
	case d.Location == "body" && !strings.HasPrefix(d.Message, "expected"): // the decoder's own words
		return fault.Field{Name: "body", Detail: d.Message, Remedy: "send one JSON object"}
	case d.Message == "unexpected property" || d.Message == "unknown query parameter":
		return fault.Field{Name: short(path), Detail: "is not known here", Remedy: "leave it out; known are " + known(r, op, in, path)}
	case d.Value == twice{}:
		return fault.Field{Name: path, Detail: "is there twice", Remedy: "send it once"}
	}
	if name, missing := strings.CutPrefix(d.Message, "expected required property "); missing {
		name = strings.TrimSuffix(name, " to be present")
		path = strings.TrimPrefix(path+"."+name, ".")
		return fault.Field{Name: path, Detail: "is missing", Remedy: remedyOf(schemaAt(r, op, in, path))}
	}
	if strings.HasPrefix(d.Message, "required ") {
		return fault.Field{Name: path, Detail: "is missing", Remedy: remedyOf(schema)}
	}
	remedy := remedyOf(schema)
	if parent, name, _ := cutLast(path, "."); d.Value == (null{}) && optional(schemaAt(r, op, in, parent), name) {
		remedy += ", or leave it out"
	}
	if path == "" {
		path = in
	}
	return fault.Field{Name: path, Detail: detailOf(d), Remedy: remedy}
}

func optional(parent *huma.Schema, name string) bool {
	return parent != nil && name != "" && !slices.Contains(parent.Required, name)
}

// detailOf says what is wrong, with the value where it is short and no text of the sender's.
func detailOf(d *huma.ErrorDetail) string {
	switch v := d.Value.(type) {
	case int64:
		return fmt.Sprintf("is %d", v)
	case bool:
		return fmt.Sprintf("is %t", v)
	case null:
		return "is null"
	case float64:
		return "is not an integer below 2^53"
	case string:
		if strings.HasPrefix(d.Message, "expected string to be RFC 3339") {
			return "is not an RFC 3339 time"
		}
		if strings.HasPrefix(d.Message, "expected length") {
			return fmt.Sprintf("has %d characters", len([]rune(v)))
		}
		if strings.HasPrefix(d.Message, "expected integer") || strings.HasPrefix(d.Message, "expected number") || strings.HasPrefix(d.Message, "expected boolean") {
			return "is a text"
		}
	}
	if d.Message == "expected object" {
		return "is not an object"
	}
	return "is not what is expected here"
}

// schemaAt finds the schema that a location speaks of; nil for none.
func schemaAt(r huma.Registry, op *huma.Operation, in, path string) *huma.Schema {
	if in != "body" {
		for _, p := range op.Parameters {
			if p.In == in && p.Name == path {
				return p.Schema
			}
		}
		return nil
	}
	s := bodySchema(r, op)
	for _, name := range strings.FieldsFunc(path, func(c rune) bool { return c == '.' || c == '[' || c == ']' }) {
		if s == nil {
			return nil
		}
		if _, err := strconv.Atoi(name); err == nil && s.Items != nil {
			s = deref(r, s.Items)
			continue
		}
		s = deref(r, s.Properties[name])
	}
	return s
}

func bodySchema(r huma.Registry, op *huma.Operation) *huma.Schema {
	if op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil {
		return nil
	}
	return deref(r, op.RequestBody.Content["application/json"].Schema)
}

func deref(r huma.Registry, s *huma.Schema) *huma.Schema {
	for s != nil && s.Ref != "" {
		s = r.SchemaFromRef(s.Ref)
	}
	return s
}

// known lists the names beside an unknown one.
func known(r huma.Registry, op *huma.Operation, in, path string) string {
	var names []string
	if in == "body" {
		parent, _, _ := cutLast(path, ".")
		s := schemaAt(r, op, in, parent)
		if s == nil || s.Properties == nil { // a point may be part of a name that nobody knows
			s = bodySchema(r, op)
		}
		if s != nil {
			for name := range s.Properties {
				names = append(names, name)
			}
		}
	} else {
		for _, p := range op.Parameters {
			if p.In == in {
				names = append(names, p.Name)
			}
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

// remedyOf says what a schema takes, as an instruction.
func remedyOf(s *huma.Schema) string {
	switch {
	case s == nil:
		return "look at /docs"
	case len(s.Enum) > 0:
		return "send one of " + joined(s.Enum)
	case s.Format == "date-time":
		return "send an RFC 3339 time such as 2026-11-22T20:00:00Z"
	case s.Format == "uuid":
		return "send a UUID such as 0198c0de-0000-7000-8000-000000000001"
	case s.Type == huma.TypeInteger:
		return "send an integer" + bounds(s)
	case s.Type == huma.TypeBoolean:
		return "send true or false"
	case s.Type == huma.TypeString:
		return "send a text" + lengths(s)
	case s.Type == huma.TypeArray:
		return "send a list"
	}
	return "send one JSON object"
}

func joined(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}

func bounds(s *huma.Schema) string {
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		return fmt.Sprintf(" from %.0f to %.0f", *s.Minimum, *s.Maximum)
	case s.Minimum != nil:
		return fmt.Sprintf(" from %.0f", *s.Minimum)
	}
	return ""
}

func lengths(s *huma.Schema) string {
	switch {
	case s.MinLength != nil && s.MaxLength != nil:
		return fmt.Sprintf(" of %d to %d characters", *s.MinLength, *s.MaxLength)
	case s.MaxLength != nil:
		return fmt.Sprintf(" of at most %d characters", *s.MaxLength)
	}
	return ""
}

// write sends a problem from outside a handler.
func write(ctx huma.Context, p *Problem) {
	p.Request = callOf(ctx.Context()).trace
	for name, values := range p.GetHeaders() {
		ctx.SetHeader(name, values[0])
	}
	ctx.SetHeader("Content-Type", p.ContentType(""))
	ctx.SetStatus(p.Status)
	_, _ = ctx.BodyWriter().Write(p.JSON()) // into Fiber's own buffer: it cannot fail
}
