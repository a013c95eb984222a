package config

import (
	"reflect"
	"strings"
	"sync"
	"time"
)

// Key describes one key of the configuration.
type Key struct {
	Name    string   `json:"key"`              // section.key, as in --set
	Env     string   `json:"env"`              // ROSTRUM_SECTION_KEY
	FileEnv string   `json:"file_env"`         // ROSTRUM_SECTION_KEY_FILE; empty where the key is no secret
	Type    string   `json:"type"`             // text, whole number, duration, yes or no, list
	Unit    string   `json:"unit,omitempty"`   // of a number
	Default string   `json:"default"`          // as one would write it
	Min     string   `json:"min,omitempty"`    // smallest, inclusive
	Max     string   `json:"max,omitempty"`    // largest, inclusive
	OneOf   []string `json:"one_of,omitempty"` // the values there are
	Need    string   `json:"need,omitempty"`   // the part of an installation that needs it not to be empty
	Secret  bool     `json:"secret"`
	Doc     string   `json:"doc"`

	check string
	path  []int // of the field
	kind  reflect.Type
}

// Section describes a group of keys.
type Section struct {
	Name string `json:"section"` // empty for the keys at the top
	Doc  string `json:"doc"`
	Keys []Key  `json:"keys"`
}

const envPrefix = "ROSTRUM_"

var (
	secretType   = reflect.TypeFor[Secret]()
	durationType = reflect.TypeFor[time.Duration]()
)

// Sections gives all there is, in the order of the struct.
func Sections() []Section { return sections() }

var sections = sync.OnceValue(func() []Section {
	top := Section{Doc: "At the top of the file."}
	var rest []Section
	whole := reflect.TypeFor[Config]()
	for i := range whole.NumField() {
		field := whole.Field(i)
		switch {
		case !field.IsExported():
		case field.Type.Kind() != reflect.Struct:
			top.Keys = append(top.Keys, describe("", field, []int{i}))
		default:
			section := Section{Name: field.Tag.Get("key"), Doc: field.Tag.Get("doc")}
			for j := range field.Type.NumField() {
				section.Keys = append(section.Keys, describe(section.Name+".", field.Type.Field(j), []int{i, j}))
			}
			rest = append(rest, section)
		}
	}
	return append([]Section{top}, rest...)
})

// Keys gives every key, in the order of the struct.
func Keys() []Key {
	var keys []Key
	for _, section := range sections() {
		keys = append(keys, section.Keys...)
	}
	return keys
}

func describe(prefix string, field reflect.StructField, path []int) Key {
	tag := field.Tag
	key := Key{
		Name: prefix + tag.Get("key"), Type: typeName(field.Type), Unit: tag.Get("unit"), Default: tag.Get("default"),
		Min: tag.Get("min"), Max: tag.Get("max"), Need: tag.Get("need"), Doc: tag.Get("doc"),
		check: tag.Get("check"), path: path, kind: field.Type,
	}
	key.Env = envPrefix + strings.ToUpper(strings.ReplaceAll(key.Name, ".", "_"))
	if key.Secret = field.Type == secretType || field.Type == reflect.SliceOf(secretType); key.Secret {
		key.FileEnv = key.Env + "_FILE"
	}
	if values, given := tag.Lookup("one_of"); given {
		key.OneOf = strings.Split(values, ",")
	}
	return key
}

func typeName(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t.Kind() == reflect.Int:
		return "whole number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Slice:
		return "list"
	}
	return "text"
}

func keyNamed(name string) (Key, bool) {
	for _, key := range Keys() {
		if key.Name == name {
			return key, true
		}
	}
	return Key{}, false
}

// nearest gives the candidate with the fewest changes from name, if it is near enough to be what was meant.
func nearest(name string, candidates []string) string {
	best, least := "", len(name)/2+1
	for _, c := range candidates {
		if d := distance(name, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance counts the bytes to insert, delete or replace (Levenshtein) between two short names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
