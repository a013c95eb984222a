package cache

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestMemory(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	m := NewMemory[[]int](MemoryOptions{Most: 10, TTL: func() time.Duration { return time.Minute }, Refresh: time.Minute, Now: func() time.Time { return now }})
	one, other := uuid.New(), uuid.New()
	is := func(when string, id uuid.UUID, want int) {
		t.Helper()
		got, ok := m.Get(id)
		if ok != (want != 0) || ok && got[0] != want {
			t.Errorf("%s: %v %v, want %d", when, got, ok, want)
		}
	}
	is("at first", one, 0)
	m.Set(one, []int{1})
	m.Set(other, []int{2})
	is("set", one, 1)
	m.Refresh(t.Context(), one, func(_ context.Context, id uuid.UUID) ([]int, error) {
		if id != one {
			t.Errorf("asked for %s", id)
		}
		return []int{3}, nil
	})
	is("refreshed", one, 3)
	m.Refresh(t.Context(), one, func(context.Context, uuid.UUID) ([]int, error) { return nil, errors.New("away") })
	is("not refreshed", one, 3)
	m.Forget(one)
	is("forgotten", one, 0)
	is("another", other, 2)
	m.Set(one, nil)
	if got, ok := m.Get(one); got != nil || !ok {
		t.Errorf("nothing is a value: %v %v", got, ok)
	}
	now = now.Add(time.Minute + time.Second)
	is("its time over", other, 0)
	m.Set(other, []int{4})
	m.ForgetAll()
	is("all forgotten", other, 0)
}
