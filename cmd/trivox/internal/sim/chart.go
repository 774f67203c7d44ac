package sim

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// chart is a drawing of lines over two axes.
type chart struct {
	title  string
	x, y   axis
	lines  []line
	bands  []band
	legend string // heading of the legend, may be empty
}

// axis is one of the two. When low equals high, they follow the lines.
type axis struct {
	label     string
	low, high float64
	percent   bool    // values are shares, shown times 100
	room      float64 // share of the height that is left free above the lines
}

// line is one row of points, drawn in the order given; the order of lines gives
// them their colours and dashes.
type line struct {
	name   string
	points []point
}

type point struct{ x, y float64 }

// band shades the drawing between two values of x.
type band struct {
	from, to float64
	line     int    // in the colour of this line
	row      int    // the strip under the top edge that it fills, from 0
	text     string // shown when it is pointed at
}

// The drawing, in the units of its view box.
const (
	chartWidth, chartHeight = 860, 440
	chartLeft, chartRight   = 70, 220 // what is left free around the axes
	chartTop, chartBottom   = 40, 55
	bandHeight              = 7
)

// colours of Okabe and Ito, which the colour-blind can tell apart.
func colour(i int) string {
	all := [...]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"}
	return all[i%len(all)]
}

func dash(i int) string {
	all := [...]string{"", "7 3", "2 2", "10 3 2 3", "", "5 5", "1 3"}
	return all[i%len(all)]
}

// svg draws the chart. The same chart gives the same bytes.
func (c chart) svg() []byte {
	c.x.fit(c.lines, func(p point) float64 { return p.x })
	c.y.fit(c.lines, func(p point) float64 { return p.y })
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		chartWidth, chartHeight)
	fmt.Fprintf(&b, `<title>%s</title>`+"\n"+`<rect width="100%%" height="100%%" fill="#fff"/>`+"\n", escape(c.title))
	text(&b, (chartLeft+chartWidth-chartRight)/2, 22, "middle", c.title, `font-size="15"`)
	c.axes(&b)
	for _, s := range c.bands {
		x, end := c.at(point{s.from, 0}), c.at(point{s.to, 0})
		fmt.Fprintf(&b, `<rect x="%s" y="%d" width="%s" height="%d" fill="%s" fill-opacity="0.8"><title>%s</title></rect>`+"\n",
			number(x.x), chartTop+2+s.row*(bandHeight+2), number(end.x-x.x), bandHeight, colour(s.line), escape(s.text))
	}
	for i := len(c.lines) - 1; i >= 0; i-- { // the first on top
		c.draw(&b, i, c.lines[i])
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// fit gives the axis limits that hold every point, 0 among them when it is near.
func (a *axis) fit(lines []line, of func(point) float64) {
	if a.low != a.high {
		return
	}
	a.low, a.high = math.Inf(1), math.Inf(-1)
	for _, l := range lines {
		for _, p := range l.points {
			a.low, a.high = min(a.low, of(p)), max(a.high, of(p))
		}
	}
	if a.low > a.high {
		a.low, a.high = 0, 1
	}
	a.high += a.room * (a.high - a.low)
	if a.low > 0 && a.low < a.high/2 {
		a.low = 0
	}
	if a.low == a.high {
		a.high = a.low + 1
	}
	step := a.step()
	a.low, a.high = math.Floor(a.low/step)*step, math.Ceil(a.high/step)*step
}

// step is the distance between ticks: 1, 2 or 5 times a power of ten, with 4 to 10
// of them.
func (a axis) step() float64 {
	rough := (a.high - a.low) / 8
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= rough {
			return m * power
		}
	}
	return 10 * power
}

// show is a value as a tick shows it.
func (a axis) show(v float64) string {
	if a.percent {
		return strconv.FormatFloat(math.Round(v*1e4)/100, 'f', -1, 64) + " %"
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

// at is where a point lies in the drawing.
func (c chart) at(p point) point {
	w, h := float64(chartWidth-chartLeft-chartRight), float64(chartHeight-chartTop-chartBottom)
	return point{
		chartLeft + (p.x-c.x.low)/(c.x.high-c.x.low)*w,
		chartHeight - chartBottom - (p.y-c.y.low)/(c.y.high-c.y.low)*h,
	}
}

// axes draws the frame, ticks, grid and labels.
func (c chart) axes(b *bytes.Buffer) {
	const left, right, top, bottom = chartLeft, chartWidth - chartRight, chartTop, chartHeight - chartBottom
	for i := 0; ; i++ {
		v := c.x.low + float64(i)*c.x.step()
		if v > c.x.high+c.x.step()/1e6 {
			break
		}
		x := c.at(point{v, c.y.low}).x
		fmt.Fprintf(b, `<path d="M%s %dV%d" stroke="#ddd"/>`+"\n", number(x), top, bottom)
		text(b, x, bottom+18, "middle", c.x.show(v), "")
	}
	for i := 0; ; i++ {
		v := c.y.low + float64(i)*c.y.step()
		if v > c.y.high+c.y.step()/1e6 {
			break
		}
		y := c.at(point{c.x.low, v}).y
		fmt.Fprintf(b, `<path d="M%d %sH%d" stroke="#ddd"/>`+"\n", left, number(y), right)
		text(b, left-8, y+4, "end", c.y.show(v), "")
	}
	fmt.Fprintf(b, `<path d="M%d %dV%dH%d" fill="none" stroke="#333"/>`+"\n", left, top, bottom, right)
	text(b, (left+right)/2, chartHeight-14, "middle", c.x.label, "")
	text(b, 18, (top+bottom)/2, "middle", c.y.label, fmt.Sprintf(`transform="rotate(-90 18 %d)"`, (top+bottom)/2))
	if c.legend != "" {
		text(b, right+16, top+8, "start", c.legend, `font-weight="bold"`)
	}
}

// draw draws one line and its entry in the legend.
func (c chart) draw(b *bytes.Buffer, i int, l line) {
	style := fmt.Sprintf(`fill="none" stroke="%s" stroke-width="2"`, colour(i))
	if d := dash(i); d != "" {
		style += fmt.Sprintf(` stroke-dasharray="%s"`, d)
	}
	var d strings.Builder
	for k, p := range l.points {
		if k > 0 {
			d.WriteByte('L')
		}
		q := c.at(p)
		d.WriteString(number(q.x) + " " + number(q.y))
	}
	if len(l.points) > 0 {
		fmt.Fprintf(b, `<path d="M%s" %s><title>%s</title></path>`+"\n", d.String(), style, escape(l.name))
	}
	x, y := chartWidth-chartRight+16, chartTop+28+20*i
	fmt.Fprintf(b, `<path d="M%d %dh28" %s/>`+"\n", x, y-4, style)
	text(b, float64(x)+34, float64(y), "start", l.name, "")
}

// text writes a line of text at a place, with further attributes.
func text[N int | float64](b *bytes.Buffer, x N, y N, anchor, s, more string) {
	if more != "" {
		more = " " + more
	}
	fmt.Fprintf(b, `<text x="%s" y="%s" text-anchor="%s"%s>%s</text>`+"\n",
		number(float64(x)), number(float64(y)), anchor, more, escape(s))
}

// number is a coordinate to a tenth.
func number(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}
