package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/web/edge"
)

type sessionIn struct {
	Body struct {
		Area       string `json:"area" doc:"Code of the area that it is held in"`
		Name       string `json:"name" minLength:"1" maxLength:"200"`
		Currency   string `json:"currency" doc:"ISO 4217; all lots have it"`
		Starts     Time   `json:"starts" nullable:"false"`
		Ends       Time   `json:"ends" nullable:"false"`
		Recurrence string `json:"recurrence,omitempty" enum:"once,daily" doc:"once where it is left out. When a daily session starts, its next one is made as an empty draft of the next day; a draft that is not published in time moves on a day with its lots. A series ends with a session that is made once while it is a draft"`
		Zone       string `json:"zone,omitempty" maxLength:"64" doc:"IANA time zone in which a daily session keeps its clock time; UTC where it is left out"`
	}
}

type sessionPatch struct {
	ID      uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000022"`
	IfMatch string    `header:"If-Match" doc:"The session's ETag"`
	Body    struct {
		Area       *string `json:"area,omitempty"`
		Name       *string `json:"name,omitempty" minLength:"1" maxLength:"200"`
		Currency   *string `json:"currency,omitempty"`
		Starts     *Time   `json:"starts,omitempty"`
		Ends       *Time   `json:"ends,omitempty"`
		Recurrence *string `json:"recurrence,omitempty" enum:"once,daily"`
		Zone       *string `json:"zone,omitempty" maxLength:"64"`
	}
}

type sessionOut struct {
	ID         uuid.UUID `json:"id" format:"uuid"`
	Area       string    `json:"area"`
	Name       string    `json:"name"`
	Currency   string    `json:"currency"`
	Starts     Time      `json:"starts"`
	Ends       Time      `json:"ends" doc:"A session ends with its last lot: it moves later where time that was lost is given back"`
	Recurrence string    `json:"recurrence"`
	Zone       string    `json:"zone"`
	State      string    `json:"state" doc:"draft, scheduled, live, ended, settled or cancelled, as of now"`
	Lots       int       `json:"lots"`
	Now        Time      `json:"now" doc:"The server's time, to count down by"`
}

func viewSession(s auction.Session, now int64) sessionOut {
	return sessionOut{s.ID, s.Area, s.Name, s.Currency, Time(s.StartsUS), Time(s.EndsUS), string(s.Recurrence), s.Zone,
		string(s.StateAt(now)), s.Lots, Time(now)}
}

type sessionsIn struct {
	Paging
	Conditional
	Tab    string    `query:"tab" enum:"live,upcoming,ended" doc:"What people look for: live now, coming within 31 days, or begun within the last 31 and over. Not together with state, from, to or drafts"`
	Area   string    `query:"area" maxLength:"32"`
	State  string    `query:"state" enum:"draft,scheduled,live,ended,settled,cancelled" doc:"As of now"`
	From   time.Time `query:"from" doc:"Starting at or after"`
	To     time.Time `query:"to" doc:"Starting before"`
	Drafts bool      `query:"drafts" doc:"Drafts too, for who may see them"`
}

type sessionRead struct {
	Conditional
	ID uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000023"`
}

type sessionID struct {
	ID uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000023"`
}

type sessionIDAtRev struct {
	ID      uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000022"`
	IfMatch string    `header:"If-Match" doc:"Its ETag"`
}

type publishIn struct {
	ID      uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000022"`
	DryRun  bool      `query:"dry_run" doc:"Change nothing, say what is wrong"`
	IfMatch string    `header:"If-Match" doc:"The session's ETag; not needed for a dry run"`
}

type publishOut struct {
	Session   sessionOut    `json:"session"`
	Published bool          `json:"published" doc:"false for a dry run"`
	Ready     bool          `json:"ready" doc:"Nothing is wrong"`
	Errors    []fault.Field `json:"errors" nullable:"false" doc:"All that is wrong, of a dry run"`
}

func (a *API) sessions() {
	register(a, "sessions-list", a.listSessions)
	register(a, "sessions-create", a.createSession)
	a.describeCaching("sessions-list", "It is public where nobody is logged in; else it is its reader's own, with an ETag.")
	register(a, "sessions-read", a.readSession)
	a.describeCaching("sessions-read", "It is public where nobody is logged in; for who may see drafts its ETag is the revision, for If-Match, and nobody keeps it.")
	register(a, "sessions-change", a.changeSession)
	register(a, "sessions-publish", a.publish)
	register(a, "sessions-cancel", func(ctx context.Context, in *sessionIDAtRev) (*tagged[sessionOut], error) {
		rev, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		return a.tagSession(a.Edge.CancelSession(ctx, in.ID, rev))
	})
	register(a, "sessions-preheat", func(ctx context.Context, in *sessionID) (*one[edge.PreheatReport], error) {
		report, err := a.Edge.PreheatNow(ctx, in.ID)
		return &one[edge.PreheatReport]{report}, err
	})
}

func (a *API) tagSession(s auction.Session, err error) (*tagged[sessionOut], error) {
	return &tagged[sessionOut]{etag(s.Rev), viewSession(s, a.Edge.NowUS())}, err
}

