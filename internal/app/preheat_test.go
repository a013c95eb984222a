package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache/shelf"
	"rostrum/internal/config"
	"rostrum/internal/fault"
	"rostrum/internal/live"
	standinsql "rostrum/internal/standin/sql"
	"rostrum/store"
	"rostrum/store/storetest"
)

// A session that opens at ten with an hour ahead is preheated at nine, once, by the closer's own clock.
func TestPreheatAtNineForTen(t *testing.T) {
	db, err := standinsql.Open(standinsql.Memory)
	must(t, err)
	defer db.Close()
	s := store.New(db, store.Options{})
	session, _, _ := storetest.List(t, s, 4, 3)
	nine := time.UnixMicro(session.StartsUS).Add(-time.Hour)
	now, done, fails := nine.Add(-time.Second), 0, error(nil)
	c := &closer{sessions: s, ahead: time.Hour, now: func() time.Time { return now }, log: quiet(), preheated: map[uuid.UUID]int64{},
		preheat: func(_ context.Context, id uuid.UUID) error {
			if id != session.ID {
				t.Errorf("session %s is preheated", id)
			}
			done++
			return fails
		}}
	broken, missed := fault.New(fault.Conflict, "lots_broken", ""), fault.New(fault.Unavailable, "lots_missed", "")
	for _, tick := range []struct {
		name  string
		at    time.Time
		fails error
		done  int  // so far
		says  bool // the job fails
	}{
		{"a second to nine", nine.Add(-time.Second), nil, 0, false},
		{"nine, another node is at it", nine, fault.New(fault.Conflict, "preheat_busy", ""), 1, false},
		{"a second later, Redis is away", nine.Add(time.Second), errors.New("away"), 2, true},
		{"a second later, it came too late for some", nine.Add(2 * time.Second), missed, 3, false},
		{"a second later", nine.Add(3 * time.Second), broken, 4, false},
		{"a second later, it was done", nine.Add(4 * time.Second), nil, 4, false},
		{"ten", nine.Add(time.Hour), nil, 4, false},
		{"over", nine.Add(3 * time.Hour), nil, 4, false},
	} {
		now, fails = tick.at, tick.fails
		if err := c.preheatDue(t.Context()); (err != nil) != tick.says || done != tick.done {
			t.Errorf("%s: preheated %d times, want %d; %v", tick.name, done, tick.done, err)
		}
	}
	if len(c.preheated) != 0 {
		t.Errorf("sessions that are over are remembered: %v", c.preheated)
	}
}

// The room that lots need is known before anything is written, and what is estimated is what a Redis says afterwards.
func TestPreheatSaysThatThereIsNoRoom(t *testing.T) {
	const n, most = 20_000, 1536
	d := newDepot(t, n)
	gate, onShelf := d.client(d.gate), d.client(d.shelf)
	before := []int{d.memory(gate), d.memory(onShelf)}
	keys := gate.DBSize(t.Context()).Val()
	limit := func(p *live.Process, used, room int) {
		t.Helper()
		must(t, d.client(p).ConfigSet(t.Context(), "maxmemory", fmt.Sprint(used+room)).Err())
	}
	limit(d.gate, before[0], 5<<20)
	if r, err := d.app.Preheat(t.Context(), d.session.ID, nil); fault.CodeOf(err) != "gate_memory" || !strings.Contains(err.Error(), "20000 lots need about 14 MiB") {
		t.Errorf("gate: %+v %v", r, err)
	}
	limit(d.gate, 0, 0)
	limit(d.shelf, before[1], 5<<20)
	if r, err := d.app.Preheat(t.Context(), d.session.ID, nil); fault.CodeOf(err) != "shelf_memory" {
		t.Errorf("shelf: %+v %v", r, err)
	}
	if now := gate.DBSize(t.Context()).Val(); now != keys {
		t.Errorf("the gate has %d keys, had %d: something was written", now, keys)
	}
	// By itself an installation sells first.
	must(t, d.app.preheatAnyway(t.Context(), d.session.ID))
	if missing, different, err := d.app.Gate.Compare(t.Context(), d.lots[:500]); err != nil || len(missing)+len(different) > 0 {
		t.Errorf("the gate lacks %d, %d are different, %v", len(missing), len(different), err)
	}
	inGate := (d.memory(gate) - before[0]) / n
	limit(d.shelf, 0, 0)
	if r, err := d.app.Preheat(t.Context(), d.session.ID, nil); err != nil || r.Verified != n || r.Sampled == 0 {
		t.Errorf("with room: %+v %v", r, err)
	}
	inShelf := (d.memory(onShelf) - before[1]) / n
	t.Logf("a lot takes %d bytes in the gate and %d on the shelf", inGate, inShelf)
	if inGate+inShelf > most {
		t.Errorf("together that is more than %d", most)
	}
	// Who has it all needs no room for it.
	limit(d.gate, d.memory(gate), 1<<20)
	if r, err := d.app.Preheat(t.Context(), d.session.ID, nil); err != nil || r.Written != n {
		t.Errorf("again, with no more room: %+v %v", r, err)
	}
}

