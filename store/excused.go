package store

import (
	"context"

	"rostrum/auction"
)

// Excused gives the seqs of a shard that were decided and have no effect: gaps that an operator accepted, bids whose
// order the last guard refused, and what was parked though its record is kept. None: empty.
func (s *Store) Excused(ctx context.Context, shard int) ([]auction.Span, error) {
	var spans []auction.Span
	err := s.read(ctx, "excused", func(ctx context.Context, q tx) error {
		gaps, err := q.ListGaps(ctx, shard)
		if err != nil {
			return err
		}
		voids, err := q.ListVoidSeqs(ctx, shard)
		if err != nil {
			return err
		}
		parked, err := q.ListParkedSeqs(ctx, shard)
		spans = spans[:0]
		for _, g := range gaps {
			spans = append(spans, auction.Span{From: g.FromSeq, To: g.ToSeq})
		}
		for _, seq := range append(voids, parked...) {
			spans = append(spans, auction.Span{From: seq, To: seq + 1})
		}
		return err
	})
	return spans, err
}
