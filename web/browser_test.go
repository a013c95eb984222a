package web_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"rostrum/internal/live"
	"rostrum/web/api"
	"rostrum/web/webtest"
)

// chrome is a real browser. Without one the test is skipped, or fails where skips are not allowed.
type chrome struct {
	t   *testing.T
	ctx context.Context
}

func startChrome(t *testing.T, width, height int) *chrome {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil && os.Getenv(live.EnvMode) == "require" {
		t.Fatalf("%v, and %s=require allows no skip", err, live.EnvMode)
	} else if err != nil {
		t.Skipf("%v: install chromium", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WSURLReadTimeout(2*time.Minute), chromedp.WindowSize(width, height))
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	tab, stopTab := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		ending, end := context.WithTimeout(tab, 20*time.Second)
		defer end()
		if err := chromedp.Cancel(ending); err != nil {
			t.Logf("end the browser: %v", err)
		}
		stopTab()
		stopAlloc()
	})
	if err := chromedp.Do(tab); err != nil { // it lives as long as this context, so it has no time limit
		t.Fatalf("start the browser: %v", err)
	}
	ctx, stop := context.WithTimeout(tab, 2*time.Minute)
	t.Cleanup(stop)
	return &chrome{t, ctx}
}

func (c *chrome) do(steps ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	if err := chromedp.Do(c.ctx, steps...); err != nil {
		c.t.Fatalf("browser: %v", err)
	}
}

// get runs what gives something back.
func get[T any](c *chrome, a chromedp.Action[T]) T {
	c.t.Helper()
	got, err := chromedp.Run(c.ctx, a)
	if err != nil {
		c.t.Fatalf("browser: %v", err)
	}
	return got
}

// shot keeps a picture of the whole page beside the test's other artifacts (go test -artifacts).
func (c *chrome) shot(name string) {
	c.t.Helper()
	picture := get(c, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(c.t.ArtifactDir(), name+".png"), picture, 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.alone()
}

// alone checks that the page asked nobody but the server it came from.
func (c *chrome) alone() {
	c.t.Helper()
	for _, asked := range get(c, chromedp.Evaluate[[]string](`performance.getEntriesByType("resource").map(r => new URL(r.name)).filter(u => u.protocol.startsWith("http") && u.host != location.host).map(String)`)) {
		c.t.Errorf("the page asks for %s", asked)
	}
}

func (c *chrome) text(selector chromedp.CSS) string {
	c.t.Helper()
	return strings.Join(strings.Fields(get(c, chromedp.Text(selector))), " ")
}

func TestInARealBrowser(t *testing.T) {
	w := webtest.NewWorld(t)
	base := w.Start(t).Base
	c := startChrome(t, 390, 844) // a phone
	c.do(chromedp.Navigate(base + "/sessions/" + webtest.Live.String()))
	c.do(chromedp.Click(chromedp.CSS(`main a[href^="/log-in"]`)), chromedp.WaitVisible(chromedp.CSS("#password")))
	c.shot("1-log-in")
	c.do(chromedp.SendKeys(chromedp.CSS("#login"), "ben@example.org"), chromedp.SendKeys(chromedp.CSS("#password"), webtest.Password),
		chromedp.Submit(chromedp.CSS("#password")), chromedp.WaitVisible(chromedp.CSS(".lot button")))
	c.shot("2-goods")
	if get(c, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`)) {
		t.Error("the goods page is wider than a phone")
	}
	c.do(chromedp.Click(chromedp.CSS(`[data-lot="`+webtest.LotOne.String()+`"] button`)), chromedp.WaitVisible(chromedp.CSS("#serial")))
	c.shot("3-receipt")
	serial := c.text("#serial")
	w.Write(t)
	c.do(chromedp.Click(chromedp.CSS("#written a")), chromedp.WaitVisible(chromedp.CSS(`#written a[href="/orders"]`)),
		chromedp.Click(chromedp.CSS(`#written a[href="/orders"]`)), chromedp.WaitVisible(chromedp.CSS(".order")))
	if got := c.text(".order"); !strings.Contains(got, serial) || !strings.Contains(got, "pending_payment") {
		t.Errorf("the order: %q, serial %q", got, serial)
	}
	c.shot("4-order")
	c.do(chromedp.Click(chromedp.CSS(`form[action$="/pay"] button`)), chromedp.WaitNotPresent(chromedp.CSS(`form[action$="/pay"]`)))
	if got := c.text(".order .state"); got != "paid" {
		t.Errorf("after paying: %q", got)
	}
	c.do(chromedp.Navigate(base+"/sessions/"+webtest.Live.String()),
		chromedp.Click(chromedp.CSS(`[data-lot="`+webtest.LotOne.String()+`"] button`)), chromedp.WaitVisible(chromedp.CSS(".problem")))
	if got := c.text(".problem"); !strings.Contains(got, "You have bought this lot") {
		t.Errorf("a second unit: %q", got)
	}
	c.shot("5-refused")
}

func TestTheOperatorsPagesInARealBrowser(t *testing.T) {
	w := webtest.NewWorld(t)
	base := w.Start(t).Base
	c := startChrome(t, 1200, 800)
	c.do(chromedp.Navigate(base+"/log-in?next=/plan"), chromedp.SendKeys(chromedp.CSS("#login"), "olga@example.org"),
		chromedp.SendKeys(chromedp.CSS("#password"), webtest.Password), chromedp.Submit(chromedp.CSS("#password")), chromedp.WaitVisible(chromedp.CSS(".session")))
	c.shot("6-plan")
	c.do(chromedp.Navigate(base+"/pipeline"), chromedp.WaitVisible(chromedp.CSS("tbody tr")))
	c.shot("7-pipeline")
	c.do(chromedp.Navigate(base+"/docs"), chromedp.WaitVisible(chromedp.CSS(".opblock")))
	if shown := get(c, chromedp.Evaluate[int](`document.querySelectorAll(".opblock").length`)); shown != len(api.Routes()) {
		t.Errorf("%d operations are shown of %d", shown, len(api.Routes()))
	}
	c.shot("8-docs")
}
