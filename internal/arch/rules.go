package arch

import "slices"

// pure are the packages that decide and never touch the world.
var pure = []string{"goods", "auction", "orders", "accounts"}

// words are what every room speaks in: the pure packages and the small ones below them.
var words = append([]string{"internal/money", "internal/fault", "internal/trace"}, pure...)

// arrows is the drawing: which packages of the module a package (and what lies below it) may import. The longest row
// that fits counts; a package without a row has no place in the house.
var arrows = map[string][]string{
	"internal/money": {},
	"internal/fault": {},
	"internal/trace": {},
	"goods":          {"internal/money", "internal/fault"},
	"auction":        {"auction", "goods", "internal/money", "internal/fault"},
	"orders":         {"orders", "auction", "goods", "internal/money", "internal/fault"},
	"accounts":       {"accounts", "auction", "goods", "internal/money", "internal/fault"},

	"cache":             with(words, "cache"),
	"pipeline":          with(words, "pipeline"),
	"store":             with(words, "store"),
	"web":               with(words, "web"),
	"internal/recovery": words,

	"internal/config":  {"internal/money", "internal/fault"},
	"internal/observe": {"internal/money", "internal/fault", "internal/trace"},
	"internal/app": with(words, "internal/app", "web", "cache", "pipeline", "store", "internal/recovery", "internal/config",
		"internal/observe"),

	"cmd":      with(words, "internal/app", "internal/config", "internal/observe", "internal/simulate"),
	"cmd/demo": with(words, "internal/app", "internal/config", "internal/observe", "internal/standin", "internal/crowd"),
	"cmd/lab":  with(words, "internal/app", "internal/config", "internal/observe", "internal/standin", "internal/crowd"),

	// It times parts of the platform one by one, each beside its bare yardstick, and so must reach them.
	"internal/bench": with(words, "internal/app", "internal/config", "cache", "pipeline"),
	"cmd/bench":      with(words, "internal/bench"),

	"internal/standin":  with(words, "internal/standin", "store"), // SQL's stand-in must know the store's statements
	"internal/simulate": words,                                    // a crowd under measurement, which knows the installation from outside only
	"internal/crowd":    with(words, "internal/simulate"),         // bidders, who know the sale from outside only
	"internal/live":     {},
	"internal/arch":     {},
	"internal/compose":  {"internal/config"},
	"deploy":            {},
}

func with(places []string, more ...string) []string { return append(slices.Clone(places), more...) }

// room says where a library lives. Tests and their helpers may use any.
type room struct {
	library string // and all below it
	in      []string
	because string
}

var rooms = []room{
	{"github.com/spf13/viper", []string{"internal/config"}, "Everybody else gets plain structs"},
	{"github.com/spf13/cobra", []string{"cmd"}, "What a command does belongs into internal/app"},
	{"github.com/segmentio/kafka-go", []string{"pipeline", "cmd", "internal/standin", "internal/bench"}, "Say in a port what you need of Kafka"},
	{"github.com/redis/go-redis", []string{"cache", "internal/standin"}, "Say in a port what you need of Redis"},
	{"github.com/go-redsync/redsync", []string{"cache"}, "Use auction.Leases"},
	{"github.com/go-sql-driver/mysql", []string{"store", "internal/standin"}, "Say in a port what you need of MySQL"},
	{"github.com/pressly/goose", []string{"store"}, "Migrations are the store's"},
	{"github.com/gofiber/fiber", []string{"web", "deploy/coldbuild", "internal/bench"}, "Nobody else thinks about HTTP"},
	{"github.com/danielgtaylor/huma", []string{"web"}, "Nobody else thinks about HTTP"},
	{"github.com/alicebob/miniredis", standins, "A stand-in must not reach a production binary"},
	{"github.com/twmb/franz-go", standins, "A stand-in must not reach a production binary"},
	{"github.com/ncruces/go-sqlite3", standins, "A stand-in must not reach a production binary"},
	{"pgregory.net/rapid", nil, "It is for tests: use it in _test.go files or a *test package"},
	{"github.com/google/go-cmp", nil, "It is for tests: use it in _test.go files or a *test package"},
	{"testing", nil, "It is for tests: use it in _test.go files or a *test package"},
}

var standins = []string{"internal/standin", "cmd/demo"}

// impure is what pure packages must not import, with all below it.
var impure = []string{"net", "os", "database/sql", "syscall", "log", "embed", "math/rand", "crypto/rand", "io/ioutil"}

// clocks are what pure packages must not call: time comes in as a parameter.
var clocks = []string{"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.AfterFunc", "time.Tick",
	"time.NewTimer", "time.NewTicker"}

// Where a context may begin: the programs, their wiring, the edge, whose library gives requests none, and stand-ins,
// whose servers are their own programs.
var beginnings = []string{"cmd", "internal/app", "web", "internal/standin"}

// exceptions are files that may name a thing which their place may not, each with its reason.
var exceptions = map[string]string{
	"store/statements.go context.Background": "prepares on a recorder that does no I/O",
}

// forTestsToo are rooms that tests of any package may enter beside their own arrows.
var forTestsToo = []string{"internal/standin", "internal/crowd", "internal/simulate", "internal/config"}

// No program that serves a sale may reach these from cmd/rostrum.
var (
	production = "cmd/rostrum"
	unsafe     = []string{"internal/standin", "internal/crowd", "internal/live", "internal/bench", "cmd/demo", "cmd/bench", "cmd/lab"}
)

// maxLines bounds a file that a person wrote: one subject fits.
const maxLines = 450
