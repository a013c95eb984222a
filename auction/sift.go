package auction

import (
	"bytes"
	"maps"
	"slices"
)

// Stored is what the stored journal has at a seq: the fork check compares with it.
type Stored struct {
	Epoch int64
	Raw   []byte
}

// Fork is two different records in one place of a shard's order: the shard halts.
type Fork struct {
	Seq         int64
	Stored, Got []byte
}

// Sifted is a batch of deliveries, told apart.
type Sifted struct {
	Apply      []Delivery // contiguous after the position, in order
	Orphans    []Delivery // of an epoch that a cut has ended, or of a gap that was accepted
	Parked     []Delivery // no records
	Duplicates int
	Fork       *Fork    // nothing from it on is in this batch
	Next       Position // the position after the batch
}

// Sift is the arithmetic of exactly once. Deliveries are of one shard, in order of offset; stored holds the stored
// journal for those at or below the position (a seq that is missing there was given up by an accepted gap).
//
//   - at or below the position: the same bytes are a duplicate; others a fork; of an older epoch than the stored an orphan
//   - next in line, of the position's epoch, or the cut (or genesis) of a later one: applied
//   - of an older epoch than the position: an orphan, whoever sent it lost its right to decide
//   - further ahead: read past. It is not applied, and the offset to resume from stays at it, because the journal that
//     would send it again may be lost before it does. When its turn comes in the same batch, by a resend, the two are
//     compared like any other two of one place
func Sift(p Position, stored map[int64]Stored, deliveries []Delivery) Sifted {
	s := Sifted{Next: p}
	fresh := map[int64]Stored{}     // applied in this very batch
	ahead := map[int64][]Delivery{} // read past in this very batch
	for _, d := range deliveries {
		r := d.Record
		switch {
		case d.Err != nil:
			s.Parked = append(s.Parked, d)
		case r.Seq <= s.Next.Seq:
			was, ok := fresh[r.Seq]
			if !ok {
				was, ok = stored[r.Seq]
			}
			s.behind(d, was, ok)
		case r.Epoch < s.Next.Epoch:
			s.Orphans = append(s.Orphans, d)
		case r.Seq == s.Next.Seq+1 && (r.Epoch == s.Next.Epoch || !r.OfLot()):
			s.apply(d, ahead[r.Seq])
			fresh[r.Seq] = Stored{r.Epoch, d.Raw}
			delete(ahead, r.Seq)
		default:
			s.Next.AheadSeq = max(s.Next.AheadSeq, r.Seq)
			ahead[r.Seq] = append(ahead[r.Seq], d)
		}
		if s.Fork != nil {
			return s
		}
	}
	s.resume(p, deliveries, s.still(p, ahead))
	return s
}

// apply takes the next in line, unless what was read of its place earlier in the batch is another record.
func (s *Sifted) apply(d Delivery, readPast []Delivery) {
	for _, earlier := range readPast {
		s.behind(earlier, Stored{d.Record.Epoch, d.Raw}, true)
	}
	if s.Fork == nil {
		s.Apply = append(s.Apply, d)
		s.Next.Epoch, s.Next.Seq = d.Record.Epoch, d.Record.Seq
	}
}

// behind tells apart a delivery at or below the position, by what is stored there.
func (s *Sifted) behind(d Delivery, was Stored, ok bool) {
	switch {
	case !ok || d.Record.Epoch < was.Epoch:
		s.Orphans = append(s.Orphans, d)
	case d.Record.Epoch == was.Epoch && bytes.Equal(d.Raw, was.Raw):
		s.Duplicates++
	default:
		s.Fork = &Fork{d.Record.Seq, was.Raw, d.Raw}
	}
}

// still gives the offset of the first delivery that is ahead even after the whole batch, -1 for none. What a cut in
// the batch has overtaken is an orphan.
func (s *Sifted) still(p Position, ahead map[int64][]Delivery) int64 {
	first := int64(-1)
	s.Next.AheadSeq = p.AheadSeq
	for _, seq := range slices.Sorted(maps.Keys(ahead)) {
		for _, d := range ahead[seq] {
			if d.Record.Epoch < s.Next.Epoch {
				s.Orphans = append(s.Orphans, d)
				continue
			}
			s.Next.AheadSeq = max(s.Next.AheadSeq, seq)
			if first < 0 || d.Offset < first {
				first = d.Offset
			}
		}
	}
	return first
}

// resume sets the offset to resume from after a whole batch that began at p. After a fork it is not called: the shard
// halts where it stood, and what was applied before the fork comes again as duplicates.
func (s *Sifted) resume(p Position, deliveries []Delivery, aheadOffset int64) {
	next := &s.Next
	switch {
	case len(deliveries) == 0:
	case next.AheadSeq <= next.Seq:
		next.AheadSeq = 0
		after := deliveries[len(deliveries)-1].Offset + 1
		// New records below the old offset: the partition lost its tail and its offsets are used again.
		if after > next.NextOffset || len(s.Apply) > 0 && s.Apply[0].Offset < p.NextOffset {
			next.NextOffset = after
		}
	case p.AheadSeq > p.Seq: // the offset stays at what an earlier batch waits for
	case deliveries[0].Offset <= p.NextOffset: // else the batch has a hole before it, where the missing may lie
		next.NextOffset = aheadOffset
	}
}
