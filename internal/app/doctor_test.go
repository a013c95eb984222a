package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/internal/config"
	"rostrum/internal/live"
	"rostrum/pipeline"
	"rostrum/store"
)

// bad wants a finding of a part that is not right, says something and has a remedy.
func bad(t *testing.T, found []Finding, part, says, remedy string) {
	t.Helper()
	if !slices.ContainsFunc(found, func(f Finding) bool {
		return !f.OK && f.Part == part && strings.Contains(f.Says, says) && strings.Contains(f.Remedy, remedy)
	}) {
		t.Errorf("nothing about %s that says %q with the remedy %q:\n%+v", part, says, remedy, found)
	}
}

func wrongParts(found []Finding) (parts []string) {
	for _, f := range found {
		if !f.OK {
			parts = append(parts, f.Part)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(parts)))
}

func TestDoctorOnSettings(t *testing.T) {
	a := opsApp("")
	a.Config.Redis.Durability = string(auction.DurableAlways)
	a.Config.Relay.JournalMaxRecords = 1000
	good := cache.Facts{AppendOnly: "yes", AppendFsync: "always", MaxMemoryPolicy: "noeviction", Replicas: "1", MinReplicas: "1", FullCoverage: "no"}
	gate := func(change func(f *cache.Facts)) []Finding {
		f := good
		change(&f)
		return append(a.gateSettings(f), a.gateSafety(f)...)
	}
	journals := make([]auction.JournalStats, 4)
	now := time.UnixMicro(1_000_000_000)
	journal := func(change func(s *auction.JournalStats)) []Finding {
		waiting := slices.Clone(journals)
		change(&waiting[2])
		return a.doctorJournals(waiting, now)
	}
	sound := store.Facts{FlushLogAtCommit: "1", LogBin: "ON", SyncBinlog: "1", Isolation: "READ-COMMITTED", MaxPacket: store.MinPacket}
	mysql := func(change func(f *store.Facts)) []Finding {
		f := sound
		change(&f)
		return mysqlSettings(f)
	}
	for _, c := range []struct {
		found              []Finding
		part, says, remedy string // none: all is well
	}{
		{found: gate(func(*cache.Facts) {})},
		{found: gate(func(f *cache.Facts) { *f = cache.Facts{} })}, // a server that does not tell is believed
		{gate(func(f *cache.Facts) { f.MaxMemoryPolicy = "allkeys-lru" }), partGate, "maxmemory-policy is allkeys-lru", "noeviction"},
		{gate(func(f *cache.Facts) { f.AppendOnly = "no" }), partGate, "appendonly is no", "set it to yes"},
		{gate(func(f *cache.Facts) { f.AppendFsync = "everysec" }), partGate, "appendfsync is everysec", "set it to always"},
		{gate(func(f *cache.Facts) { f.MinReplicas = "0" }), partGate, "min-replicas-to-write is 0", "set it to 1"},
		{found: gate(func(f *cache.Facts) { f.MinReplicas, f.Replicas = "0", "0" })},
		{gate(func(f *cache.Facts) { f.FullCoverage = "yes" }), partGate, "cluster-require-full-coverage is yes", "set it to no"},
		{gate(func(f *cache.Facts) { f.FullCoverage = "no and yes" }), partGate, "cluster-require-full-coverage", "set it to no"},

		{found: a.gateMemory(cache.Room{}, journals)},
		{found: a.gateMemory(cache.Room{Limited: true, Left: 4000 * journalEntryBytes}, journals)},
		{found: a.gateMemory(cache.Room{Limited: true, Left: 3000 * journalEntryBytes}, []auction.JournalStats{{Length: 1000}, {}, {}, {}})},
		{a.gateMemory(cache.Room{Limited: true, Left: 3999 * journalEntryBytes}, journals), partGate, "maxmemory leaves 1 MB", "relay.journal_max_records to 1000"},

		{found: journal(func(s *auction.JournalStats) { s.Length, s.OldestUS = 500, now.Add(-9*time.Second).UnixMicro() })},
		{journal(func(s *auction.JournalStats) { s.Length, s.OldestUS = 1, now.Add(-35*time.Second).UnixMicro() }), "journal", "shard 2 has waited 35s", "relay and kafka"},
		{journal(func(s *auction.JournalStats) { s.Length = 501 }), "journal", "shard 2 holds 501 of at most 1000", "mend Kafka, MySQL"},

		{found: mysql(func(*store.Facts) {})},
		{found: mysql(func(f *store.Facts) { *f = store.Facts{Version: "?"} })},
		{mysql(func(f *store.Facts) { f.FlushLogAtCommit = "2" }), "mysql", "innodb_flush_log_at_trx_commit is 2", "set it to 1"},
		{mysql(func(f *store.Facts) { f.SyncBinlog = "0" }), "mysql", "sync_binlog is 0", "set it to 1"},
		{found: mysql(func(f *store.Facts) { f.SyncBinlog, f.LogBin = "0", "OFF" })},
		{mysql(func(f *store.Facts) { f.Isolation = "REPEATABLE-READ" }), "mysql", "REPEATABLE-READ", "READ-COMMITTED"},
		{mysql(func(f *store.Facts) { f.MaxPacket-- }), "mysql", "max_allowed_packet", "16777216"},

		{found: kafkaCopies(pipeline.Facts{})},
		{kafkaCopies(pipeline.Facts{Closed: []string{"j/3", "j/4"}}), "kafka", "2 partitions take nothing, j/3", "bring brokers back"},
		{kafkaCopies(pipeline.Facts{Thin: []string{"j/3"}}), "kafka", "1 partitions have fewer copies", "bring the missing broker back"},
	} {
		if c.part != "" {
			bad(t, c.found, c.part, c.says, c.remedy)
		}
		if wanted := map[bool]int{true: 1}[c.part != ""]; len(c.found) != wanted {
			t.Errorf("%d findings, want %d: %+v", len(c.found), wanted, c.found)
		}
	}
}

