package simulate

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"rostrum/internal/live"
)

// The page as people see it, in light and in dark: its charts have a size, nothing runs out of it, and it asks nobody for
// anything. The pictures are kept as artifacts (go test -artifacts).
func TestThePageInARealBrowser(t *testing.T) {
	path, err := exec.LookPath("chromium")
	if err != nil && os.Getenv(live.EnvMode) == "require" {
		t.Fatalf("%v, and %s=require allows no skip", err, live.EnvMode)
	} else if err != nil {
		t.Skipf("%v: install chromium", err)
	}
	var page bytes.Buffer
	if err := sample().HTML(&page); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, page.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, look := range []struct {
		name, scheme, paper string
		wide                int
	}{{"light", "1", "rgb(255, 255, 255)", 1000}, {"dark", "0", "rgb(20, 24, 29)", 1000}, {"narrow", "1", "rgb(255, 255, 255)", 500}} {
		t.Run(look.name, func(t *testing.T) {
			ctx := browser(t, path, look.wide, look.scheme)
			if err := chromedp.Do(ctx, chromedp.Navigate("file://"+file), chromedp.WaitVisible(chromedp.CSS("svg"))); err != nil {
				t.Fatal(err)
			}
			seen, err := chromedp.Run(ctx, chromedp.Evaluate[map[string]any](`({
				charts: [...document.querySelectorAll("svg")].filter(s => s.getBoundingClientRect().height > 100).length,
				bars: document.querySelectorAll("rect.bar").length,
				paper: getComputedStyle(document.body).backgroundColor,
				over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
				asked: performance.getEntriesByType("resource").length })`))
			if err != nil {
				t.Fatal(err)
			}
			if seen["charts"] != 3.0 || seen["bars"].(float64) < 5 || seen["paper"] != look.paper || seen["over"] != 0.0 || seen["asked"] != 0.0 {
				t.Errorf("seen %v", seen)
			}
			picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(t.ArtifactDir(), look.name+".png"), picture, 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// browser starts one that ends with the test; scheme is its number for what people prefer: 0 dark, 1 light.
func browser(t *testing.T, path string, wide int, scheme string) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WSURLReadTimeout(2*time.Minute), chromedp.WindowSize(wide, 900),
		chromedp.Flag("blink-settings", "preferredColorScheme="+scheme))
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
	ctx, stop := context.WithTimeout(tab, time.Minute)
	t.Cleanup(stop)
	return ctx
}
