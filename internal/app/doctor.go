package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/internal/fault"
	"rostrum/pipeline"
	"rostrum/store"
)

// Finding is one line of the doctor's report.
type Finding struct {
	Part   string `json:"part"`
	OK     bool   `json:"ok"`
	Says   string `json:"says"`             // version, or what is wrong
	Remedy string `json:"remedy,omitempty"` // what to do about it
}

// Doctor looks at every dependency, side by side: whether it is there, which version, and the settings that matter. It
// changes nothing, and what it cannot reach hides nothing else.
func (a *App) Doctor(ctx context.Context) []Finding {
	limit := max(a.Config.Start.WaitForDependencies, 100*time.Millisecond)
	s := a.lookAround(ctx, limit)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	looks := []func() []Finding{
		func() []Finding { return a.doctorMySQL(ctx, s.mysql.err) },
		func() []Finding { return a.doctorDeployment(s) },
		func() []Finding { return a.doctorGate(ctx, s.gate.err) },
		func() []Finding { return a.doctorShelf(ctx) },
		func() []Finding { return a.doctorKafka(ctx, s.kafka) },
	}
	found := make([][]Finding, len(looks))
	var all sync.WaitGroup
	for n, look := range looks {
		all.Go(func() { found[n] = look() })
	}
	all.Wait()
	return slices.Concat(found...)
}

func trouble(part string, err error, remedy string) Finding {
	return Finding{Part: part, Says: err.Error(), Remedy: remedy}
}

// settings collects what is wrong with a part's settings. What a server does not tell is believed.
type settings struct {
	part  string
	found []Finding
}

func (s *settings) wrong(says, remedy string) {
	s.found = append(s.found, Finding{Part: s.part, Says: says, Remedy: remedy})
}

// want says that a setting is to have a value.
func (s *settings) want(name, is, want, because string) {
	if is != "" && is != want {
		s.wrong(fmt.Sprintf("%s is %s", name, is), "set it to "+want+because)
	}
}

func (a *App) doctorMySQL(ctx context.Context, err error) []Finding {
	if err != nil {
		return []Finding{trouble("mysql", err, "check mysql.dsn, and run rostrum migrate up")}
	}
	f, err := a.Store.Inspect(ctx)
	if err != nil {
		return []Finding{trouble("mysql", err, "check mysql.dsn")}
	}
	return append([]Finding{{Part: "mysql", OK: true, Says: f.Version}}, mysqlSettings(f)...)
}

func mysqlSettings(f store.Facts) []Finding {
	s := settings{part: "mysql"}
	s.want("innodb_flush_log_at_trx_commit", f.FlushLogAtCommit, "1", ": else a crash takes back orders that were written")
	if f.LogBin == "ON" || f.LogBin == "1" {
		s.want("sync_binlog", f.SyncBinlog, "1", ": else a replica may miss what the server has")
	}
	s.want("the isolation of our sessions", f.Isolation, "READ-COMMITTED", ": something between here and the server changes sessions")
	if f.MaxPacket > 0 && f.MaxPacket < store.MinPacket {
		s.wrong(fmt.Sprintf("max_allowed_packet is %d bytes", f.MaxPacket), fmt.Sprintf("set it to %d or more: a batch of records may not pass", store.MinPacket))
	}
	return s.found
}

func (a *App) doctorDeployment(s sight) []Finding {
	if err := a.differ(s); err != nil {
		return []Finding{trouble("deployment", err, "join the parts of one installation")}
	}
	none := auction.Deployment{}
	switch {
	case s.mysql.Deployment != none:
		return []Finding{{Part: "deployment", OK: true, Says: fmt.Sprintf("%s, %d shards", a.Deployment.ID, a.Deployment.Shards)}}
	case s.gate.Deployment != none:
		return []Finding{{Part: "deployment", OK: true, Says: fmt.Sprintf("%s, %d shards, as the gate's Redis says", a.Deployment.ID, a.Deployment.Shards)}}
	}
	return []Finding{{Part: "deployment", OK: true, Says: fmt.Sprintf("not known; looked at with the %d of sale.shards", a.Deployment.Shards)}}
}

