package compose

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestCommandsAreThere builds the binary and asks it for the help of each command, with the flags given: an unknown command
// or flag ends in an error, and the help of a group in place of a command's shows in its first line.
func TestCommandsAreThere(t *testing.T) {
	d, err := load(t, text(t, file))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	binary := built(ctx, t)
	for name, s := range d.ours() {
		if wrong := refused(ctx, binary, s.Command); wrong != "" {
			t.Errorf("%s: %v: %s", name, s.Command, wrong)
		}
	}
	for _, command := range [][]string{{"bake"}, {"serve", "--rolls", "api"}, {"migrate", "sideways"}} {
		if refused(ctx, binary, command) == "" {
			t.Errorf("%v is no command, and passed", command)
		}
	}
}

// refused says why the binary has no such command, or not with so many values, or nothing.
func refused(ctx context.Context, binary string, command []string, values ...string) string {
	out, err := exec.CommandContext(ctx, binary, append(append([]string{}, command...), "--help")...).CombinedOutput()
	if err != nil {
		return err.Error() + "\n" + string(out)
	}
	words := "rostrum"
	for _, word := range command {
		if strings.HasPrefix(word, "-") {
			break
		}
		words += " " + word
	}
	usage := regexp.MustCompile(`\n  ` + words + `((?: [A-Z]+)*)(?:| \[.*)\n`).FindSubmatch(out)
	if usage == nil {
		return "the help is of another command:\n" + string(out)
	}
	if wants := strings.Fields(string(usage[1])); len(wants) != len(values) {
		return fmt.Sprintf("it takes the values %v", wants)
	}
	return ""
}

// TestProbesAreThere: a route is a string in the source of the edge or of the wiring.
func TestProbesAreThere(t *testing.T) {
	found := literals(t, "web", "internal/app", "internal/observe")
	for _, probe := range probes {
		if !found[probe] {
			t.Errorf("no route %s in web, internal/app or internal/observe", probe)
		}
	}
}

// literals gives every string in the source, tests aside, of the folders and what is below them.
func literals(t *testing.T, dirs ...string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, dir := range dirs {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if value, err := strconv.Unquote(lit.Value); err == nil {
						found[value] = true
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// TestDockerfile: static, not root, by pinned images, of the Go that go.mod asks for, on the ports of the compose file.
func TestDockerfile(t *testing.T) {
	dockerfile := text(t, root+"/Dockerfile")
	for _, want := range []string{"CGO_ENABLED=0", "-tags timetzdata", "\nFROM scratch\n", "ca-certificates.crt", "\nUSER 65532:65532\n",
		`ENTRYPOINT ["/rostrum"]`} {
		if !strings.Contains(dockerfile, want) {
			t.Errorf("the Dockerfile has no %q", want)
		}
	}
	for _, from := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(dockerfile, -1) {
		if from[1] != "scratch" && (!strings.Contains(from[1], ":") || strings.HasSuffix(from[1], ":latest")) {
			t.Errorf("%s says no version", from[1])
		}
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(text(t, root+"/go.mod"))
	if version == nil || !strings.Contains(dockerfile, "FROM golang:"+version[1]) {
		t.Errorf("the image does not build with the Go of go.mod, %v", version)
	}
	d, err := load(t, text(t, file))
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.config(d.ours()["api"])
	if err != nil {
		t.Fatal(err)
	}
	if want := "EXPOSE " + strings.TrimPrefix(c.HTTP.Listen, ":") + " " + strings.TrimPrefix(c.HTTP.OpsListen, ":") + "\n"; !strings.Contains(dockerfile, want) {
		t.Errorf("the Dockerfile has no %q", want)
	}
	// What the health check runs is in an image that has nothing else.
	if probe := d.ours()["api"].HealthCheck.Test[1]; !strings.Contains(dockerfile, " "+probe+"\n") {
		t.Errorf("the image has no %s", probe)
	}
}
