package app

import (
	_ "embed"
	"regexp"
	"slices"
	"testing"

	"rostrum/internal/config"
)

//go:embed doc.go
var packageDoc string

// The order in which things are started, which read from the end is the order of the stop, is the one that the package's
// page shows, each with its reason.
func TestTheOrderOfAStart(t *testing.T) {
	i := install(t, standins(t))
	for _, c := range []struct {
		roles []string
		ops   string
		want  []string
	}{
		{config.Development().Roles, "127.0.0.1:0", []string{"metrics", "ops", "consumer", "publisher", "relay", "shards", "marks",
			"preheat", "closing", "releasing", "sessions", "sweeping", "shelf", "api", "ready"}},
		{[]string{config.RoleAPI}, "", []string{"metrics", "shelf", "api"}},
		{[]string{config.RoleAPI, config.RoleWorker}, "", []string{"metrics", "consumer", "publisher", "shelf", "api"}}, // not the order they are written in
		{[]string{config.RoleRelay}, "127.0.0.1:0", []string{"metrics", "ops", "relay", "shards", "marks", "ready"}},
	} {
		a := lookers(t, i.on, i.prefix)(t, func(cfg *config.Config, _ *Parts) { cfg.Roles, cfg.HTTP.OpsListen = c.roles, c.ops })
		must(t, a.Open(t.Context()))
		var names []string
		last := 0
		for _, st := range a.steps() {
			names = append(names, st.name)
			line := regexp.MustCompile(`(?m)^//\t` + st.name + ` +(all|worker|relay|closer|api) +` + regexp.QuoteMeta(st.why) + `$`)
			if at := line.FindStringIndex(packageDoc); at == nil || st.why == "" {
				t.Errorf("doc.go does not say of %s that %q", st.name, st.why)
			} else if at[0] < last {
				t.Errorf("doc.go has %s in another place", st.name)
			} else {
				last = at[0]
			}
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("roles %v start %v, want %v", c.roles, names, c.want)
		}
	}
}
