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

// A key that nobody reads is a promise that nobody keeps: what starts the platform must mention every field.
func TestEveryKeyIsUsed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../app/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var code strings.Builder
	for _, name := range append(files, "../../cmd/rostrum/serve.go") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			code.Write(text)
		}
	}
	whole := reflect.TypeFor[config.Config]()
	for i := range whole.NumField() {
		section := whole.Field(i)
		if section.Type.Kind() != reflect.Struct {
			continue
		}
		for j := range section.Type.NumField() {
			field := section.Type.Field(j).Name
			if !regexp.MustCompile(`\.` + field + `\b`).MatchString(code.String()) {
				t.Errorf("%s.%s: nothing reads it. Hand it on in internal/app, or take the key away", section.Name, field)
			}
		}
	}
}