// With one part away the doctor looks at all others, and nothing is wrong but that part and what hangs on it.
func TestDoctorLooksPastWhatIsAway(t *testing.T) {
	i := install(t, standins(t), longLease)
	look := lookers(t, i.on, i.prefix)
	if found := look(t, func(*config.Config, *Parts) {}).Doctor(t.Context()); len(wrongParts(found)) > 0 {
		t.Fatalf("all is well, and the doctor says %+v", found)
	}
	nobody := live.FreeAddr(t)
	away := map[string]func(c *config.Config, p *Parts){"shelf": func(c *config.Config, _ *Parts) {
		c.Redis.ShelfURL = config.Secret("redis://" + nobody + "/0")
	}}
	for part, make := range partsAway {
		away[part] = make(nobody)
	}
	for part, c := range map[string]struct{ name, remedy string }{
		"gate": {partGate, "check redis.gate_url"}, "shelf": {"redis (shelf)", "check redis.shelf_url"},
		"kafka": {"kafka", "check kafka.brokers"}, "mysql": {"mysql", "check mysql.dsn"},
	} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			a := look(t, func(cfg *config.Config, p *Parts) {
				away[part](cfg, p)
				cfg.Start.WaitForDependencies = 3 * time.Second
			})
			found := a.Doctor(t.Context())
			bad(t, found, c.name, "", c.remedy)
			wrong := wrongParts(found)
			if part == "gate" { // the shelf is the same server here
				wrong = slices.DeleteFunc(wrong, func(p string) bool { return p == "redis (shelf)" })
			}
			if !slices.Equal(wrong, []string{c.name}) {
				t.Errorf("with the %s away these are wrong: %v\n%+v", part, wrong, found)
			}
			for _, other := range []string{"mysql", "deployment", partGate, "redis (shelf)", "kafka"} {
				if !slices.ContainsFunc(found, func(f Finding) bool { return f.Part == other }) {
					t.Errorf("%s was not looked at: %+v", other, found)
				}
			}
		})
	}
}

// A process that nobody relays for, and a Redis that is set up to forget, are found on a real server.
func TestDoctorOnAServerThatIsSetUpWrong(t *testing.T) {
	gate := live.StartGate(t, "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru", "--appendonly", "no")
	on := real(t, live.MySQL(t), gate.Addr(), auction.DurableEverySec)
	a := lookers(t, on, "")(t, func(*config.Config, *Parts) {})
	must(t, a.OpenStore(t.Context()))
	found := lookers(t, on, "")(t, func(*config.Config, *Parts) {}).Doctor(t.Context())
	bad(t, found, partGate, "maxmemory-policy is allkeys-lru", "set it to noeviction")
	bad(t, found, partGate, "appendonly is no", "set it to yes")
	bad(t, found, partGate, "maxmemory leaves", "relay.journal_max_records")
	bad(t, found, "relay", "nobody relays shards [0 1 2 3]", "role relay")
	bad(t, found, "shards", "paused", "role relay")
	bad(t, found, "kafka", "topics differ", "rostrum topics diff")
}

// A node is ready without Kafka and without the shelf: bids go on. Who asks for all is told.
func TestReadinessNamesWhatIsAway(t *testing.T) {
	i := install(t, standins(t))
	look := lookers(t, i.on, i.prefix)
	nobody := live.FreeAddr(t)
	for part, change := range map[string]func(c *config.Config, p *Parts){
		"kafka": partsAway["kafka"](nobody),
		"shelf": func(c *config.Config, _ *Parts) { c.Redis.ShelfURL = config.Secret("redis://" + nobody + "/0") },
		"mysql": partsAway["mysql"](nobody),
		"gate":  partsAway["gate"](nobody),
	} {
		a := look(t, change)
		must(t, a.OpenToLook(t.Context()))
		found := checks{a}.Check(t.Context(), true)
		var names, away []string
		for _, c := range found {
			names = append(names, c.Name)
			if c.Detail != "" {
				away = append(away, c.Name)
			}
			if c.OK != (part != "gate" || c.Name != "gate") {
				t.Errorf("with the %s away, %s is %+v", part, c.Name, c)
			}
		}
		if !slices.Equal(names, []string{"gate", "shards", "mysql", "kafka", "shelf"}) || !slices.Contains(away, part) {
			t.Errorf("with the %s away: asked %v, away %v", part, names, away)
		}
		if few := (checks{a}).Check(t.Context(), false); len(few) != 1 || few[0].OK != (part != "gate") {
			t.Errorf("the plain question: %+v", few)
		}
	}
}