// readSession gives planners the session as it is written, with its revision, and everybody else what caches have.
func (a *API) readSession(ctx context.Context, in *sessionRead) (*cached[sessionOut], error) {
	who := callOf(ctx).who
	s, err := a.Edge.Session(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	now := a.Edge.NowUS()
	view := viewSession(s, now)
	if a.Edge.Plans(who) {
		return unlessKnown("", etag(s.Rev), forPlanner, view), nil
	}
	return unlessKnown(in.IfNoneMatch, tagOfSessions([]sessionOut{view}, ""), openly(who, sessionFor, now, edge.SessionChanges(s, now)), view), nil
}

// tagOfSessions leaves the server's time out.
func tagOfSessions(views []sessionOut, next string) string {
	views = slices.Clone(views)
	for n := range views {
		views[n].Now = 0
	}
	return weakTag(list[sessionOut]{views, next})
}

func (a *API) listSessions(ctx context.Context, in *sessionsIn) (*cached[list[sessionOut]], error) {
	if in.Tab != "" && (in.State != "" || in.Drafts || !in.From.IsZero() || !in.To.IsZero()) {
		return nil, fault.Wrong("tab", "says of its own which states and times", "leave out state, from, to and drafts, or tab")
	}
	f := auction.SessionFilter{Area: in.Area, State: auction.SessionState(in.State), Drafts: in.Drafts}
	if !in.From.IsZero() {
		f.FromUS = in.From.UnixMicro()
	}
	if !in.To.IsZero() {
		f.ToUS = in.To.UnixMicro()
	}
	scope := fmt.Sprintf("sessions %q %+v", in.Tab, f)
	at, err := a.cursors.read(scope, in.Cursor)
	if err != nil {
		return nil, err
	}
	who, p := callOf(ctx).who, auction.Page{Limit: in.Limit, Key: at.Key, ID: at.ID}
	var found []auction.Session
	if in.Tab != "" {
		found, err = a.Edge.SessionTab(ctx, edge.Tab(in.Tab), in.Area, p)
	} else {
		found, err = a.Edge.ListSessions(ctx, who, f, p)
	}
	if err != nil {
		return nil, err
	}
	return a.sessionList(in, who, scope, found), nil
}

func (a *API) sessionList(in *sessionsIn, who accounts.Claims, scope string, found []auction.Session) *cached[list[sessionOut]] {
	now, until := a.Edge.NowUS(), edge.Never
	for _, s := range found {
		until = min(until, edge.SessionChanges(s, now))
	}
	page := pageOf(a, scope, in.Limit, found, func(s auction.Session) place { return place{s.StartsUS, s.ID} },
		func(s auction.Session) sessionOut { return viewSession(s, now) })
	control := openly(who, listFor, now, until)
	if in.Drafts || in.State == string(auction.SessionDraft) {
		control = forPlanner
	}
	return unlessKnown(in.IfNoneMatch, tagOfSessions(page.Items, page.Next), control, page)
}

func (a *API) createSession(ctx context.Context, in *sessionIn) (*created[sessionOut], error) {
	b := in.Body
	s := auction.Session{Area: b.Area, Name: b.Name, Currency: b.Currency, StartsUS: int64(b.Starts), EndsUS: int64(b.Ends),
		Recurrence: auction.Recurrence(b.Recurrence), Zone: b.Zone}
	if s.Recurrence == "" {
		s.Recurrence = auction.Once
	}
	if s.Zone == "" {
		s.Zone = "UTC"
	}
	s, err := a.Edge.CreateSession(ctx, callOf(ctx).who, s)
	return &created[sessionOut]{Prefix + "/sessions/" + s.ID.String(), etag(s.Rev), viewSession(s, a.Edge.NowUS())}, err
}

func (a *API) changeSession(ctx context.Context, in *sessionPatch) (*tagged[sessionOut], error) {
	rev, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	b := in.Body
	return a.tagSession(a.Edge.ChangeSession(ctx, in.ID, rev, func(s *auction.Session) {
		put(&s.Area, b.Area)
		put(&s.Name, b.Name)
		put(&s.Currency, b.Currency)
		put((*Time)(&s.StartsUS), b.Starts)
		put((*Time)(&s.EndsUS), b.Ends)
		put((*string)(&s.Recurrence), b.Recurrence)
		put(&s.Zone, b.Zone)
	}))
}

func (a *API) publish(ctx context.Context, in *publishIn) (*tagged[publishOut], error) {
	rev, err := int64(0), error(nil)
	if !in.DryRun {
		if rev, err = ifMatch(in.IfMatch); err != nil {
			return nil, err
		}
	}
	s, err := a.Edge.Publish(ctx, in.ID, rev, in.DryRun)
	wrong := []fault.Field{}
	if e := fault.As(err); in.DryRun && e != nil && e.Class == fault.Invalid {
		wrong, err = e.Fields, nil
	}
	return &tagged[publishOut]{etag(s.Rev), publishOut{viewSession(s, a.Edge.NowUS()), !in.DryRun, len(wrong) == 0, wrong}}, err
}
