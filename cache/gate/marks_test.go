package gate

import (
	"context"
	"testing"

	"rostrum/auction"
)

// A mark of a later epoch does not tell that a record was carried: it may have been cut off, with a seq that the later
// epoch has given to another.
func TestWhatAMarkSays(t *testing.T) {
	at := auction.Cursor{Epoch: 3, Seq: 70}
	for mark, want := range map[auction.Cursor][2]bool{
		{}:                  {false, false},
		{Epoch: 2, Seq: 90}: {false, false},
		{Epoch: 3, Seq: 69}: {false, false},
		{Epoch: 3, Seq: 70}: {true, true},
		{Epoch: 3, Seq: 71}: {true, true},
		{Epoch: 4, Seq: 1}:  {true, false},
		{Epoch: 4, Seq: 99}: {true, false},
	} {
		if said, carried := passed(mark, at); said != want[0] || carried != want[1] {
			t.Errorf("a mark at %v says %v, %v of %v; want %v", mark, said, carried, at, want)
		}
	}
}

// One goroutine looks, however many wait, and it ends with the last of them.
func TestMarksAreReadForWhoWaits(t *testing.T) {
	m, looks := newMarks(2), make(chan []int, 1000)
	read := func(_ context.Context, shards []int) map[int]auction.Cursor {
		looks <- shards
		return map[int]auction.Cursor{1: {Epoch: 1, Seq: 2}}
	}
	var done []chan bool
	for _, seq := range []int64{1, 2, 3} {
		done = append(done, m.enter(t.Context(), 1, auction.Cursor{Epoch: 1, Seq: seq}, read))
	}
	if shards := <-looks; len(shards) != 1 || shards[0] != 1 {
		t.Errorf("looks at shards %v", shards)
	}
	if !<-done[0] || !<-done[1] {
		t.Error("what the mark has passed is not said to be carried")
	}
	m.leave(1, done[2])
	if shards := m.wanted(); shards != nil {
		t.Errorf("somebody is said to wait for %v", shards)
	}
	if len(done[2]) != 0 {
		t.Error("who has left is told")
	}
	if early := m.enter(t.Context(), 1, auction.Cursor{Epoch: 1, Seq: 2}, nil); !<-early {
		t.Error("what is known already is looked for")
	}
}
