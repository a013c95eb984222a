package auction

import (
	"hash/fnv"

	"github.com/google/uuid"
)

// DefaultShards is the number of shards of a deployment unless it was created with another.
const DefaultShards = 16

// MaxShards bounds a deployment's shards: each is a stream, a partition and a goroutine.
const MaxShards = 1024

// ShardOf gives the shard of a lot: FNV-1a 64 over the 16 bytes of its group's id, or of its own where it has no group
// (uuid.Nil), mod shards. It is fixed when the lot is made and never changes.
func ShardOf(lot, group uuid.UUID, shards int) int {
	if group != uuid.Nil {
		lot = group
	}
	h := fnv.New64a()
	h.Write(lot[:])
	return int(h.Sum64() % uint64(shards))
}
