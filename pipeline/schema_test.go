package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/money"
)

// schema is the part of JSON Schema that our values need, in the order in which it is written.
type schema struct {
	Schema      string     `json:"$schema,omitempty"`
	ID          string     `json:"$id,omitempty"`
	Title       string     `json:"title,omitempty"`
	Description string     `json:"description,omitempty"`
	Type        string     `json:"type"`
	Format      string     `json:"format,omitempty"`
	Encoding    string     `json:"contentEncoding,omitempty"`
	Enum        []string   `json:"enum,omitempty"`
	Minimum     *int64     `json:"minimum,omitempty"`
	Maximum     *int64     `json:"maximum,omitempty"`
	Items       *schema    `json:"items,omitempty"`
	Properties  properties `json:"properties,omitempty"`
	Required    []string   `json:"required,omitempty"`
	Additional  *bool      `json:"additionalProperties,omitempty"`
}

// properties keeps the order of the struct, which is the order of the JSON.
type properties []property

type property struct {
	name   string
	schema *schema
}

func (p properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, at := range p {
		text, err := json.Marshal(at.schema)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s%q:%s", strings.Repeat(",", min(i, 1)), at.name, text)
	}
	return fmt.Appendf(nil, "{%s}", b.Bytes()), nil
}

// described are the schemas: the Go struct each is made of, and the file in which its fields are commented.
var described = []struct {
	name, title, file string
	value             any
}{
	{"record.v1", "A decision: value of rostrum.journal.v1", "../auction/record.go", auction.Record{}},
	{"lot.v1", "What happened to a lot: value of rostrum.bids.v1", "events.go", LotEvent{}},
	{"order.v1", "What happened to an order: value of rostrum.orders.v1", "events.go", OrderEvent{}},
	{"parked.v1", "A message that is no record: value of rostrum.parked.v1", "parked.go", Parked{}},
}

func generate(t *testing.T, name, title, file string, value any) *schema {
	t.Helper()
	typ := reflect.TypeOf(value)
	comments := fieldComments(t, file, typ.Name())
	no := false
	s := &schema{Schema: "https://json-schema.org/draft/2020-12/schema", ID: "urn:rostrum:schema:" + name, Title: title,
		Type: "object", Additional: &no}
	for i := range typ.NumField() {
		f := typ.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := typeSchema(f.Type)
		p.Description = comments[f.Name]
		s.Properties = append(s.Properties, property{key, p})
		if !strings.HasPrefix(options, "omit") {
			s.Required = append(s.Required, key)
		}
	}
	return s
}

func typeSchema(typ reflect.Type) *schema {
	least, most := int64(0), money.MaxMinor
	switch {
	case typ == reflect.TypeFor[uuid.UUID]():
		return &schema{Type: "string", Format: "uuid"}
	case typ == reflect.TypeFor[auction.Kind]():
		s := &schema{Type: "string"}
		for _, k := range auction.Kinds() {
			s.Enum = append(s.Enum, string(k))
		}
		return s
	case typ == reflect.TypeFor[[]byte]():
		return &schema{Type: "string", Encoding: "base64"}
	case typ.Kind() == reflect.Slice:
		return &schema{Type: "array", Items: typeSchema(typ.Elem())}
	case typ.Kind() == reflect.String:
		return &schema{Type: "string"}
	}
	return &schema{Type: "integer", Minimum: &least, Maximum: &most}
}

// fieldComments gives the comments at the end of the lines of a struct's fields: they are the descriptions.
func fieldComments(t *testing.T, file, typ string) map[string]string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	ast.Inspect(tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != typ {
			return true
		}
		for _, f := range spec.Type.(*ast.StructType).Fields.List {
			for _, name := range f.Names {
				comments[name.Name] = strings.TrimSpace(f.Comment.Text())
			}
		}
		return false
	})
	return comments
}

func TestSchemas(t *testing.T) {
	for _, d := range described {
		b, err := json.MarshalIndent(generate(t, d.name, d.title, d.file, d.value), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		checkFile(t, filepath.Join("schema", d.name+".json"), append(b, '\n'))
	}
}

// TestGoldensFollowTheirSchemas: the schema is what readers of other languages generate their types from.
func TestGoldensFollowTheirSchemas(t *testing.T) {
	for name, m := range sampleMessages(t) {
		room, _, _ := strings.Cut(name, ".")
		i := slices.IndexFunc(described, func(d struct {
			name, title, file string
			value             any
		}) bool {
			return d.name == room+".v1"
		})
		if i < 0 {
			t.Errorf("%s has no schema", name)
			continue
		}
		d := described[i]
		var value any
		decoder := json.NewDecoder(bytes.NewReader(m.Value))
		decoder.UseNumber()
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
		for _, wrong := range violations(generate(t, d.name, d.title, d.file, d.value), "", value) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

// violations says where a decoded value is not as the schema says.
func violations(s *schema, at string, value any) (wrong []string) {
	bad := func(format string, args ...any) { wrong = append(wrong, at+": "+fmt.Sprintf(format, args...)) }
	switch v := value.(type) {
	case map[string]any:
		for _, key := range s.Required {
			if _, ok := v[key]; !ok {
				bad("%s is missing", key)
			}
		}
		for key, inner := range v {
			i := slices.IndexFunc(s.Properties, func(p property) bool { return p.name == key })
			if i < 0 {
				bad("%s is not in the schema", key)
				continue
			}
			wrong = append(wrong, violations(s.Properties[i].schema, at+"/"+key, inner)...)
		}
	case []any:
		for _, inner := range v {
			wrong = append(wrong, violations(s.Items, at+"/", inner)...)
		}
	case json.Number:
		if n, err := v.Int64(); s.Type != "integer" || err != nil || n < *s.Minimum || n > *s.Maximum {
			bad("%s is no %s within bounds", v, s.Type)
		}
	case string:
		if s.Type != "string" || s.Enum != nil && !slices.Contains(s.Enum, v) {
			bad("%q is no %s of %v", v, s.Type, s.Enum)
		}
		if _, err := uuid.Parse(v); s.Format == "uuid" && (err != nil || len(v) != 36) {
			bad("%q is no uuid in canonical text", v)
		}
	default:
		bad("%v is of a type that no value has", v)
	}
	return wrong
}

// TestSchemaNoticesWhatIsWrong holds the checker to values it must refuse, or it would show nothing above.
func TestSchemaNoticesWhatIsWrong(t *testing.T) {
	s := generate(t, described[0].name, described[0].title, described[0].file, described[0].value)
	for _, text := range []string{`{}`, `{"deployment":"x"}`, `{"kind":"bit"}`, `{"seq":-1}`, `{"seq":1.5}`, `{"seq":"1"}`,
		`{"nth":["1"]}`, `{"lot":{}}`, `{"other":1}`, `{"seq":9007199254740992}`, `{"kind":null}`} {
		var value any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		missing := len(violations(s, "", map[string]any{}))
		if found := violations(s, "", value); text != `{}` && len(found) < missing || len(found) == 0 {
			t.Errorf("%s passes: %v", text, found)
		}
	}
}
