package cache

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"rostrum/auction"
)

// The slots are those of CLUSTER KEYSLOT on a real Redis.
func TestSlotOf(t *testing.T) {
	for tag, want := range map[string]int{"": 0, "123456789": 12739, "foo": 12182, "user1000": 3443} {
		if got := slotOf(tag); got != want {
			t.Errorf("slotOf(%q) = %d, want %d", tag, got, want)
		}
	}
}

// Masters own equal, contiguous ranges of slots, as redis-cli deals them out.
func TestShardsLieEvenlyOverMasters(t *testing.T) {
	for _, shards := range []int{16, 64, auction.MaxShards} {
		keys, err := NewKeys("", shards)
		if err != nil {
			t.Fatal(err)
		}
		for _, masters := range []int{2, 3, 4, 5, 6, 8} {
			of := make([]int, masters)
			for shard := range shards {
				of[keys.Slot(shard)*masters/Slots]++
			}
			for master, n := range of {
				if least := shards / masters; n < least-1 || n > least+2 || shards%masters == 0 && n != least {
					t.Errorf("%d shards over %d masters: master %d has %d: %v", shards, masters, master, n, of)
				}
			}
		}
	}
}

// A tag that moved would hide a deployment's keys from it: these are written down.
func TestTagsDoNotChange(t *testing.T) {
	keys, err := NewKeys("", auction.DefaultShards)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(keys.tags, " ")
	want := strings.TrimSpace(read(t, "testdata/tags16.golden.txt"))
	if got != want {
		t.Errorf("tags of 16 shards:\n got %s\nwant %s", got, want)
	}
}

func TestNewKeysRefuses(t *testing.T) {
	for _, c := range []struct {
		prefix string
		shards int
	}{{"a{b", 1}, {"a:b", 1}, {"Upper", 1}, {"a*", 1}, {strings.Repeat("x", 41), 1}, {"ok", 0}, {"ok", auction.MaxShards + 1}} {
		if _, err := NewKeys(c.prefix, c.shards); err == nil {
			t.Errorf("NewKeys(%q, %d): no error", c.prefix, c.shards)
		}
	}
}

// The cabinet in doc.go lists every key that is spelled, and nothing else.
func TestKeysAreInTheTable(t *testing.T) {
	keys, err := NewKeys("p", 1)
	if err != nil {
		t.Fatal(err)
	}
	s, l, b := uuid.New(), uuid.New(), uuid.New()
	code := strings.Repeat("c", auction.CodeLength)
	spelled := []string{keys.Head(0), keys.Journal(0), keys.Lots(0), keys.Lot(0, l), keys.Stock(0, l, code), keys.Bids(0, l),
		keys.Unit(0, s, l, b, 1), keys.Lock(0, l), keys.Lease("<name>"), keys.Deployment(), keys.Card(l), keys.Order(s),
		keys.SessionCard(s), keys.Preheated(s), keys.Sessions("<area>"), keys.IDs(), keys.Fill("<what>"),
		"p:shelf:lead:<session>", keys.Rate("<who>")}
	if got := keys.Lead(s); got != "p:shelf:lead:"+s.String() {
		t.Errorf("Lead = %s", got)
	}
	words := strings.NewReplacer("{"+keys.Tag(0)+"}", "{T}", "{"+s.String()+"}", "{S}", s.String(), "<session>", l.String(), "<lot>",
		b.String()+":1", "<buyer>:<nth>", code, "<code>")
	listed := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^//\tP(:\S+)`).FindAllStringSubmatch(read(t, "doc.go"), -1) {
		listed["p"+line[1]] = true
	}
	for _, key := range spelled {
		form := words.Replace(key)
		if !listed[form] {
			t.Errorf("%s is not in the table of doc.go", form)
		}
		delete(listed, form)
	}
	for form := range listed {
		t.Errorf("doc.go lists %s, which nothing spells", form)
	}
}

func TestShardPatternIsOfOneShard(t *testing.T) {
	keys, err := NewKeys("p", 16)
	if err != nil {
		t.Fatal(err)
	}
	for a := range 16 {
		mine := strings.TrimSuffix(keys.ShardPattern(a), "*")
		for b := range 16 {
			if got := strings.HasPrefix(keys.Head(b), mine); got != (a == b) {
				t.Errorf("pattern of %d matches a key of %d: %v", a, b, got)
			}
		}
		if strings.HasPrefix(keys.Card(uuid.Nil), mine) || strings.HasPrefix(keys.Deployment(), mine) {
			t.Errorf("pattern of %d matches keys that are no shard's", a)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
