package api

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/internal/fault"
	"rostrum/internal/trace"
	"rostrum/web/edge"
)

// call is what the handlers know of a request beside its input. All of it is copied out of Fiber's buffers.
type call struct {
	who     accounts.Claims // zero for an anonymous visitor
	trace   string
	address string
	body    []byte // of the bid's route only, which reads it with a parser of its own
	rate    edge.Allowance
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		return &call{}
	}
	return c
}

// open makes a call's context: bounded in time by its route, with nothing of Fiber's in it.
func (a *API) open(op *huma.Operation, c *fiber.Ctx) (context.Context, context.CancelFunc) {
	in := &call{trace: strings.Clone(TraceOf(c)), address: strings.Clone(c.IP())}
	if op.OperationID == placeBid {
		in.body = bytes.Clone(c.Request().Body())
	}
	timeout := a.Edge.RequestTimeout
	if slow[op.OperationID] {
		timeout = a.Edge.PublishTimeout
	}
	return context.WithTimeout(context.WithValue(trace.With(context.Background(), in.trace), callKey{}, in), timeout)
}

// slow are the routes that read every lot of a session.
var slow = map[string]bool{"sessions-publish": true, "sessions-preheat": true}

// TraceKey is the Fiber local under which the request's id stands.
const TraceKey = "trace"

// TraceOf gives the request's id.
func TraceOf(c *fiber.Ctx) string {
	id, _ := c.Locals(TraceKey).(string)
	return id
}

// Traced gives a context with the request's id and nothing of Fiber's: lines that are logged with it have the id.
func Traced(c *fiber.Ctx) context.Context { return trace.With(context.Background(), TraceOf(c)) }

// admit stands before every handler: who asks, whether they may, and whether the request has the form that the route
// takes. It is in this order so that nobody learns from errors of form what they may not use.
func (a *API) admit(ctx huma.Context, next func(huma.Context)) {
	err := a.who(ctx)
	if err == nil {
		err = form(ctx)
	}
	if err != nil {
		write(ctx, ProblemOf(err))
		return
	}
	next(ctx)
}

func (a *API) who(ctx huma.Context) error {
	route, c := a.routes[ctx.Operation().OperationID], callOf(ctx.Context())
	header := ctx.Header("Authorization")
	if header == "" {
		if !route.allows(0) {
			return problem("not_logged_in", "")
		}
		return nil
	}
	token, found := strings.CutPrefix(header, "Bearer ")
	if !found {
		return problem("token_invalid", "Authorization is not Bearer and a token")
	}
	claims, err := a.Edge.Verify(token)
	if err != nil {
		return err
	}
	if !route.allows(claims.Roles) {
		return problem("not_allowed", "this needs one of the roles "+route.roles().String())
	}
	c.who = claims
	return nil
}

// form checks what huma would be lenient about.
func form(ctx huma.Context) error {
	length, _ := strconv.Atoi(ctx.Header("Content-Length"))
	body := ctx.BodyReader().(interface{ Len() int }).Len()
	switch {
	case body > MaxBodyBytes || length > MaxBodyBytes:
		return problem("body_too_large", "the body has "+strconv.Itoa(max(body, length))+" bytes")
	case ctx.Operation().RequestBody == nil && body > 0:
		return fault.Wrong("body", "is not expected here", "send no body")
	case body > 0 && !isJSON(ctx.Header("Content-Type")):
		return problem("wrong_content_type", "")
	case ctx.Header("Content-Encoding") != "":
		p := problem("wrong_content_type", "the body is packed")
		p.Errors = []fault.Field{{Name: "Content-Encoding", Detail: "is set", Remedy: "send the body as it is, without Content-Encoding"}}
		return p
	}
	address := ctx.URL()
	return fault.Invalids(wrongInQuery(address.Query()))
}

// wrongInQuery says which parameters of a query come twice, or are no text that a database would take.
func wrongInQuery(query url.Values) []fault.Field {
	var wrong []fault.Field
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		switch {
		case len(values) > 1:
			wrong = append(wrong, fault.Field{Name: short(name), Detail: "is there twice", Remedy: "send it once"})
		case !utf8.ValidString(name + values[0]):
			wrong = append(wrong, fault.Field{Name: short(strings.ToValidUTF8(name, "?")), Detail: "is not UTF-8", Remedy: "send UTF-8, percent-encoded"})
		}
	}
	return wrong
}

func isJSON(contentType string) bool {
	media, params, err := mime.ParseMediaType(contentType)
	charset := strings.ToLower(params["charset"])
	return err == nil && media == "application/json" && (charset == "" || charset == "utf-8")
}

// result gives a handler's answer, or its error as a Problem with the request's id.
func result[O any](ctx context.Context, a *API, out *O, err error) (*O, error) {
	if err == nil {
		return out, nil
	}
	c := callOf(ctx)
	p := a.problemOf(ctx, err, c.who.User)
	p.rate = c.rate
	return nil, p
}

// problemOf turns a failed request's error into its problem. An error that is ours is logged here, once; but not each of
// those that are turned away under overload, which the metrics count.
func (a *API) problemOf(ctx context.Context, err error, user uuid.UUID) *Problem {
	p := ProblemOf(err)
	if p.Code == "internal" && errors.Is(err, context.DeadlineExceeded) && fault.As(err) == nil {
		p = ProblemOf(fault.Wrap(fault.Unavailable, "unavailable", "it took too long", err))
	}
	p.Request = trace.Of(ctx)
	if p.Status >= http.StatusInternalServerError && p.Code != "overloaded" && p.Verdict == "" {
		a.Edge.Log.ErrorContext(ctx, "a request failed", "code", p.Code, "user", user, "error", err)
	}
	return p
}

// etag writes a revision.
func etag(rev int64) string { return `"` + strconv.FormatInt(rev, 10) + `"` }

// ifMatch reads one; it is needed for every change.
func ifMatch(header string) (int64, error) {
	if header == "" {
		return 0, problem("if_match_missing", "")
	}
	text, ok := strings.CutPrefix(header, `"`)
	text, ok2 := strings.CutSuffix(text, `"`)
	rev, err := strconv.ParseInt(text, 10, 64)
	if !ok || !ok2 || err != nil || rev < 1 {
		return 0, fault.Wrong("If-Match", "is not an ETag of ours", `send the ETag as it came, such as "3"`)
	}
	return rev, nil
}
