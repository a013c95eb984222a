package simulate

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func dice() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func TestEvenSchedules(t *testing.T) {
	for _, c := range []struct {
		shape Shape
		all   int
		// arrivals in each fifth of ten seconds at 100/s
		fifths [5]int
	}{
		{Constant, 1000, [5]int{200, 200, 200, 200, 200}},
		{Ramp, 500, [5]int{20, 60, 100, 140, 180}},
		{Spike, 280, [5]int{20, 20, 200, 20, 20}},
		{Step, 600, [5]int{40, 80, 120, 160, 200}},
	} {
		t.Run(string(c.shape), func(t *testing.T) {
			const length = 10 * time.Second
			s := newSchedule(c.shape, 100, length, true, nil)
			var got [5]int
			last := time.Duration(0)
			for {
				at, more := s.next()
				if !more {
					break
				}
				if at < last || at >= length {
					t.Fatalf("an arrival at %v after one at %v", at, last)
				}
				last = at
				got[at*5/length]++
			}
			if got != c.fifths {
				t.Errorf("arrivals by fifths %v, want %v", got, c.fifths)
			}
			if expected := c.shape.Expected(100, length); math.Abs(expected-float64(c.all)) > 1e-6 {
				t.Errorf("expects %v, want %d", expected, c.all)
			}
		})
	}
}

// A Poisson process has as many arrivals as are expected, give or take, and gaps that differ as much as they are long.
func TestPoissonArrivals(t *testing.T) {
	s := newSchedule(Constant, 1000, 20*time.Second, false, dice())
	var gaps []float64
	last := time.Duration(0)
	for at, more := s.next(); more; at, more = s.next() {
		gaps = append(gaps, (at - last).Seconds())
		last = at
	}
	sum, squares := 0.0, 0.0
	for _, g := range gaps {
		sum, squares = sum+g, squares+g*g
	}
	mean := sum / float64(len(gaps))
	deviation := math.Sqrt(squares/float64(len(gaps)) - mean*mean)
	if n := float64(len(gaps)); math.Abs(n-20_000) > 5*math.Sqrt(20_000) {
		t.Errorf("%v arrivals of 20000", n)
	}
	if ratio := deviation / mean; ratio < 0.95 || ratio > 1.05 {
		t.Errorf("the gaps' deviation is %.3f of their mean; 1 for a Poisson process", ratio)
	}
}

// Whatever the shape: in order, within the run, about as many as expected.
func TestSchedulesKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SampledFrom(Shapes).Draw(t, "shape")
		rate := rapid.Float64Range(0.5, 2000).Draw(t, "rate")
		length := time.Duration(rapid.Int64Range(int64(100*time.Millisecond), int64(3*time.Second)).Draw(t, "length"))
		even := rapid.Bool().Draw(t, "even")
		s := newSchedule(shape, rate, length, even, dice())
		last, n := time.Duration(0), 0
		for at, more := s.next(); more; at, more = s.next() {
			if at < last || at > length {
				t.Fatalf("arrival %d at %v after %v of %v", n, at, last, length)
			}
			last, n = at, n+1
		}
		expected := shape.Expected(rate, length)
		room := 1.0
		if !even {
			room = 6*math.Sqrt(expected) + 6
		}
		if math.Abs(float64(n)-expected) > room {
			t.Fatalf("%d arrivals, expected %.1f", n, expected)
		}
	})
}

func TestParseShape(t *testing.T) {
	for _, s := range Shapes {
		if got, err := ParseShape(string(s)); err != nil || got != s {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
	if _, err := ParseShape("wave"); err == nil || err.Error() != `"wave" is no shape: write constant, ramp, spike, step` {
		t.Errorf("wave: %v", err)
	}
}

func TestChoiceOfLots(t *testing.T) {
	const draws = 100_000
	for _, c := range []struct {
		zipf  float64
		first float64 // the share of the first of ten lots
	}{{0, 0.1}, {1, 0.341}, {2, 0.645}} {
		ch, d := newChoice(10, c.zipf), dice()
		var got [10]int
		for range draws {
			got[ch.draw(d)]++
		}
		if share := float64(got[0]) / draws; math.Abs(share-c.first) > 0.01 {
			t.Errorf("zipf %v: the first lot is drawn %.3f of the time, want %.3f", c.zipf, share, c.first)
		}
		for n, times := range got {
			if times == 0 {
				t.Errorf("zipf %v: lot %d is never drawn", c.zipf, n)
			}
		}
	}
}
