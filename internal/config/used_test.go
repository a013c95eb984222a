package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"rostrum/internal/config"
)

// aliases are the names that a function gives to the configuration or to a section of it.
var aliases = regexp.MustCompile(`\b(\w+) (?::= a\.(Config(?:\.\w+)?)\n|config\.(Config)\b)`)

// spelledOut writes a file's text with every such name replaced by what it stands for, function by function.
func spelledOut(text string) string {
	functions := strings.Split(text, "\nfunc ")
	for n, f := range functions {
		for _, alias := range aliases.FindAllStringSubmatch(f, -1) {
			f = regexp.MustCompile(`\b`+alias[1]+`\.`).ReplaceAllString(f, alias[2]+alias[3]+".")
		}
		functions[n] = f
	}
	return strings.Join(functions, "\nfunc ")
}

// A key that nobody reads is a promise that nobody keeps: what starts the platform must mention every field, by its section.
func TestEveryKeyIsUsed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../app/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var code strings.Builder
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code.WriteString(spelledOut(string(text)))
	}
	whole := reflect.TypeFor[config.Config]()
	for i := range whole.NumField() {
		section := whole.Field(i)
		if section.Type.Kind() != reflect.Struct {
			continue
		}
		for j := range section.Type.NumField() {
			field := section.Name + "." + section.Type.Field(j).Name
			if !regexp.MustCompile(`\bConfig\.` + regexp.QuoteMeta(field) + `\b`).MatchString(code.String()) {
				t.Errorf("%s: nothing reads it. Hand it on in internal/app, or take the key away", field)
			}
		}
	}
}
