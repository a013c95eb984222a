package simulate

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// An installation that finds the start too near gets more time, three times at most; what else it refuses is not asked again.
func TestASlowInstallationGetsMoreLead(t *testing.T) {
	const lead = time.Minute
	for name, c := range map[string]struct {
		answers []int // to publishing, in turn
		leads   []time.Duration
		fine    bool
	}{
		"in time":         {[]int{200}, []time.Duration{lead}, true},
		"in time at last": {[]int{422, 422, 200}, []time.Duration{lead, 4 * lead, 16 * lead}, true},
		"never":           {[]int{422, 422, 422}, []time.Duration{lead, 4 * lead, 16 * lead}, false},
		"another reason":  {[]int{409}, []time.Duration{lead}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var leads []time.Duration
			preheated, answers := false, c.answers
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ETag", `"1"`)
				status := http.StatusOK
				switch {
				case r.Method == http.MethodPatch:
					var to struct{ Starts time.Time }
					if err := json.NewDecoder(r.Body).Decode(&to); err != nil {
						t.Error(err)
					}
					leads = append(leads, time.Until(to.Starts).Round(lead))
				case path.Base(r.URL.Path) == "publish":
					status, answers = answers[0], answers[1:]
				case path.Base(r.URL.Path) == "preheat":
					preheated = true
				}
				w.WriteHeader(status)
				_, _ = w.Write([]byte("{}"))
			}))
			defer server.Close()
			client := NewClient(func() string { return server.URL }, ClientOptions{})
			defer client.Close()
			s := &sale{plan: Plan{Lead: lead}, client: client, say: func(string) {}, id: uuid.New()}
			err := s.schedule(time.Minute)
			if d := cmp.Diff(c.leads, leads); d != "" || (err == nil) != c.fine || preheated != c.fine {
				t.Errorf("%v, preheated %t, leads (-want +got):\n%s", err, preheated, d)
			}
		})
	}
}
