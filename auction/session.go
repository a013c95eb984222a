package auction

import (
	"time"

	"github.com/google/uuid"
)

// SessionState is where a session is. Live is never stored: it is a scheduled session whose time has come.
type SessionState string

// The states of a session.
const (
	SessionDraft     SessionState = "draft"
	SessionScheduled SessionState = "scheduled"
	SessionLive      SessionState = "live"
	SessionEnded     SessionState = "ended"
	SessionSettled   SessionState = "settled"
	SessionCancelled SessionState = "cancelled"
)

// Recurrence says whether a session comes again.
type Recurrence string

// The recurrences. When a daily session starts, or should have and was cancelled, its next occurrence is made as a draft
// of the next day to come; a draft that nobody published in time moves on to that day itself. A series ends with an
// occurrence that was made Once while it was a draft.
const (
	Once  Recurrence = "once"
	Daily Recurrence = "daily"
)

// Session is a timed event in an area.
type Session struct {
	ID         uuid.UUID    `json:"id"`
	Area       string       `json:"area"`
	Name       string       `json:"name"`
	Currency   string       `json:"currency"`
	StartsUS   int64        `json:"starts_us"`
	EndsUS     int64        `json:"ends_us"` // moves later with the lots: credits and extensions
	Recurrence Recurrence   `json:"recurrence"`
	Zone       string       `json:"zone"`            // IANA name, in which a daily session keeps its clock time; "UTC" by default
	Parent     uuid.UUID    `json:"parent,omitzero"` // the occurrence before this one
	State      SessionState `json:"state"`           // as stored; see StateAt
	Lots       int          `json:"lots"`            // number of lots
	Creator    uuid.UUID    `json:"creator"`
	CreatedUS  int64        `json:"created_us"`
	Rev        int64        `json:"rev"`
}

// StateAt is the session's real state at a moment: a stored state is only a cache of it.
func (s Session) StateAt(nowUS int64) SessionState {
	if s.State == SessionScheduled && nowUS >= s.EndsUS {
		return SessionEnded
	}
	if s.State == SessionScheduled && nowUS >= s.StartsUS {
		return SessionLive
	}
	return s.State
}

// SessionFilter narrows a list of sessions; zero fields do not. Lists are ordered by (starts_us, id).
type SessionFilter struct {
	Area   string
	State  SessionState // as of NowUS
	NowUS  int64
	FromUS int64 // starting at or after
	ToUS   int64 // starting before; 0: no bound
	Drafts bool  // show drafts too (operators)
}

// dayUS is a day as most are; the day on which a zone's clocks change is not.
const dayUS = 24 * 3_600_000_000

// Next gives the times of a daily session's next occurrence: the same clock times in its zone, whatever the zone's clocks do
// in between, on the first day after its own on which it starts later than nowUS. An unknown zone counts as UTC.
func (s Session) Next(nowUS int64) (startsUS, endsUS int64) {
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		zone = time.UTC
	}
	later := func(us int64, days int) int64 { return time.UnixMicro(us).In(zone).AddDate(0, 0, days).UnixMicro() }
	days := int(max(1, (nowUS-s.StartsUS)/dayUS-1)) // no day is twice as long as others
	for later(s.StartsUS, days) <= nowUS {
		days++
	}
	startsUS, endsUS = later(s.StartsUS, days), later(s.EndsUS, days)
	if endsUS <= startsUS { // it starts at a time that the clocks leave out
		endsUS = startsUS + (s.EndsUS - s.StartsUS)
	}
	return startsUS, endsUS
}

// NextOccurrence gives the draft of a daily session's next occurrence, without lots: its sellers put them in again.
func (s Session) NextOccurrence(id uuid.UUID, nowUS int64) Session {
	next := Session{ID: id, Area: s.Area, Name: s.Name, Currency: s.Currency, Recurrence: s.Recurrence, Zone: s.Zone,
		Parent: s.ID, State: SessionDraft, Creator: s.Creator, CreatedUS: nowUS, Rev: 1}
	next.StartsUS, next.EndsUS = s.Next(nowUS)
	return next
}
