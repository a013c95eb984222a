package cache

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"

	"github.com/google/uuid"

	"rostrum/auction"
)

// DefaultPrefix begins every key unless another prefix was chosen.
const DefaultPrefix = "rostrum"

// Slots is the number of hash slots of a Redis Cluster.
const Slots = 16384

// A prefix may hold nothing that means something in a key or in a SCAN pattern.
var prefixForm = regexp.MustCompile(`^[a-z0-9._-]{1,40}$`)

// Keys spells every key of one deployment. It is safe for concurrent use and never changes.
type Keys struct {
	prefix string
	tags   []string
	shards []string // what the keys of each shard begin with
}

// NewKeys makes the keys under a prefix ("": DefaultPrefix) for a number of shards, 1 … auction.MaxShards.
func NewKeys(prefix string, shards int) (Keys, error) {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	if !prefixForm.MatchString(prefix) {
		return Keys{}, fmt.Errorf("key prefix %q: want 1 … 40 of a-z 0-9 . _ -", prefix)
	}
	if shards < 1 || shards > auction.MaxShards {
		return Keys{}, fmt.Errorf("%d shards: want 1 … %d", shards, auction.MaxShards)
	}
	k := Keys{prefix: prefix, tags: make([]string, shards), shards: make([]string, shards)}
	for shard := range k.tags {
		k.tags[shard] = tagFor(shard, shards)
		k.shards[shard] = prefix + ":{" + k.tags[shard] + "}:"
	}
	return k, nil
}

// tagFor gives the shard's hash tag: `<shard>.<n>` with the smallest n whose slot falls into the shard's share of the
// slots. Masters own ranges of slots, so shards whose slots lie evenly lie evenly over any number of masters.
func tagFor(shard, shards int) string {
	for n := 0; ; n++ {
		tag := strconv.Itoa(shard) + "." + strconv.Itoa(n)
		if slotOf(tag)*shards/Slots == shard {
			return tag
		}
	}
}

// slotOf gives the slot of a hash tag: CRC16 (XMODEM) mod Slots.
func slotOf(tag string) int {
	const polynomial = 0x1021
	crc := uint16(0)
	for i := range len(tag) {
		crc ^= uint16(tag[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ polynomial
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc) % Slots
}

// Shards gives the number of shards.
func (k Keys) Shards() int { return len(k.tags) }

// Tag gives a shard's hash tag, without braces.
func (k Keys) Tag(shard int) string { return k.tags[shard] }

// Slot gives the cluster slot in which all keys of a shard lie.
func (k Keys) Slot(shard int) int { return slotOf(k.tags[shard]) }

func (k Keys) shard(shard int) string { return k.shards[shard] }

// ShardPattern matches every key of a shard and no other, for SCAN.
func (k Keys) ShardPattern(shard int) string { return k.shard(shard) + "*" }

// Head is the shard's vouch, epoch, seq and last time.
func (k Keys) Head(shard int) string { return k.shard(shard) + "head" }

// Journal is the shard's stream of records.
func (k Keys) Journal(shard int) string { return k.shard(shard) + "journal" }

// Lots is the set of lots that the shard holds.
func (k Keys) Lots(shard int) string { return k.shard(shard) + "lots" }

// Lot is a lot's terms and state.
func (k Keys) Lot(shard int, lot uuid.UUID) string { return k.shard(shard) + "lot:" + lot.String() }

// Stock is a lot's units left. Who does not know the code cannot name it. The code must be well formed, or
// empty, which names no stock.
func (k Keys) Stock(shard int, lot uuid.UUID, code string) string {
	return k.shard(shard) + "stock:" + lot.String() + ":" + code
}

// Bids is a lot's receipts.
func (k Keys) Bids(shard int, lot uuid.UUID) string { return k.shard(shard) + "bids:" + lot.String() }

// Unit is the purchase marker of a buyer's nth unit of a lot.
func (k Keys) Unit(shard int, session, lot, buyer uuid.UUID, nth int) string {
	return string(k.AppendUnit(nil, shard, session, lot, buyer, nth))
}

// AppendUnit appends what Unit gives: a group of bids has one key a bid.
func (k Keys) AppendUnit(b []byte, shard int, session, lot, buyer uuid.UUID, nth int) []byte {
	b = append(append(b, k.shard(shard)...), "unit:"...)
	for _, id := range [...]uuid.UUID{session, lot, buyer} {
		b = append(AppendID(b, id), ':')
	}
	return strconv.AppendInt(b, int64(nth), 10)
}

// AppendID appends an id as uuid.UUID.String spells it.
func AppendID(b []byte, id uuid.UUID) []byte {
	b = append(hex.AppendEncode(b, id[:4]), '-')
	b = append(hex.AppendEncode(b, id[4:6]), '-')
	b = append(hex.AppendEncode(b, id[6:8]), '-')
	b = append(hex.AppendEncode(b, id[8:10]), '-')
	return hex.AppendEncode(b, id[10:])
}

// Lock is a lot's random-code lock.
func (k Keys) Lock(shard int, lot uuid.UUID) string { return k.shard(shard) + "lock:" + lot.String() }

// Lease is the lease of that name.
func (k Keys) Lease(name string) string { return k.prefix + ":lease:" + name }

// Deployment says which deployment this Redis belongs to.
func (k Keys) Deployment() string { return k.prefix + ":deployment" }

func (k Keys) shelf() string { return k.prefix + ":shelf:" }

func (k Keys) session(session uuid.UUID) string { return k.shelf() + "{" + session.String() + "}:" }

// Card is a lot's card, or says that there is no such lot.
func (k Keys) Card(lot uuid.UUID) string { return string(k.AppendCard(nil, lot)) }

// AppendCard appends what Card gives, which ends with the lot's id: preheating has a hundred thousand of them.
func (k Keys) AppendCard(b []byte, lot uuid.UUID) []byte {
	return AppendID(append(append(b, k.prefix...), ":shelf:lot:"...), lot)
}

// Order is the set of a session's lots by their place.
func (k Keys) Order(session uuid.UUID) string { return k.session(session) + "order" }

// SessionCard is a session's card.
func (k Keys) SessionCard(session uuid.UUID) string { return k.session(session) + "session" }

// Preheated says how far a session's preheating has come.
func (k Keys) Preheated(session uuid.UUID) string { return k.session(session) + "preheated" }

// Sessions is an area's list of sessions.
func (k Keys) Sessions(area string) string { return k.shelf() + "sessions:" + area }

// IDs is the stream of published lots' ids.
func (k Keys) IDs() string { return k.shelf() + "ids" }

// Fill is the lock of who fills another key of the shelf.
func (k Keys) Fill(what string) string { return k.shelf() + "fill:" + what }

// Lead is the lease of who preheats a session.
func (k Keys) Lead(session uuid.UUID) string { return k.shelf() + "lead:" + session.String() }

// Rate is a limiter's state.
func (k Keys) Rate(who string) string { return k.shelf() + "rate:" + who }
