package config

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
)

// Value is a key with what it is set to, as far as people may see it.
type Value struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// Values gives every key in the order of the struct. Of a secret it shows that it is set, of a data source name or URL
// where it goes.
func (c Config) Values() []Value {
	values := make([]Value, 0, 80)
	for _, key := range Keys() {
		values = append(values, Value{key.Name, c.value(key.Name), c.Source(key.Name)})
	}
	return values
}

func (c Config) value(name string) string {
	key, _ := keyNamed(name)
	field := reflect.ValueOf(c).FieldByIndex(key.path)
	if field.Kind() != reflect.Slice {
		return key.show(plain(field))
	}
	items := make([]string, field.Len())
	for i := range items {
		items[i] = key.show(plain(field.Index(i)))
	}
	return strings.Join(items, ",")
}

func plain(field reflect.Value) string {
	if field.Kind() == reflect.String {
		return field.String()
	}
	return fmt.Sprint(field.Interface())
}

// Print gives the configuration as YAML, with the source of each value that is no default. Secrets are hidden, so it
// cannot be read back.
func (c Config) Print() string {
	var out strings.Builder
	for _, section := range Sections() {
		indent := ""
		if section.Name != "" {
			fmt.Fprintf(&out, "%s:\n", section.Name)
			indent = "  "
		}
		for _, key := range section.Keys {
			name := key.Name[strings.LastIndex(key.Name, ".")+1:]
			line := fmt.Sprintf("%s%s: %s", indent, name, c.yaml(key))
			if source := c.Source(key.Name); source != "default" {
				line = fmt.Sprintf("%-50s # %s", line, source)
			}
			out.WriteString(line + "\n")
		}
	}
	return out.String()
}

func (c Config) yaml(key Key) string {
	value := c.value(key.Name)
	switch {
	case key.Type == "list":
		return "[" + value + "]"
	case key.Type == "text" && (value == "" || strings.ContainsAny(value, ":#{}[]&*!|>'\"%@` ")):
		return fmt.Sprintf("%q", value)
	}
	return value
}

// String is Print: a configuration that is printed by mistake shows no secret.
func (c Config) String() string { return c.Print() }

// GoString is Print too.
func (c Config) GoString() string { return c.Print() }

// LogValue gives the keys that are not at their defaults.
func (c Config) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, v := range c.Values() {
		if v.Source != "default" {
			attrs = append(attrs, slog.String(v.Key, v.Value))
		}
	}
	return slog.GroupValue(attrs...)
}

// Reference gives the page of all keys, in Markdown.
func Reference() string {
	var out strings.Builder
	out.WriteString(referenceHead)
	for _, section := range Sections() {
		name := section.Name
		if name == "" {
			name = "top"
		}
		fmt.Fprintf(&out, "\n## %s\n%s\n\n", name, section.Doc)
		out.WriteString("| key | variable | value | default | what |\n|---|---|---|---|---|\n")
		for _, key := range section.Keys {
			fmt.Fprintf(&out, "| `%s` | `%s` | %s | %s | %s |\n", key.Name, key.Env, key.values(), orDash(key.Default), key.Doc)
		}
	}
	return out.String()
}

const referenceHead = `# Configuration

<!-- Generated from internal/config by "rostrum config reference". Do not edit. -->

Values come from the defaults, then the file (` + "`--config FILE` or `ROSTRUM_CONFIG`" + `, YAML), then the environment, then
` + "`--set key=value`" + `; the later wins. A secret can be put into a file and the file's name into the variable with
` + "`_FILE`" + ` after its name; a secret cannot be given with ` + "`--set`" + `. Lists have commas between in variables. An unknown key or
variable beginning with ` + "`ROSTRUM_`" + ` is refused. ` + "`rostrum config check`" + ` says everything that is wrong,
` + "`rostrum config print`" + ` what is set and from where.
`

func (k Key) values() string {
	text := k.Type
	switch {
	case k.OneOf != nil:
		text = "`" + strings.Join(strings.Split(k.form(), ", "), "`, `") + "`"
		if k.Type == "list" {
			text = "list of " + text
		}
	case k.Min != "":
		text = strings.TrimSpace(fmt.Sprintf("%s … %s %s", k.Min, k.Max, k.Unit))
	}
	if k.Secret {
		text += ", secret"
	}
	if k.Need != "" {
		text += ", needed"
	}
	return text
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return "`" + s + "`"
}
