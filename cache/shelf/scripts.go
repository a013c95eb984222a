package shelf

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed scripts/unlock.lua
	unlockLua string
	//go:embed scripts/page.lua
	pageLua string
	//go:embed scripts/limit.lua
	limitLua string
)

// Script values are a text and its hash; they hold no state.
var (
	unlockScript = redis.NewScript(unlockLua)
	pageScript   = redis.NewScript(pageLua)
	limitScript  = redis.NewScript(limitLua)
)

const replyVersion = "1"
