package sim

import (
	"strings"
	"testing"
)

func TestChart(t *testing.T) {
	c := chart{title: "a < b", x: axis{label: "x"}, y: axis{label: "y", low: 0, high: 1, percent: true},
		lines: []line{{"one", []point{{0, 0}, {10, 1}}}, {"empty", nil}}, bands: []band{{2, 4, 0, 0, "here"}}}
	svg := string(c.svg())
	for _, want := range []string{
		"a &lt; b", ">60 %<", ">10<",
		`<path d="M70 385L640 40" fill="none" stroke="#0072b2"`, // from corner to corner
		`<rect x="184" y="42" width="114"`,                      // a fifth of the width
		">one<", ">empty<",
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %q in\n%s", want, svg)
		}
	}
}

// Ticks are 1, 2 or 5 times a power of ten, and the limits are ticks.
func TestAxis(t *testing.T) {
	for _, c := range []struct {
		low, high             float64
		wantLow, wantHigh, by float64
	}{
		{1, 10, 0, 10, 2},
		{3, 97, 0, 100, 20},
		{100, 101, 100, 101, 0.2},
		{-3, 3, -3, 3, 1},
		{5, 5, 5, 6, 0.2},
		{0, 0.013, 0, 0.014, 0.002},
	} {
		a := axis{}
		a.fit([]line{{points: []point{{0, c.low}, {0, c.high}}}}, func(p point) float64 { return p.y })
		if a.show(a.low) != a.show(c.wantLow) || a.show(a.high) != a.show(c.wantHigh) || a.show(a.step()) != a.show(c.by) {
			t.Errorf("%v to %v: axis %v to %v by %v, want %v to %v by %v", c.low, c.high, a.low, a.high, a.step(), c.wantLow, c.wantHigh, c.by)
		}
	}
	var a axis
	if a.fit(nil, nil); a.low != 0 || a.high != 1 {
		t.Errorf("no points: %v to %v", a.low, a.high)
	}
}
