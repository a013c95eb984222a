package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Shape is how the rate of arrivals goes over a run.
type Shape string

// The shapes. The rate that is asked for is the highest of each.
const (
	Constant Shape = "constant" // that rate from beginning to end
	Ramp     Shape = "ramp"     // from nothing up to it, evenly
	Spike    Shape = "spike"    // a tenth of it, but for the middle fifth of the run
	Step     Shape = "step"     // five stairs up to it, of the same length
)

// Shapes are all there are.
var Shapes = []Shape{Constant, Ramp, Spike, Step}

const (
	stairs    = 5
	spikeBase = 0.1 // of the spike's rate
)

// ParseShape reads a shape's name.
func ParseShape(name string) (Shape, error) {
	if s := Shape(name); slices.Contains(Shapes, s) {
		return s, nil
	}
	var names []string
	for _, s := range Shapes {
		names = append(names, string(s))
	}
	return "", fmt.Errorf("%q is no shape: write %s", name, strings.Join(names, ", "))
}

// stretch is a part of a run in which the rate goes evenly from one value to another, arrivals per second.
type stretch struct {
	seconds  float64
	from, to float64
}

// arrivals is how many are expected in it.
func (s stretch) arrivals() float64 { return (s.from + s.to) / 2 * s.seconds }

// at gives the second at which the expected number of arrivals reaches x, 0 ≤ x ≤ arrivals.
func (s stretch) at(x float64) float64 {
	slope := (s.to - s.from) / (2 * s.seconds)
	if math.Abs(slope) < 1e-9 {
		return x / s.from
	}
	return (math.Sqrt(max(0, s.from*s.from+4*slope*x)) - s.from) / (2 * slope)
}

// stretches lays a shape out.
func (s Shape) stretches(perSecond float64, length time.Duration) []stretch {
	all := length.Seconds()
	switch s {
	case Ramp:
		return []stretch{{all, 0, perSecond}}
	case Spike:
		base := perSecond * spikeBase
		return []stretch{{all * 2 / 5, base, base}, {all / 5, perSecond, perSecond}, {all * 2 / 5, base, base}}
	case Step:
		var up []stretch
		for n := 1; n <= stairs; n++ {
			rate := perSecond * float64(n) / stairs
			up = append(up, stretch{all / stairs, rate, rate})
		}
		return up
	}
	return []stretch{{all, perSecond, perSecond}}
}

// Expected is how many arrivals a shape has in the mean.
func (s Shape) Expected(perSecond float64, length time.Duration) float64 {
	sum := 0.0
	for _, part := range s.stretches(perSecond, length) {
		sum += part.arrivals()
	}
	return sum
}

// schedule gives the moments of arrivals in order. They are a Poisson process, as independent people are, or even.
type schedule struct {
	parts  []stretch
	even   bool
	dice   *rand.Rand
	began  float64 // seconds, of parts[0]
	passed float64 // arrivals expected before parts[0]
	reach  float64 // arrivals expected up to the one that was given last
}

func newSchedule(s Shape, perSecond float64, length time.Duration, even bool, dice *rand.Rand) *schedule {
	sch := &schedule{parts: s.stretches(perSecond, length), even: even, dice: dice}
	if even {
		sch.reach = -0.5 // in the middle of their gaps
	}
	return sch
}

// next gives when the next one comes, counted from the beginning; false: nobody comes any more.
func (s *schedule) next() (time.Duration, bool) {
	if s.even {
		s.reach++
	} else {
		s.reach += s.dice.ExpFloat64()
	}
	for len(s.parts) > 0 {
		part := s.parts[0]
		if x := s.reach - s.passed; x < part.arrivals() {
			return time.Duration((s.began + part.at(x)) * float64(time.Second)), true
		}
		s.passed, s.began = s.passed+part.arrivals(), s.began+part.seconds
		s.parts = s.parts[1:]
	}
	return 0, false
}

// choice draws lots: the first is the most wanted, by Zipf's law with exponent s; 0: all are wanted alike.
type choice struct{ upTo []float64 }

func newChoice(lots int, s float64) choice {
	c := choice{make([]float64, lots)}
	sum := 0.0
	for n := range lots {
		sum += math.Pow(float64(n+1), -s)
		c.upTo[n] = sum
	}
	return c
}

func (c choice) draw(dice *rand.Rand) int {
	x := dice.Float64() * c.upTo[len(c.upTo)-1]
	n, _ := slices.BinarySearch(c.upTo, x)
	return min(n, len(c.upTo)-1)
}
