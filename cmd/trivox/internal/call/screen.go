package call

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
)

// screen shows how the call goes on one line of a terminal; to a file or a
// pipe only lines that stay are written.
type screen struct {
	w    io.Writer
	live bool
	last time.Duration
	open bool // the line has been written and not ended
}

const refresh = 200 * time.Millisecond

func newScreen(w io.Writer) *screen {
	s := &screen{w: w}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		s.live = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return s
}

// say writes a line that stays.
func (s *screen) say(format string, args ...any) {
	s.end()
	fmt.Fprintf(s.w, format+"\n", args...)
}

// show writes the line that changes, at most every 200 ms.
func (s *screen) show(at time.Duration, l *listener, lost int64) {
	if !s.live || at < s.last+refresh && s.open {
		return
	}
	s.last, s.open = at, true
	st := l.stats()
	fmt.Fprintf(s.w, "\r\x1b[K%s  %s %6.1f dB  lost %d  jitter %v  delay %v", clock(at), bar(l.level), decibels(l.level),
		lost, st.Jitter.Round(100*time.Microsecond), st.Delay.Round(time.Millisecond))
}

// end leaves the line that changes.
func (s *screen) end() {
	if s.open {
		fmt.Fprintln(s.w)
		s.open = false
	}
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// decibels of full scale, -96 at least: the least 16 bits can say.
func decibels(level float64) float64 {
	return math.Max(-96, 20*math.Log10(level))
}

// bar is a level meter from -60 to 0 dB.
func bar(level float64) string {
	const width = 30
	n := int((decibels(level) + 60) / 60 * width)
	n = max(0, min(n, width))
	return "[" + strings.Repeat("#", n) + strings.Repeat(" ", width-n) + "]"
}
