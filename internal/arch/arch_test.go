package arch

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTheHouseIsAsDrawn(t *testing.T) {
	files, err := Parse(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range files {
		if place, ok := row(f.Dir); ok {
			seen[place] = true
		}
	}
	for _, place := range []string{"goods", "auction", "orders", "accounts", "internal/fault", "internal/arch"} {
		if !seen[place] {
			t.Errorf("no file of %s was parsed", place)
		}
	}
	for _, f := range Check(files) {
		t.Error(f)
	}
	for _, e := range Unused(files) {
		t.Errorf("exception %q is needed no more", e)
	}
}

// house is a small module that obeys every rule; each case below adds or changes one file of it.
func house() fstest.MapFS {
	return files(
		"goods/goods.go", "// Package goods is sold.\npackage goods\n",
		"auction/book.go", "// Package auction decides.\npackage auction\nimport _ \"rostrum/goods\"\n",
		"auction/auctiontest/twin.go", "// Package auctiontest helps.\npackage auctiontest\nimport (\n_ \"testing\"\n_ \"rostrum/auction\"\n)\n",
		"store/apply.go", "// Package store keeps.\npackage store\nimport (\n_ \"github.com/go-sql-driver/mysql\"\n_ \"rostrum/auction\"\n)\n",
		"store/apply_test.go", "package store\nimport (\n_ \"os\"\n_ \"rostrum/auction/auctiontest\"\n_ \"rostrum/internal/live\"\n_ \"rostrum/internal/standin/sql\"\n)\n",
		"internal/live/live.go", "// Package live runs servers.\npackage live\nimport _ \"testing\"\n",
		"internal/standin/sql/sql.go", "// Package sql stands in.\npackage sql\nimport _ \"github.com/ncruces/go-sqlite3\"\n",
		"internal/app/app.go", "// Package app joins.\npackage app\nimport (\n\"context\"\n_ \"rostrum/store\"\n)\nvar _ = context.Background\n",
		"cmd/rostrum/main.go", "// Command rostrum runs.\npackage main\nimport (\n_ \"github.com/spf13/cobra\"\n_ \"rostrum/internal/app\"\n)\n",
		"cmd/demo/main.go", "// Command demo shows.\npackage main\nimport (\n_ \"rostrum/internal/app\"\n_ \"rostrum/internal/standin/sql\"\n)\n",
		"deps.go", "//go:build tools\n\npackage rostrum\nimport _ \"github.com/spf13/viper\"\n",
		"store/testdata/x.go", "not Go at all",
	)
}

func files(pairs ...string) fstest.MapFS {
	tree := fstest.MapFS{}
	for n := 0; n < len(pairs); n += 2 {
		tree[pairs[n]] = &fstest.MapFile{Data: []byte(pairs[n+1])}
	}
	return tree
}

func found(t *testing.T, tree fstest.MapFS) []string {
	t.Helper()
	parsed, err := Parse(tree)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range Check(parsed) {
		if f.Way == "" || f.Line < 1 {
			t.Errorf("%+v shows no way out", f)
		}
		all = append(all, f.String())
	}
	return all
}

func TestAGoodHouseHasNoFindings(t *testing.T) {
	if all := found(t, house()); len(all) > 0 {
		t.Errorf("%s", strings.Join(all, "\n"))
	}
}

func TestEachRuleIsSeenToFail(t *testing.T) {
	const doc = "// Package x is here.\n"
	for name, c := range map[string]struct{ path, source, want string }{
		"cache imports store":           {"cache/c.go", doc + "package cache\nimport _ \"rostrum/store\"\n", "cache/c.go:3: cache imports rostrum/store"},
		"web imports cache":             {"web/w.go", doc + "package web\nimport _ \"rostrum/cache\"\n", "no arrow leads there"},
		"auction imports orders":        {"auction/a.go", "package auction\nimport _ \"rostrum/orders\"\n", "auction/a.go:2: auction imports"},
		"goods imports auction":         {"goods/a.go", "package goods\nimport _ \"rostrum/auction\"\n", "no arrow leads there"},
		"a test crosses rooms":          {"store/x_test.go", "package store\nimport _ \"rostrum/pipeline\"\n", "no arrow leads there"},
		"cmd imports store":             {"cmd/rostrum/x.go", "package main\nimport _ \"rostrum/store\"\n", "no arrow leads there"},
		"a package nobody drew":         {"util/u.go", doc + "package util\n", "util is not in the drawing"},
		"viper in app":                  {"internal/app/x.go", "package app\nimport _ \"github.com/spf13/viper\"\n", "viper is for [internal/config] only"},
		"kafka-go in store":             {"store/x.go", "package store\nimport _ \"github.com/segmentio/kafka-go/protocol\"\n", "store/x.go:2"},
		"go-redis in app":               {"internal/app/x.go", "package app\nimport _ \"github.com/redis/go-redis/v9\"\n", "Redis"},
		"redsync in app":                {"internal/app/x.go", "package app\nimport _ \"github.com/go-redsync/redsync/v4\"\n", "auction.Leases"},
		"mysql in app":                  {"internal/app/x.go", "package app\nimport _ \"github.com/go-sql-driver/mysql\"\n", "MySQL"},
		"fiber in app":                  {"internal/app/x.go", "package app\nimport _ \"github.com/gofiber/fiber/v2\"\n", "HTTP"},
		"cobra in app":                  {"internal/app/x.go", "package app\nimport _ \"github.com/spf13/cobra\"\n", "cobra is for [cmd] only"},
		"miniredis in app":              {"internal/app/x.go", "package app\nimport _ \"github.com/alicebob/miniredis/v2\"\n", "stand-in"},
		"kfake in pipeline":             {"pipeline/x.go", doc + "package pipeline\nimport _ \"github.com/twmb/franz-go/pkg/kfake\"\n", "stand-in"},
		"testing in store":              {"store/x.go", "package store\nimport _ \"testing\"\n", "for tests"},
		"net in auction":                {"auction/x.go", "package auction\nimport _ \"net/url\"\n", "auction is pure and imports net/url"},
		"os in goods":                   {"goods/x.go", "package goods\nimport _ \"os\"\n", "goods is pure and imports os"},
		"sql in auction":                {"auction/x.go", "package auction\nimport _ \"database/sql/driver\"\n", "pure"},
		"rand in auction":               {"auction/x.go", "package auction\nimport _ \"math/rand/v2\"\n", "pure"},
		"a clock in auction":            {"auction/x.go", "package auction\nimport \"time\"\n\nvar x = time.Now()\n", "auction/x.go:4: auction is pure and uses time.Now"},
		"a clock by another name":       {"auction/x.go", "package auction\nimport clock \"time\"\nvar x = clock.Since\n", "uses time.Since"},
		"a helper in production":        {"store/x.go", "package store\nimport _ \"rostrum/auction/auctiontest\"\n", "auction/auctiontest is for tests only"},
		"live in production":            {"store/x.go", "package store\nimport _ \"rostrum/internal/live\"\n", "internal/live is for tests only"},
		"a stand-in in app":             {"internal/app/x.go", "package app\nimport _ \"rostrum/internal/standin/sql\"\n", "internal/standin/sql is a stand-in"},
		"a stand-in within reach":       {"internal/app/x.go", "package app\nimport _ \"rostrum/internal/standin/sql\"\n", "cmd/rostrum reaches internal/standin/sql"},
		"a sleep in a test":             {"store/x_test.go", "package store\nimport \"time\"\nfunc f() { time.Sleep(1) }\n", "store/x_test.go:3: a test sleeps"},
		"a sleep in a helper":           {"auction/auctiontest/x.go", "package auctiontest\nimport \"time\"\nfunc f() { time.Sleep(1) }\n", "a test sleeps"},
		"a context begins in the store": {"store/x.go", "package store\nimport \"context\"\nvar x = context.Background()\n", "store/x.go:3: a context begins here"},
		"a context to do":               {"store/x.go", "package store\nimport \"context\"\nvar x = context.TODO()\n", "a context begins here"},
		"a long file":                   {"store/x.go", "package store\n" + strings.Repeat("//\n", maxLines), fmt.Sprintf("%d lines", maxLines+1)},
		"no package comment":            {"pipeline/x.go", "package pipeline\n", "package pipeline has no package comment"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := house()
			tree[c.path] = &fstest.MapFile{Data: []byte(c.source)}
			all := strings.Join(found(t, tree), "\n")
			if want := strings.ReplaceAll(c.want, "imports rostrum/", "imports "); !strings.Contains(all, want) {
				t.Errorf("found %q, want %q in it", all, want)
			}
		})
	}
}