const partGate = "redis (gate)"

func (a *App) doctorGate(ctx context.Context, err error) []Finding {
	const remedy = "start it, or check redis.gate_url"
	if err != nil {
		return []Finding{trouble(partGate, err, remedy)}
	}
	facts, err := a.gateFacts(ctx)
	if err != nil {
		return []Finding{trouble(partGate, err, remedy)}
	}
	room, err := cache.RoomOf(ctx, a.onGate)
	if err != nil {
		return []Finding{trouble(partGate, err, remedy)}
	}
	journals, err := a.journals(ctx)
	if err != nil {
		return []Finding{trouble(partGate, err, remedy)}
	}
	found := []Finding{{Part: partGate, OK: true, Says: orUnknown(facts.Version)}}
	found = append(found, a.gateSettings(facts)...)
	found = append(found, a.gateSafety(facts)...)
	found = append(found, a.gateMemory(room, journals)...)
	found = append(found, a.doctorShards(ctx), a.doctorRelay(ctx))
	return append(found, a.doctorJournals(journals, time.Now())...)
}

func (a *App) journals(ctx context.Context) ([]auction.JournalStats, error) {
	journals := make([]auction.JournalStats, a.Deployment.Shards)
	for shard := range journals {
		var err error
		if journals[shard], err = a.Gate.Stats(ctx, shard); err != nil {
			return nil, err
		}
	}
	return journals, nil
}

// gateSafety looks at what no promise hangs on but sales do: who may write, and what goes on while a part is away.
func (a *App) gateSafety(f cache.Facts) []Finding {
	s := settings{part: partGate}
	s.want("cluster-require-full-coverage", f.FullCoverage, "no", ": else one master's loss stops the shards of all")
	if f.Replicas != "" && f.Replicas != "0" && f.MinReplicas == "0" {
		s.wrong("min-replicas-to-write is 0, and there are replicas", "set it to 1: else a master that was cut off goes on admitting what its replica never hears of")
	}
	return s.found
}

// journalEntryBytes is what a record takes in a journal, above what was measured of bids (about 300).
const journalEntryBytes = 400

// gateMemory compares what the journals may grow to with what the gate may still take: admission must pause by its own
// budget, not by a Redis that refuses to write.
func (a *App) gateMemory(room cache.Room, journals []auction.JournalStats) []Finding {
	records := int64(a.Config.Relay.JournalMaxRecords) * int64(len(journals))
	for _, j := range journals {
		records -= j.Length
	}
	needs := max(records, 0) * journalEntryBytes
	if !room.Limited || needs <= room.Left {
		return nil
	}
	fits := max(room.Left/journalEntryBytes/int64(len(journals)), 1000)
	return []Finding{{Part: partGate, Says: fmt.Sprintf("maxmemory leaves %d MB, and the journals may take %d MB more", room.Left>>20, needs>>20),
		Remedy: fmt.Sprintf("raise maxmemory, or set relay.journal_max_records to %d: bids must be paused before Redis is full", fits)}}
}

func (a *App) doctorShards(ctx context.Context) Finding {
	if err := a.Paused(ctx); err != nil {
		return trouble("shards", err, "start a process with the role relay (and one with worker): it recovers them")
	}
	return Finding{Part: "shards", OK: true, Says: "all decide"}
}

func (a *App) doctorRelay(ctx context.Context) Finding {
	var alone []int
	for shard := range a.Deployment.Shards {
		owner, err := a.Gate.Holder(ctx, pipeline.LeaseRelay(shard))
		if err != nil {
			return trouble("relay", err, "start it, or check redis.gate_url")
		}
		if owner == "" {
			alone = append(alone, shard)
		}
	}
	if len(alone) > 0 {
		return Finding{Part: "relay", Says: fmt.Sprintf("nobody relays shards %v", alone), Remedy: "start a process with the role relay"}
	}
	return Finding{Part: "relay", OK: true, Says: "every shard has one"}
}

// journalOld is how long a record may wait for the relay: as the alarm RostrumJournalOld has it.
const journalOld = 10 * time.Second

