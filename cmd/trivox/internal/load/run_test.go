package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"trivox/cmd/trivox/internal/jsonfile"
	"trivox/cmd/trivox/internal/phone"
	"trivox/sip/sdp"
)

// room is a server of the test's own: each leg gets what the first leg sends,
// and the first what the second sends, at once.
type room struct {
	t     *testing.T
	mu    sync.Mutex
	conns []*net.UDPConn
	to    []netip.AddrPort
	calls []*fakeCall
	work  sync.WaitGroup
	fail  int // calls to refuse
	end   int // number of the call to end at once, 0 for none
}

type fakeCall struct {
	done chan struct{}
	once sync.Once
	byes *int
}

func (c *fakeCall) Done() <-chan struct{} { return c.done }
func (c *fakeCall) Bye(context.Context, string) error {
	c.once.Do(func() { close(c.done) })
	*c.byes++
	return nil
}

func (r *room) dial(_ context.Context, call phone.Call) (dialog, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail > 0 {
		r.fail--
		return nil, errors.New("486 Busy Here")
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	local := sdp.Local{Addr: netip.MustParseAddr("127.0.0.1"), Port: uint16(conn.LocalAddr().(*net.UDPAddr).Port), LevelExt: true,
		Codecs: []sdp.Codec{{Name: "PCMU", ClockRate: 8000, PayloadType: 0}, {Name: "PCMA", ClockRate: 8000, PayloadType: 8}}}
	answer, m, err := sdp.Answer(call.Offer, local, nil)
	if err != nil {
		return nil, err
	}
	if err := call.Events.Dialled(answer); err != nil {
		return nil, err
	}
	n := len(r.conns)
	r.conns, r.to = append(r.conns, conn), append(r.to, m.Remote)
	r.work.Go(func() { r.forward(n, conn) })
	c := &fakeCall{done: make(chan struct{}), byes: new(int)}
	if r.calls = append(r.calls, c); len(r.calls) == r.end {
		close(c.done)
	}
	return c, nil
}

func (r *room) forward(n int, from *net.UDPConn) {
	buf := make([]byte, 1500)
	for {
		size, _, err := from.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if n > 1 {
			continue
		}
		r.mu.Lock()
		for i, c := range r.conns {
			if n == 0 && i != 0 || n == 1 && i == 0 {
				if _, err := c.WriteToUDPAddrPort(buf[:size], r.to[i]); err != nil {
					r.t.Error(err)
				}
			}
		}
		r.mu.Unlock()
	}
}

func (r *room) close() {
	r.mu.Lock()
	for _, c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.work.Wait()
}

func testPlan(t *testing.T, o Options) plan {
	t.Helper()
	o.URI, o.Conferences, o.Ramp, o.Bitrate, o.LocalRTP = "sip:tea@127.0.0.1", 1, 1000, 32000, "127.0.0.1"
	p, err := o.check()
	if err != nil {
		t.Fatal(err)
	}
	p.settle = 100 * time.Millisecond
	return p
}

func TestRun(t *testing.T) {
	defer goleak.VerifyNone(t)
	r := &room{t: t}
	p := testPlan(t, Options{Legs: 9, Talkers: 2, Codec: "PCMA", Seconds: 1, Seed: 5, Levels: true, ServerPID: os.Getpid()})
	p.Ramp = 20 // one after the other: the room's first two are the talkers
	var progress bytes.Buffer
	got, err := run(t.Context(), p, r.dial, &progress)
	r.close()
	if err != nil {
		t.Fatal(err)
	}
	if got.Calls.Made != 9 || got.Calls.Failed != 0 || got.Calls.Dropped != 0 || got.Calls.NoSound != 0 || !got.good() {
		t.Errorf("calls %+v", got.Calls)
	}
	if got.Packets.Expected != 450 || got.Packets.Sent != 450 || got.Packets.Lost != 0 || got.Packets.Received < 400 || got.Packets.Received > 500 {
		t.Errorf("packets %+v", got.Packets)
	}
	if got.Heard.Checked != 9 || got.Heard.Hearing != 9 || got.Heard.LevelDB < -40 {
		t.Errorf("heard %+v", got.Heard)
	}
	if got.Delay == nil || got.Delay.Legs < 5 || got.Delay.Median < -1 {
		t.Errorf("delay %+v", got.Delay)
	}
	if got.Server == nil || got.Server.RSS == 0 {
		t.Errorf("server %+v", got.Server)
	}
	for i, c := range r.calls {
		if *c.byes != 1 {
			t.Errorf("call %d got %d BYE", i, *c.byes)
		}
	}
	var table bytes.Buffer
	got.print(&table)
	for _, want := range []string{"9 made, 0 failed", "450 expected", "9 of 9 legs", "of CPU per leg-second"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("no %q in\n%s", want, table.String())
		}
	}
	file := filepath.Join(t.TempDir(), "report.json")
	if err := jsonfile.Write(file, got, nil); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	var again report
	if err != nil || json.Unmarshal(b, &again) != nil || again.Packets != got.Packets {
		t.Errorf("%v\n%s", err, b)
	}
}

// Calls that fail, and calls that the server ends, are said and counted.
func TestFailures(t *testing.T) {
	defer goleak.VerifyNone(t)
	r := &room{t: t, fail: 1, end: 3}
	p := testPlan(t, Options{Legs: 4, Talkers: 0, Codec: "PCMU", Seconds: 1, Seed: 5})
	p.settle = 0
	got, err := run(t.Context(), p, r.dial, &bytes.Buffer{})
	r.close()
	if err != nil {
		t.Fatal(err)
	}
	if got.Calls.Failed != 1 || got.Calls.Dropped != 1 || got.good() || got.Calls.Failures["486 Busy Here"] != 1 {
		t.Errorf("%+v", got.Calls)
	}
	if *r.calls[2].byes != 0 || *r.calls[0].byes != 1 {
		t.Errorf("BYE to a call that had ended, or none to one that was up")
	}
	if got.Heard.Expected {
		t.Error("nobody talks, yet somebody should be heard")
	}
}

func TestInterrupted(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(t.Context())
	r := &room{t: t}
	p := testPlan(t, Options{Legs: 200, Talkers: 0, Codec: "PCMU", Seconds: 3600, Seed: 5})
	p.Ramp = 1
	dial := func(ctx context.Context, c phone.Call) (dialog, error) {
		defer cancel()
		return r.dial(ctx, c)
	}
	got, err := run(ctx, p, dial, &bytes.Buffer{})
	r.close()
	if err != nil || got.good() || got.Calls.Failed < 198 || got.Seconds > 60 {
		t.Errorf("%v %+v", err, got)
	}
}
