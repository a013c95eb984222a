package bench

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// settings gives the fields that a file's fiber.Config literal sets, with the values of those that are plain words.
func settings(t *testing.T, path string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	must(t, err)
	found := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if s, ok := literal.Type.(*ast.SelectorExpr); !ok || s.Sel.Name != "Config" {
			return true
		}
		for _, e := range literal.Elts {
			pair := e.(*ast.KeyValueExpr)
			value := "set"
			switch v := pair.Value.(type) {
			case *ast.Ident:
				value = v.Name
			case *ast.BasicLit:
				value = v.Value
			}
			found[pair.Key.(*ast.Ident).Name] = value
		}
		return false
	})
	return found
}

// What the API's server comes to be configured with, the yardstick's must too: both pay for it, or the ratio is no ratio.
func TestTheYardstickIsConfiguredAsTheAPIIs(t *testing.T) {
	api, bare := settings(t, "../../web/server.go"), settings(t, "yardstick.go")
	delete(api, "AppName")      // costs nothing
	delete(api, "ErrorHandler") // the yardstick has no errors
	for key := range bare {
		if api[key] == "set" {
			bare[key] = "set" // an option there, which may be a number here
		}
	}
	if len(api) < 8 {
		t.Fatalf("web/server.go sets %v: the literal was not found", api)
	}
	if diff := cmp.Diff(api, bare); diff != "" {
		t.Errorf("fiber.Config (-web +bench):\n%s", diff)
	}
}