func (a *App) doctorJournals(journals []auction.JournalStats, now time.Time) []Finding {
	s := settings{part: "journal"}
	for shard, j := range journals {
		if old := now.Sub(time.UnixMicro(j.OldestUS)); j.OldestUS > 0 && old > journalOld {
			s.wrong(fmt.Sprintf("a record of shard %d has waited %s to be in Kafka", shard, old.Round(time.Second)), "see what is said of relay and kafka; it drains by itself")
		}
		if most := int64(a.Config.Relay.JournalMaxRecords); j.Length > most/2 {
			s.wrong(fmt.Sprintf("the journal of shard %d holds %d of at most %d records", shard, j.Length, most), "mend Kafka, MySQL or their workers before bids are answered paused")
		}
	}
	return s.found
}

func (a *App) doctorShelf(ctx context.Context) []Finding {
	const part, remedy = "redis (shelf)", "start it, or check redis.shelf_url; bids go on without it, pages are slow"
	if a.onShelf == nil {
		return []Finding{{Part: part, Says: "redis.shelf_url cannot be used", Remedy: "check redis.gate_url and redis.shelf_url"}}
	}
	facts, err := cache.Inspect(ctx, a.onShelf)
	if err != nil {
		return []Finding{trouble(part, err, remedy)}
	}
	room, err := cache.RoomOf(ctx, a.onShelf)
	if err != nil {
		return []Finding{trouble(part, err, remedy)}
	}
	if gate, _ := cache.RoomOf(ctx, a.onGate); a.onShelf == a.onGate || gate.Server != "" && gate.Server == room.Server {
		return []Finding{{Part: part, OK: true, Says: "the gate's Redis"}}
	}
	s := settings{part: part, found: []Finding{{Part: part, OK: true, Says: orUnknown(facts.Version)}}}
	if room.Limited && facts.MaxMemoryPolicy == "noeviction" {
		s.wrong("maxmemory-policy is noeviction", "set it to allkeys-lru: a full shelf should forget, not refuse")
	}
	return s.found
}

// gateSettings compares what receipts promise with what the server does.
func (a *App) gateSettings(f cache.Facts) []Finding {
	promised := auction.Durability(a.Config.Redis.Durability)
	s := settings{part: partGate}
	check := func(setting, is, want string) { s.want(setting, is, want, "") }
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
	return s.found
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

func (a *App) doctorKafka(ctx context.Context, err error) []Finding {
	const part, remedy = "kafka", "start it, or check kafka.brokers"
	if err != nil {
		return []Finding{trouble(part, err, remedy)}
	}
	f, err := a.Kafka.Inspect(ctx)
	if err != nil {
		return []Finding{trouble(part, err, remedy)}
	}
	found := append([]Finding{{Part: part, OK: true, Says: fmt.Sprintf("%d brokers, Kafka %s or later", f.Brokers, f.Release)}}, kafkaCopies(f)...)
	changes, err := a.Kafka.Diff(ctx)
	switch {
	case err != nil:
		return append(found, trouble(part, err, remedy))
	case len(changes) > 0:
		return append(found, Finding{Part: part, Says: fmt.Sprintf("%d topics differ from topics.yaml", len(changes)), Remedy: "run rostrum topics diff, then apply"})
	}
	return append(found, Finding{Part: part, OK: true, Says: "all topics as described"})
}

func kafkaCopies(f pipeline.Facts) []Finding {
	s := settings{part: "kafka"}
	if n := len(f.Closed); n > 0 {
		s.wrong(fmt.Sprintf("%d partitions take nothing, %s first: no leader, or fewer copies in sync than min.insync.replicas", n, f.Closed[0]), "bring brokers back; records wait in the journals")
	}
	if n := len(f.Thin); n > 0 {
		s.wrong(fmt.Sprintf("%d partitions have fewer copies in sync than they should, %s first", n, f.Thin[0]), "bring the missing broker back")
	}
	return s.found
}

func orUnknown(s string) string {
	if s == "" {
		return "reachable; it does not tell its version"
	}
	return s
}