// Lots that cannot be sold are named, those that have opened are refused by the gate, and all others are written.
func TestPreheatOfBrokenAndOpenLots(t *testing.T) {
	const n = 3000
	d := newDepot(t, n)
	change := func(text string, l auction.Lot) {
		t.Helper()
		_, err := d.app.Store.DB().ExecContext(t.Context(), text, l.ID[:])
		must(t, err)
	}
	for _, l := range []auction.Lot{d.lots[7], d.lots[2500]} {
		change("UPDATE lots SET code = '' WHERE id = ?", l)
	}
	for _, l := range d.lots[100:400] {
		change("UPDATE lots SET opens_us = 5 WHERE id = ?", l)
	}
	r, err := d.app.Preheat(t.Context(), d.session.ID, nil)
	if fault.CodeOf(err) != "lots_broken" || !strings.Contains(err.Error(), d.lots[7].ID.String()) || !strings.Contains(err.Error(), d.lots[2500].ID.String()) {
		t.Fatalf("%+v %v", r, err)
	}
	missed := 0
	for _, n := range r.Missed {
		missed += n
	}
	if r.Lots != n || r.Written != n-302 || r.Open != 300 || missed != 300 || r.Broken != 2 || r.Verified != n-2 {
		t.Errorf("%+v", r)
	}
	if missing, _, err := d.app.Gate.Compare(t.Context(), d.lots[:500]); err != nil || len(missing) != 301 {
		t.Errorf("the gate lacks %d of the first 500, %v", len(missing), err)
	}
}

// The variable by which a test tells its second process what to preheat, and where.
const envVictim = "ROSTRUM_TEST_PREHEAT_VICTIM"

// TestPreheatVictim is no test: it is the process that the next one kills.
func TestPreheatVictim(t *testing.T) {
	told := strings.Split(os.Getenv(envVictim), "|")
	if len(told) != 4 {
		t.Skip("only another test starts this")
	}
	a := openDepot(t, told[0], told[1], told[2])
	_, err := a.Shelf.Preheat(t.Context(), a.Gate, uuid.MustParse(told[3]), shelf.How{Progress: func(done, total int) {
		fmt.Println("done", done)
		if done >= total/4 {
			select {} // until it is killed
		}
	}})
	must(t, err)
}

// A process that is killed in the middle leaves a half; the next one goes on where it stopped, once its lease is over.
func TestPreheatKilledInTheMiddle(t *testing.T) {
	const n = 20_000
	d := newDepot(t, n)
	victim := exec.Command(os.Args[0], "-test.run=^TestPreheatVictim$", "-test.v")
	victim.Env = append(os.Environ(), envVictim+"="+strings.Join([]string{d.dsn, d.gate.Addr, d.shelf.Addr, d.session.ID.String()}, "|"))
	out, err := victim.StdoutPipe()
	must(t, err)
	must(t, victim.Start())
	reached := 0
	for lines := bufio.NewScanner(out); reached < n/4 && lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "done %d", &reached); err != nil {
			reached = max(reached, 0) // a line of the test's own
		}
	}
	must(t, victim.Process.Kill())
	_ = victim.Wait() // it was killed: that is what it says
	if reached < n/4 || reached == n {
		t.Fatalf("it was killed at %d of %d", reached, n)
	}
	if _, err := d.app.Preheat(t.Context(), d.session.ID, nil); fault.CodeOf(err) != "preheat_busy" {
		t.Errorf("before its lease is over: %v", err)
	}
	var r shelf.Report
	live.Eventually(t, 30*time.Second, "the lease to end", func() (bool, error) {
		r, err = d.app.Preheat(t.Context(), d.session.ID, nil)
		return fault.CodeOf(err) != "preheat_busy", err
	})
	if err != nil || r.Lots != n || r.Written != n || r.Verified != n || r.Resumed < reached-2000 {
		t.Errorf("gone on with after %d: %+v %v", reached, r, err)
	}
	if missing, different, err := d.app.Gate.Compare(t.Context(), d.lots[:500]); err != nil || len(missing)+len(different) > 0 {
		t.Errorf("the gate lacks %d, %d are different, %v", len(missing), len(different), err)
	}
}

// The shelf is emptied again and again while people bid and look: every bid is answered as if nothing had happened, and
// every page shows what there is.
func TestShelfFlushedInMidSale(t *testing.T) {
	emptied := live.StartRedis(t, "--appendonly", "no")
	on := real(t, live.MySQL(t), live.Redis(t), auction.DurableEverySec)
	set := on.set
	on.set = func(c *config.Config) {
		set(c)
		c.Redis.ShelfURL = config.Secret("redis://" + emptied.Addr + "/0")
	}
	i := install(t, on)
	i.openSale(5*time.Minute, 1, 40, 60)
	members := i.members(1000)
	done := make(chan struct{})
	go func() { defer close(done); i.crowd.Rush(t.Context(), i.session.ID, members) }()
	client := (&depot{t: t}).client(emptied)
	flushed, slowest := 0, time.Duration(0)
	for over := false; !over; flushed++ {
		must(t, client.FlushAll(t.Context()).Err())
		began := time.Now()
		status, page := get(t, "http://"+i.app.Addr().String()+"/api/v1/sessions/"+i.session.ID.String()+"/lots")
		slowest = max(slowest, time.Since(began))
		if status != http.StatusOK || !strings.Contains(page, i.lots[0].ID.String()) || !strings.Contains(page, i.lots[1].ID.String()) {
			t.Errorf("a page while the shelf is empty: %d %s", status, page)
		}
		select {
		case <-done:
			over = true
		case <-time.After(5 * time.Millisecond): // until the next
		}
	}
	if sold := i.counted(); sold != 100 {
		t.Errorf("%d orders of 100 units, told %v", sold, i.crowd.Told())
	}
	for told := range i.crowd.Told() {
		if told != string(auction.Admitted) && told != string(auction.SoldOut) && told != string(auction.AlreadyBought) {
			t.Errorf("somebody was told %q: %v", told, i.crowd.Told())
		}
	}
	lots, _, err := i.app.Shelf.Page(t.Context(), i.session.ID, nil, auction.Page{Limit: 10})
	if err != nil || len(lots) != 2 || flushed < 2 {
		t.Errorf("after %d times: a page of %d lots, %v", flushed, len(lots), err)
	}
	t.Logf("emptied %d times, the slowest page took %s", flushed, slowest)
}
