package main

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/phone"
	"trivox/media/codec"
)

// few is what two thousand calls can tell of a trend: without a leak it was between -112 and 180 bytes a call, since
// the collector moves the resident memory more than a leak of so little could. What the server holds for one call is
// more than this: 1.5 kB for a call that is over. Ten thousand calls tell exactly: see TestSoakTenThousandCalls.
const few = 400

// Two thousand calls made and ended leave nothing behind: goroutines, sockets and port pairs are what they were, and
// memory is flat as far as so few calls can tell, with a collector that runs often (GOGC): the trend does not exceed the
// limit by more than its own uncertainty, which a busy machine makes larger. It takes longest, so it is among the first to begin.
func TestTwoThousandCalls(t *testing.T) {
	t.Parallel()
	if slope, doubt := comings(t, 2000, 2*remembered, "GOGC=20"); slope-doubt > few {
		t.Errorf("memory grows by %.0f bytes a call, give or take %.0f; want under %d", slope, doubt, few)
	}
}

// state is what a server holds of the system.
type state struct {
	goroutines, files, pairs int
}

// holds asks a server for its state.
func (s *server) holds() state {
	s.t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	return state{int(s.metric("go_goroutines")), len(files), int(s.metric("trivox_rtp_port_pairs_in_use"))}
}

// resident is the server's memory in bytes.
func (s *server) resident() float64 {
	s.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		s.t.Fatal(err)
	}
	return float64(pages * os.Getpagesize())
}

// trend fits y = a + slope*x by least squares; doubt is the standard error of the slope.
func trend(x, y []float64) (slope, doubt float64) {
	var mx, my, xx, xy, rest float64
	n := float64(len(x))
	for i := range x {
		mx, my = mx+x[i]/n, my+y[i]/n
	}
	for i := range x {
		xx, xy = xx+(x[i]-mx)*(x[i]-mx), xy+(x[i]-mx)*(y[i]-my)
	}
	slope = xy / xx
	for i := range x {
		r := y[i] - my - slope*(x[i]-mx)
		rest += r * r
	}
	return slope, math.Sqrt(rest / (n - 2) / xx)
}

const (
	callRate   = 100              // calls a second
	remembered = 32 * time.Second // 64*T1: so long a server knows a call that is over (RFC 3261, 17.2)
)

// comings makes calls and ends them, several at a time, and gives the trend of the server's memory over the last 80 %
// of them, in bytes a call. They are counted from when calls have come for a while, so that as many are remembered as
// ever will be. Afterwards the server must hold what it held before.
func comings(t *testing.T, calls int, first time.Duration, environment ...string) (slope, doubt float64) {
	s := serveIn(t, environment, "[rtp]\nquarantine = \"0s\"\n")
	agents := make([]*phone.Agent, 8)
	for i := range agents {
		agents[i] = openAgent(t, line{local: netip.MustParseAddr("127.0.0.1")})
	}
	pace := time.NewTicker(time.Second / callRate)
	defer pace.Stop()
	batch := func(n int) {
		t.Helper()
		var done sync.WaitGroup
		for i, a := range agents {
			done.Go(func() {
				for range n / len(agents) {
					<-pace.C
					comeAndGo(t, a, s.room(fmt.Sprintf("room%d", i/2)))
				}
			})
		}
		done.Wait()
	}
	const step = 40
	batch(step) // what is made once is made
	var before state
	s.becomes("it is at rest", func() bool {
		before = s.holds()
		return before.pairs == 0 && before == s.holds()
	})
	batch(callRate * int(first/time.Second))
	var x, y []float64
	for made := step; made <= calls; made += step {
		batch(step)
		if made > calls/5 {
			x, y = append(x, float64(made)), append(y, s.resident())
		}
	}
	var after state
	for give := time.Now().Add(patience); time.Now().Before(give) && (after == state{} || after.more(before)); {
		after = s.holds()
	}
	if after.more(before) {
		t.Errorf("after %d calls the server holds %+v, before it held %+v", calls, after, before)
	}
	slope, doubt = trend(x, y)
	t.Logf("%d calls: before %+v, after %+v; memory at last %.1f MB, its trend %.0f bytes a call, give or take %.0f", calls,
		before, after, y[len(y)-1]/1e6, slope, doubt)
	return slope, doubt
}

// more tells whether something was left behind.
func (a state) more(b state) bool {
	return a.goroutines > b.goroutines || a.files > b.files || a.pairs > b.pairs
}

// comeAndGo makes one call and ends it.
func comeAndGo(t *testing.T, a *phone.Agent, uri string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	d, err := a.Dial(ctx, phone.Call{URI: uri, Offer: offer(netip.AddrPortFrom(a.Addr().Addr(), 9), codec.PCMU, 1, "sendrecv")})
	if err != nil {
		t.Errorf("a call failed: %v", err)
		return
	}
	if err := d.Bye(ctx, ""); err != nil {
		t.Errorf("BYE: %v", err)
	}
}
