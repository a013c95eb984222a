// Package arch holds the house to its drawing. It parses the module's own files, without type checking or a build, and
// compares them with the tables in rules.go: which package may import which, which library lives in which room, and a
// few habits that no compiler sees. The test of this package runs them over the tree; the way out of a finding is part
// of the finding.
package arch

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is the module's path, the front of its own imports.
const Module = "rostrum"

// Use is something that a file names, and where.
type Use struct {
	Name string // an import path, or a call as "path.Name"
	Line int
}

// File is what the rules see of a Go file.
type File struct {
	Path      string // slash-separated, from the module's root
	Dir       string // of its package; "." is the root
	Test      bool   // *_test.go
	Generated bool
	HasDoc    bool // carries a package comment
	Lines     int
	Imports   []Use
	Selectors []Use // every path.Name of an imported package
}

// Finding is one place that breaks a rule.
type Finding struct {
	Path string
	Line int
	What string // what is there
	Way  string // the way out
}

func (f Finding) String() string { return fmt.Sprintf("%s:%d: %s. %s", f.Path, f.Line, f.What, f.Way) }

// Parse reads all Go files below root, but for those that only the tag `tools` builds, testdata, vendor and folders that
// begin with a dot or an underscore.
func Parse(root fs.FS) ([]File, error) {
	var files []File
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := path.Base(name); name != "." && (strings.ContainsAny(base[:1], "._") || base == "testdata" || base == "vendor") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		f, err := parse(name, source)
		if err == nil && f != nil {
			files = append(files, *f)
		}
		return err
	})
	return files, err
}

func parse(name string, source []byte) (*File, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	if toolsOnly(tree) {
		return nil, nil
	}
	f := &File{Path: name, Dir: path.Dir(name), Test: strings.HasSuffix(name, "_test.go"), Generated: ast.IsGenerated(tree),
		HasDoc: tree.Doc != nil, Lines: set.File(tree.FileStart).LineCount()}
	paths := map[string]string{} // the name a file uses → the import's path
	for _, spec := range tree.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		f.Imports = append(f.Imports, Use{imported, set.Position(spec.Pos()).Line})
		paths[localName(spec, imported)] = imported
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && paths[x.Name] != "" {
				f.Selectors = append(f.Selectors, Use{paths[x.Name] + "." + s.Sel.Name, set.Position(s.Pos()).Line})
			}
		}
		return true
	})
	return f, nil
}

func localName(spec *ast.ImportSpec, imported string) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	base := path.Base(imported)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		base = path.Base(path.Dir(imported))
	}
	return base
}

// toolsOnly says whether a file is there for go.mod alone.
func toolsOnly(tree *ast.File) bool {
	for _, group := range tree.Comments {
		for _, c := range group.List {
			if c.Pos() > tree.Package || !constraint.IsGoBuild(c.Text) {
				continue
			}
			if e, err := constraint.Parse(c.Text); err == nil && !e.Eval(func(tag string) bool { return tag != "tools" }) {
				return true
			}
		}
	}
	return false
}

// Check runs every rule over the files and gives the findings in order of file and line; none: empty.
func Check(files []File) []Finding {
	var found []Finding
	for _, f := range files {
		for _, r := range perFile {
			found = append(found, r(f)...)
		}
	}
	for _, r := range overall {
		found = append(found, r(files)...)
	}
	slices.SortFunc(found, func(a, b Finding) int {
		if c := strings.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		return a.Line - b.Line
	})
	return found
}

// own gives the directory of an import of this module; false for another's.
func own(imported string) (string, bool) {
	if imported == Module {
		return ".", true
	}
	return strings.CutPrefix(imported, Module+"/")
}

// under says whether a path is one of the places or lies below one.
func under(p string, places ...string) bool {
	return slices.ContainsFunc(places, func(place string) bool { return p == place || strings.HasPrefix(p, place+"/") })
}

// helper says whether a directory is there for tests only.
func helper(dir string) bool {
	return under(dir, "internal/live") || dir != "." && strings.HasSuffix(path.Base(dir), "test")
}

// forTests says whether a file is part of no program.
func (f File) forTests() bool { return f.Test || helper(f.Dir) }
