package auction_test

import (
	"testing"
	"time"

	"rostrum/auction"
)

func TestStateAt(t *testing.T) {
	const starts, ends = 100, 200
	for _, c := range []struct {
		stored auction.SessionState
		at     int64
		want   auction.SessionState
	}{
		{auction.SessionDraft, 150, auction.SessionDraft},
		{auction.SessionDraft, 250, auction.SessionDraft},
		{auction.SessionScheduled, 0, auction.SessionScheduled},
		{auction.SessionScheduled, starts - 1, auction.SessionScheduled},
		{auction.SessionScheduled, starts, auction.SessionLive},
		{auction.SessionScheduled, ends - 1, auction.SessionLive},
		{auction.SessionScheduled, ends, auction.SessionEnded},
		{auction.SessionScheduled, ends + 1_000_000, auction.SessionEnded},
		{auction.SessionEnded, starts, auction.SessionEnded},
		{auction.SessionSettled, starts, auction.SessionSettled},
		{auction.SessionCancelled, 150, auction.SessionCancelled},
	} {
		s := auction.Session{State: c.stored, StartsUS: starts, EndsUS: ends}
		if got := s.StateAt(c.at); got != c.want {
			t.Errorf("%s at %d is %s, want %s", c.stored, c.at, got, c.want)
		}
	}
}

// A daily session keeps the clock times of its people, whatever their clocks do meanwhile.
func TestNextKeepsClockTimes(t *testing.T) {
	const form = "2006-01-02 15:04"
	for _, c := range []struct{ zone, starts, ends, wantStarts, wantEnds string }{
		{"UTC", "2027-03-27 20:00", "2027-03-27 22:00", "2027-03-28 20:00", "2027-03-28 22:00"},
		{"Europe/Berlin", "2027-03-27 20:00", "2027-03-27 22:00", "2027-03-28 20:00", "2027-03-28 22:00"}, // a day of 23 hours
		{"Europe/Berlin", "2027-10-30 20:00", "2027-10-30 22:00", "2027-10-31 20:00", "2027-10-31 22:00"}, // a day of 25
		{"Europe/Berlin", "2027-03-26 22:00", "2027-03-27 04:00", "2027-03-27 22:00", "2027-03-28 04:00"}, // the change lies in the next
		{"Europe/Berlin", "2027-03-27 22:00", "2027-03-28 04:00", "2027-03-28 22:00", "2027-03-29 04:00"}, // and in this one
		{"Europe/Berlin", "2027-10-30 00:00", "2027-10-31 00:00", "2027-10-31 00:00", "2027-11-01 00:00"}, // all day
		{"Europe/Berlin", "2027-03-27 02:30", "2027-03-27 03:00", "2027-03-28 03:30", "2027-03-28 04:00"}, // a start that does not exist
		{"America/New_York", "2027-11-06 23:30", "2027-11-07 00:30", "2027-11-07 23:30", "2027-11-08 00:30"},
		{"Australia/Lord_Howe", "2027-04-03 12:00", "2027-04-03 13:00", "2027-04-04 12:00", "2027-04-04 13:00"}, // half an hour
		{"Asia/Shanghai", "2027-12-31 23:00", "2028-01-01 01:00", "2028-01-01 23:00", "2028-01-02 01:00"},
		{"Nowhere/AtAll", "2027-03-27 20:00", "2027-03-27 22:00", "2027-03-28 20:00", "2027-03-28 22:00"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			zone = time.UTC
		}
		read := func(text string) int64 {
			at, err := time.ParseInLocation(form, text, zone)
			if err != nil {
				t.Fatal(err)
			}
			return at.UnixMicro()
		}
		s := auction.Session{Zone: c.zone, StartsUS: read(c.starts), EndsUS: read(c.ends)}
		starts, ends := s.Next(s.StartsUS)
		show := func(us int64) string { return time.UnixMicro(us).In(zone).Format(form) }
		if show(starts) != c.wantStarts || show(ends) != c.wantEnds {
			t.Errorf("%s after %s … %s: %s … %s, want %s … %s", c.zone, c.starts, c.ends, show(starts), show(ends), c.wantStarts, c.wantEnds)
		}
		if starts < s.EndsUS {
			t.Errorf("%s %s … %s overlaps its next", c.zone, c.starts, c.ends)
		}
	}
}

// However long nobody was there to make it: the next occurrence lies in the future, and is the first that does.
func TestNextIsInTheFuture(t *testing.T) {
	const day = 24 * hourUS
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2027, 3, 1, 20, 0, 0, 0, zone)
		s := auction.Session{Zone: name, StartsUS: at.UnixMicro(), EndsUS: at.Add(2 * time.Hour).UnixMicro()}
		for late := int64(0); late < 500; late++ {
			for _, now := range []int64{s.StartsUS + late*day - 1, s.StartsUS + late*day, s.StartsUS + late*day + hourUS} {
				starts, ends := s.Next(now)
				before := time.UnixMicro(starts).In(zone).AddDate(0, 0, -1).UnixMicro()
				if hour := time.UnixMicro(starts).In(zone).Hour(); starts <= now || before > now && before > s.StartsUS || hour != 20 || ends <= starts {
					t.Fatalf("%s, %d µs after its start: %s … %s", name, now-s.StartsUS, time.UnixMicro(starts).In(zone), time.UnixMicro(ends).In(zone))
				}
			}
		}
	}
}
