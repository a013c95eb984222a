package gate

import (
	"embed"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts/*.lua
var sources embed.FS

// replyVersion is common.lua's REPLY.
const replyVersion = "1"

// Both ids are needed: after a failover to a replica and back, without a restart, only the replication id tells. They are
// asked for together (since Redis 7) and looked for as plain text: a pattern would cost more than asking.
const defaultLineage = `local function lineage()
  local info = redis.call('INFO', 'server', 'replication')
  local function id(name)
    local _, at = string.find(info, name, 1, true)
    return string.sub(info, at + 1, at + 40)
  end
  return id('run_id:'), id('master_replid:')
end
`

const defaultClock = `local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
`

type scripts struct {
	decideText                                                                                         string
	decide, receipt, preheat, close, withdraw, release, sweep, vouched, vouch, load, hold, leave, mark *redis.Script
}

func newScripts(lineage, clock string) scripts {
	if lineage == "" {
		lineage = defaultLineage
	}
	if clock == "" {
		clock = defaultClock
	}
	prelude := lineage + "\n" + clock + "\n" + source("common")
	script := func(name string) *redis.Script { return redis.NewScript(prelude + source(name)) }
	decide := prelude + source("rules") + source("decide")
	return scripts{decideText: decide, decide: redis.NewScript(decide), receipt: script("receipt"), preheat: script("preheat"), close: script("close"),
		withdraw: script("withdraw"), release: script("release"), sweep: script("sweep"), vouched: script("vouched"), vouch: script("vouch"),
		load: script("load"), hold: script("hold"), leave: script("leave"), mark: script("mark")}
}

// source gives a script's text. The names are constants of this file: a missing one is a broken build, seen by any test.
func source(name string) string {
	text, err := sources.ReadFile("scripts/" + name + ".lua")
	if err != nil {
		panic(err)
	}
	return string(text)
}
