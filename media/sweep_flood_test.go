package media

import (
	"net/netip"
	"testing"
	"time"
)

// What is refused takes no place of what is not, up to a limit for all sockets between two calls of Flush.
func TestSweepPassesOverRefused(t *testing.T) {
	w := newTestSweeper(t)
	socks := []*Socket{openTest(t, "127.0.0.1"), openTest(t, "127.0.0.1"), openTest(t, "127.0.0.1"), openTest(t, "127.0.0.1"), openTest(t, "127.0.0.1")}
	from := openTest(t, "127.0.0.1")
	const junk = 120 // fits into the kernel's buffer of a socket
	for _, s := range socks {
		for range junk {
			if err := w.Send(from, []byte("junk"), s.Local()); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Send(from, []byte("good"), s.Local()); err != nil {
			t.Fatal(err)
		}
		await(t, s)
	}
	var refused, good [5]int
	sweep := func() {
		w.Sweep(socks, func(i int, b []byte, _ netip.AddrPort, _ time.Duration) {
			if string(b) == "good" {
				good[i]++
				return
			}
			refused[i]++
			w.Refuse()
		})
	}
	sweep()
	last := SpareLimit - 4*junk + SweepLimit
	if want := [5]int{junk, junk, junk, junk, last}; refused != want || good != [5]int{1, 1, 1, 1, 0} {
		t.Errorf("refused %v, want %v; good %v", refused, want, good)
	}
	w.Flush()
	sweep()
	if refused[4] != junk || good[4] != 1 {
		t.Errorf("after Flush: refused %v, good %v", refused, good)
	}
}
