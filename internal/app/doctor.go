package app

import (
	"context"
	"fmt"
	"strings"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/internal/fault"
)

// Finding is one line of the doctor's report.
type Finding struct {
	Part   string `json:"part"`
	OK     bool   `json:"ok"`
	Says   string `json:"says"`             // version, or what is wrong
	Remedy string `json:"remedy,omitempty"` // what to do about it
}

// Doctor looks at every dependency: whether it is there, which version, and the settings that matter. It changes nothing,
// and goes on past what it cannot reach.
func (a *App) Doctor(ctx context.Context) []Finding {
	var found []Finding
	say := func(f ...Finding) { found = append(found, f...) }
	say(a.doctorMySQL(ctx)...)
	if a.Store == nil || a.Deployment.Shards == 0 {
		return append(found, Finding{Part: "deployment", Says: "not known without MySQL; Redis and Kafka were not looked at", Remedy: "mend MySQL first"})
	}
	say(Finding{Part: "deployment", OK: true, Says: fmt.Sprintf("%s, %d shards", a.Deployment.ID, a.Deployment.Shards)})
	say(a.doctorRedis(ctx)...)
	return append(found, a.doctorKafka(ctx)...)
}

func (a *App) doctorMySQL(ctx context.Context) []Finding {
	if err := a.OpenStore(ctx); err != nil {
		return []Finding{trouble("mysql", err, "check mysql.dsn, and run rostrum migrate up")}
	}
	version, err := a.Store.Version(ctx)
	if err != nil {
		return []Finding{trouble("mysql", err, "check mysql.dsn")}
	}
	return []Finding{{Part: "mysql", OK: true, Says: version}}
}

func trouble(part string, err error, remedy string) Finding {
	return Finding{Part: part, Says: err.Error(), Remedy: remedy}
}

func (a *App) doctorRedis(ctx context.Context) []Finding {
	if err := a.OpenRedis(ctx); err != nil {
		return []Finding{trouble("redis (gate)", err, "check redis.gate_url")}
	}
	facts, err := a.gateFacts(ctx)
	if err != nil {
		return []Finding{trouble("redis (gate)", err, "check redis.gate_url")}
	}
	found := []Finding{{Part: "redis (gate)", OK: true, Says: orUnknown(facts.Version)}}
	found = append(found, a.gateSettings(facts)...)
	if err := a.Paused(ctx); err != nil {
		return append(found, trouble("shards", err, "start a process with the role relay (and one with worker): it recovers them"))
	}
	return append(found, Finding{Part: "shards", OK: true, Says: "all decide"})
}

// gateSettings compares what receipts promise with what the server does.
func (a *App) gateSettings(f cache.Facts) []Finding {
	promised := auction.Durability(a.Config.Redis.Durability)
	var found []Finding
	check := func(setting, is, want string) {
		if is != "" && is != want {
			found = append(found, Finding{Part: "redis (gate)", Says: fmt.Sprintf("%s is %s", setting, is), Remedy: fmt.Sprintf("set it to %s", want)})
		}
	}
	check("maxmemory-policy", f.MaxMemoryPolicy, "noeviction")
	switch promised {
	case auction.DurableAlways:
		check("appendonly", f.AppendOnly, "yes")
		check("appendfsync", f.AppendFsync, "always")
	case auction.DurableEverySec:
		check("appendonly", f.AppendOnly, "yes")
		if f.AppendFsync == "no" {
			check("appendfsync", f.AppendFsync, "everysec")
		}
	}
	return found
}

// promiseHolds refuses a start whose receipts would promise more than the gate's Redis keeps. A server that does not tell
// its settings is believed.
func (a *App) promiseHolds(ctx context.Context) error {
	facts, err := a.gateFacts(ctx)
	if err != nil {
		return err
	}
	var wrong []string
	for _, f := range a.gateSettings(facts) {
		wrong = append(wrong, f.Says+": "+f.Remedy)
	}
	if len(wrong) > 0 {
		return fault.New(fault.Conflict, "durability", fmt.Sprintf("redis.durability is %s, but the gate's %s", a.Config.Redis.Durability, strings.Join(wrong, "; ")))
	}
	return nil
}

func (a *App) doctorKafka(ctx context.Context) []Finding {
	if err := a.OpenKafka(ctx); err != nil {
		return []Finding{trouble("kafka", err, "check kafka.brokers")}
	}
	changes, err := a.Kafka.Diff(ctx)
	switch {
	case err != nil:
		return []Finding{trouble("kafka", err, "check kafka.brokers")}
	case len(changes) > 0:
		return []Finding{{Part: "kafka", Says: fmt.Sprintf("%d topics differ from topics.yaml", len(changes)), Remedy: "run rostrum topics diff, then apply"}}
	}
	return []Finding{{Part: "kafka", OK: true, Says: "reachable, all topics as described"}}
}

func orUnknown(s string) string {
	if s == "" {
		return "reachable; it does not tell its version"
	}
	return s
}
