package storetest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/store"
)

// publishingSlices: a lot that was drafted in slices is published as one lot each, of which only the first was a draft.
func publishingSlices(t *testing.T, s *store.Store) {
	const shards = 8
	sale := NewSale(t, s, shards)
	ctx, a := t.Context(), sale.draft(Opens)
	l, whole := sale.lot(a, sale.item()), sale.lot(a, sale.item())
	l.Slices, l.Stock = 2, 20
	must(t, s.AddLot(ctx, l))
	must(t, s.AddLot(ctx, whole))
	l.Slices, l.Stock, l.Rev, whole.Rev = 3, 100, 1, 1
	l, err := s.ChangeLot(ctx, l)
	must(t, err)
	if l.Slices != 3 || l.SliceOf != (auction.Lot{}).SliceOf {
		t.Fatalf("changed: %+v", l)
	}
	open, err := auction.Split([]auction.Lot{opened(l), opened(whole)}, shards, fixed{})
	must(t, err)
	if len(open) != 4 {
		t.Fatalf("%d lots", len(open))
	}
	for what, spoil := range map[string]func(list []auction.Lot) []auction.Lot{
		"without the first slice":      func(list []auction.Lot) []auction.Lot { return list[1:] },
		"with a slice of elsewhere":    func(list []auction.Lot) []auction.Lot { list[2].Session = sale.ID(); return list },
		"with a lot that was no draft": func(list []auction.Lot) []auction.Lot { list[1].Slice = 0; return list },
	} {
		if err := s.Publish(ctx, a, spoil(slices.Clone(open))); fault.CodeOf(err) != "stale" {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, s.Publish(ctx, a, open))
	got, err := s.Lots(ctx, a.ID, (auction.Lot{}).ID, 10)
	must(t, err)
	for i := range open {
		if open[i].Slice == 0 {
			open[i].Rev++
		}
	}
	slices.SortFunc(open, func(a, b auction.Lot) int { return slices.Compare(a.ID[:], b.ID[:]) })
	if diff := cmp.Diff(open, got); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	if read, err := s.Session(ctx, a.ID); err != nil || read.Lots != 4 {
		t.Errorf("session with %d lots, %v", read.Lots, err)
	}
}

// fixed is no randomness.
type fixed struct{}

func (fixed) Read(p []byte) (int, error) { return len(p), nil }
