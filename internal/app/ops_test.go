package app

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"rostrum/internal/config"
	"rostrum/internal/observe"
)

func opsApp(listen string) *App {
	c := config.Development()
	c.HTTP.OpsListen = listen
	return &App{Config: c, Metrics: observe.NewMetrics("v1", time.Now), died: make(chan error, 1)}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

// A process without the role api is seen from outside too, from before it is ready until it has stopped.
func TestOpsAddress(t *testing.T) {
	t.Parallel()
	a := opsApp("127.0.0.1:0")
	first, last := a.opsSteps()
	if len(first) != 1 || len(last) != 1 {
		t.Fatal(first, last)
	}
	ctx := context.Background()
	if err := first[0].start(ctx); err != nil {
		t.Fatal(err)
	}
	base := "http://" + a.opsAddress.String()
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"/livez":           {200, "ok"},
		"/readyz":          {503, "not ready"},
		"/readyz?verbose":  {503, `{"checks":[{"name":"serving","ok":false,"took_ms":0}],"ready":false}`},
		"/metrics":         {200, `rostrum_build_info{`},
		"/":                {404, ""},
		"/api/v1/sessions": {404, ""},
	} {
		if status, body := get(t, base+path); status != want.status || !strings.Contains(body, want.says) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if err := first[0].stop(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := http.Get(base + "/livez"); err == nil {
		t.Error("it answers after its stop")
	}
	if len(a.died) > 0 {
		t.Errorf("its stop is taken for a death: %v", <-a.died)
	}
}

func TestMetricsAreShownOnce(t *testing.T) {
	t.Parallel()
	with, without := opsApp("127.0.0.1:0"), opsApp("")
	if first, last := without.opsSteps(); first != nil || last != nil {
		t.Error("an ops address that nobody asked for")
	}
	if with.publicMetrics() != nil || without.publicMetrics() == nil {
		t.Error("metrics are public although they have an address, or nowhere")
	}
}

func TestOpsAddressTaken(t *testing.T) {
	t.Parallel()
	a := opsApp("127.0.0.1:0")
	first, _ := a.opsSteps()
	if err := first[0].start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first[0].stop(context.Background()) }()
	second, _ := opsApp(a.opsAddress.String()).opsSteps()
	if err := second[0].start(context.Background()); err == nil || !strings.Contains(err.Error(), "http.ops_listen") {
		t.Errorf("a taken address: %v", err)
	}
}
