package auction

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"

	"github.com/google/uuid"

	"rostrum/internal/fault"
)

// MinSliceStock is the least number of units of one slice: an item that is sold as a single unit has its state from that
// unit's order, which no slice may pretend to be.
const MinSliceStock = 2

// SliceOf gives the slice, 0 … slices-1, in which a buyer may bid: FNV-1a 64 over the 16 bytes of the buyer's id, mod
// slices. A buyer has one slice of a lot, so a limit per buyer holds though the slices know nothing of one another.
func SliceOf(buyer uuid.UUID, slices int) int {
	if slices <= 1 {
		return 0
	}
	h := fnv.New64a()
	h.Write(buyer[:])
	return int(h.Sum64() % uint64(slices))
}

// Serves says whether the buyer may bid on the lot: everybody on one that is not in slices, else those of its slice. To
// the others it is not there. Who is nobody (uuid.Nil) is shown the first slice.
func (l *Lot) Serves(buyer uuid.UUID) bool { return l.Slice == l.SliceFor(buyer) }

// SliceFor gives the slice of the lot that serves the buyer.
func (l *Lot) SliceFor(buyer uuid.UUID) int {
	if l.SliceOf == uuid.Nil || buyer == uuid.Nil {
		return 0
	}
	return SliceOf(buyer, l.Slices)
}

// Sibling gives the id of another slice of the same lot; of a lot that is not in slices its own.
func (l *Lot) Sibling(slice, shards int) uuid.UUID {
	if l.SliceOf == uuid.Nil {
		return l.ID
	}
	return SliceID(l.SliceOf, slice, l.Slices, shards)
}

// SliceID gives the id of a slice. The first slice keeps the lot's id. Each other id is derived from that, so that
// whoever knows one slice knows all, and is drawn until its shard is the one that the slice is to have: they begin at the
// first slice's and lie as far from one another as the shards allow, so that they fall to different servers.
func SliceID(lot uuid.UUID, slice, slices, shards int) uuid.UUID {
	if slice == 0 {
		return lot
	}
	want := (ShardOf(lot, uuid.Nil, shards) + slice*shards/slices) % shards
	var text [16 + 8]byte
	copy(text[:], lot[:])
	binary.BigEndian.PutUint32(text[16:], uint32(slice))
	for draw := uint32(0); ; draw++ { // one in `shards` draws fits
		binary.BigEndian.PutUint32(text[20:], draw)
		drawn, id := sha256.Sum256(text[:]), lot
		copy(id[6:], drawn[:]) // the time stays: ids of slices stand together
		id[6], id[8] = id[6]&0x0f|lot[6]&0xf0, id[8]&0x3f|0x80
		if ShardOf(id, uuid.Nil, shards) == want {
			return id
		}
	}
}

// CheckSlices says what is wrong with the number of slices of a draft lot; nil for nothing. The prefix is as in CheckLot.
func CheckSlices(prefix string, l Lot, shards int) []fault.Field {
	if l.Slices == 0 || l.Slices == 1 {
		return nil
	}
	most := min(int64(shards), l.Stock/MinSliceStock)
	wrong := func(detail, remedy string) []fault.Field {
		return []fault.Field{{Name: prefix + "slices", Detail: detail, Remedy: remedy}}
	}
	switch {
	case l.Group != uuid.Nil:
		return wrong("cannot be had by a lot of a group, which lies in one shard", "leave out group or slices")
	case most <= 1:
		return wrong(fmt.Sprintf("is %d", l.Slices), "leave it out: there is too little stock, or there are too few shards, to divide")
	case l.Slices < 0 || int64(l.Slices) > most:
		return wrong(fmt.Sprintf("is %d", l.Slices),
			fmt.Sprintf("send 1 to %d: a slice has a shard of its own, of %d, and at least %d units", most, shards, MinSliceStock))
	}
	return nil
}

// countSlices gives how many lots there are when each is in its slices.
func countSlices(lots []Lot) int {
	n := 0
	for _, l := range lots {
		n += max(l.Slices, 1)
	}
	return n
}

// Split divides published lots into the slices that their seller asked for, each an own lot in an own shard with an own
// code: the stock is divided evenly, what is left over goes to the first ones. Lots that are to stay whole stay as they
// are. CheckSlices must find nothing wrong with any. random gives 32 bytes for each slice after the first.
func Split(lots []Lot, shards int, random io.Reader) ([]Lot, error) {
	open := make([]Lot, 0, countSlices(lots))
	for _, l := range lots {
		for slice := range max(l.Slices, 1) {
			part, err := l.part(slice, shards, random)
			if err != nil {
				return nil, err
			}
			open = append(open, part)
		}
	}
	return open, nil
}

// part makes a published lot one of its slices.
func (l Lot) part(slice, shards int, random io.Reader) (Lot, error) {
	if l.Slices <= 1 {
		return l, nil
	}
	whole := l
	l.SliceOf, l.Slice, l.ID = whole.ID, slice, SliceID(whole.ID, slice, whole.Slices, shards)
	l.Stock = whole.Stock / int64(whole.Slices)
	if int64(slice) < whole.Stock%int64(whole.Slices) {
		l.Stock++
	}
	if slice == 0 {
		return l, nil
	}
	l.Shard, l.Rev = ShardOf(l.ID, uuid.Nil, shards), 1
	var err error
	l.Code, l.Salt, err = secrets(random)
	return l, err
}