func TestWhatIsAllowedStaysAllowed(t *testing.T) {
	for name, c := range map[string]struct{ path, source string }{
		"os in a pure test":         {"auction/x_test.go", "package auction\nimport _ \"os\"\n"},
		"a local named like time":   {"auction/x.go", "package auction\ntype clock struct{}\nfunc (clock) Now() {}\nfunc f(time clock) { time.Now() }\n"},
		"a long generated file":     {"store/x.go", "// Code generated by sqlc. DO NOT EDIT.\n\npackage store\n" + strings.Repeat("//\n", maxLines)},
		"a library in a test":       {"store/x_test.go", "package store\nimport _ \"github.com/redis/go-redis/v9\"\n"},
		"a context in a test":       {"store/x_test.go", "package store\nimport \"context\"\nvar x = context.Background()\n"},
		"packages that begin alike": {"storefront/x_test.go", "// Package storefront is none.\npackage storefront\n"},
	} {
		tree := house()
		tree[c.path] = &fstest.MapFile{Data: []byte(c.source)}
		all := found(t, tree)
		if name == "packages that begin alike" {
			if len(all) != 1 || !strings.Contains(all[0], "not in the drawing") {
				t.Errorf("%s: %v", name, all)
			}
		} else if len(all) > 0 {
			t.Errorf("%s: %v", name, all)
		}
	}
}

func TestParseSaysWhichFileIsBroken(t *testing.T) {
	if _, err := Parse(files("store/x.go", "package")); err == nil || !strings.Contains(err.Error(), "store/x.go") {
		t.Errorf("error %v", err)
	}
}
