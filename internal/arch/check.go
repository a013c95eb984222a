package arch

import (
	"fmt"
	"maps"
	"slices"
)

// perFile rules look at one file, overall rules at all of them.
var (
	perFile = []func(File) []Finding{checkArrows, checkRooms, checkPure, checkHelpers, checkSleep, checkContext, checkLength}
	overall = []func([]File) []Finding{checkComments, checkReach}
)

func (f File) finding(line int, way, what string, args ...any) Finding {
	return Finding{f.Path, line, fmt.Sprintf(what, args...), way}
}

// row is the longest row of the table that a directory falls under; false: it has none.
func row(dir string) (string, bool) {
	best := ""
	for place := range arrows {
		if under(dir, place) && len(place) > len(best) {
			best = place
		}
	}
	return best, best != ""
}

// checkArrows compares imports within the module with the drawing. Tests may also import helpers and what forTestsToo lists.
func checkArrows(f File) []Finding {
	place, ok := row(f.Dir)
	if !ok {
		return []Finding{f.finding(1, "Give it a row in internal/arch/rules.go, or find the room it belongs to",
			"package %s is not in the drawing", f.Dir)}
	}
	var found []Finding
	for _, i := range f.Imports {
		to, ok := own(i.Name)
		if !ok || to == f.Dir || under(to, arrows[place]...) {
			continue
		}
		if f.forTests() && (helper(to) || under(to, forTestsToo...) || under(to, place)) {
			continue
		}
		found = append(found, f.finding(i.Line, "Declare a small interface here and let internal/app join the two",
			"%s imports %s, and no arrow leads there", f.Dir, to))
	}
	return found
}

func checkRooms(f File) []Finding {
	if f.forTests() {
		return nil
	}
	var found []Finding
	for _, i := range f.Imports {
		for _, r := range rooms {
			if under(i.Name, r.library) && !under(f.Dir, r.in...) {
				found = append(found, f.finding(i.Line, r.because, "%s is for %v only", i.Name, r.in))
			}
		}
	}
	return found
}

func checkPure(f File) []Finding {
	if f.forTests() || !under(f.Dir, pure...) {
		return nil
	}
	const way = "Take it as a parameter: a pure package decides, and others touch the world"
	var found []Finding
	for _, i := range f.Imports {
		if under(i.Name, impure...) {
			found = append(found, f.finding(i.Line, way, "%s is pure and imports %s", f.Dir, i.Name))
		}
	}
	for _, s := range f.Selectors {
		if slices.Contains(clocks, s.Name) {
			found = append(found, f.finding(s.Line, way, "%s is pure and uses %s", f.Dir, s.Name))
		}
	}
	return found
}

func checkHelpers(f File) []Finding {
	if f.forTests() {
		return nil
	}
	var found []Finding
	for _, i := range f.Imports {
		if to, ok := own(i.Name); ok && helper(to) {
			found = append(found, f.finding(i.Line, "Move what you need of it out of the helper", "%s is for tests only", to))
		}
		if to, ok := own(i.Name); ok && under(to, "internal/standin") && !under(f.Dir, "internal/standin", "cmd/demo", "cmd/lab") {
			found = append(found, f.finding(i.Line, "Only cmd/demo and tests run on stand-ins", "%s is a stand-in", to))
		}
	}
	return found
}

func checkSleep(f File) []Finding {
	if !f.forTests() {
		return nil
	}
	return f.names("time.Sleep", "Wait for a signal, or poll with live.Eventually", "a test sleeps")
}

func checkContext(f File) []Finding {
	if f.forTests() || under(f.Dir, beginnings...) {
		return nil
	}
	const way = "Take ctx from the caller"
	return append(f.names("context.Background", way, "a context begins here"), f.names("context.TODO", way, "a context begins here")...)
}

// names finds uses of one name that no exception covers.
func (f File) names(name, way, what string) []Finding {
	var found []Finding
	for _, s := range f.Selectors {
		if s.Name == name && exceptions[f.Path+" "+name] == "" {
			found = append(found, f.finding(s.Line, way, "%s", what))
		}
	}
	return found
}

func checkLength(f File) []Finding {
	if f.Generated || f.Lines <= maxLines {
		return nil
	}
	return []Finding{f.finding(f.Lines, "Find the second subject in it and give that a file",
		"%d lines; a file has one subject and at most %d", f.Lines, maxLines)}
}

func checkComments(files []File) []Finding {
	first, has := map[string]File{}, map[string]bool{}
	for _, f := range files {
		if _, ok := first[f.Dir]; !ok {
			first[f.Dir] = f
		}
		has[f.Dir] = has[f.Dir] || f.HasDoc
	}
	var found []Finding
	for dir, f := range first {
		if !has[dir] {
			found = append(found, f.finding(1, "Begin one of its files with // Package … and tell its part of the story",
				"package %s has no package comment", dir))
		}
	}
	return found
}

// checkReach walks the imports from the production binary.
func checkReach(files []File) []Finding {
	from := map[string][]File{}
	for _, f := range files {
		if !f.forTests() {
			from[f.Dir] = append(from[f.Dir], f)
		}
	}
	var found []Finding
	seen, todo := map[string]bool{production: true}, []string{production}
	for len(todo) > 0 {
		dir := todo[0]
		todo = todo[1:]
		for _, f := range from[dir] {
			for _, i := range f.Imports {
				to, ok := own(i.Name)
				if ok && (under(to, unsafe...) || helper(to)) {
					found = append(found, f.finding(i.Line, "Join it in cmd/demo instead", "%s reaches %s", production, to))
				}
				if ok && !seen[to] {
					seen[to] = true
					todo = append(todo, to)
				}
			}
		}
	}
	return found
}

// Unused gives the exceptions that no file needs any more, sorted.
func Unused(files []File) []string {
	left := maps.Clone(exceptions)
	for _, f := range files {
		for _, s := range f.Selectors {
			delete(left, f.Path+" "+s.Name)
		}
	}
	return slices.Sorted(maps.Keys(left))
}
