package media

import (
	"fmt"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// IO is how a worker moves packets. A Sweeper does it by one system call a packet; tests and ways
// that need privileges do it otherwise.
type IO interface {
	// Sweep takes at most SweepLimit packets from each socket without waiting, not counting those
	// that are refused (Sweeper.Refuse), and gives each to the function: the index of its socket, the packet, which is valid until the function
	// returns, its source and its time of arrival, a time of Now. Sockets that are nil are passed over.
	Sweep(socks []*Socket, each func(i int, b []byte, from netip.AddrPort, arrival time.Duration))
	// Send sends one packet, at the latest when Flush is called; b may be reused at once. Errors are
	// as of Socket.Send; they are counted, and the caller may pass over them.
	Send(s *Socket, b []byte, to netip.AddrPort) error
	// Flush sends what Send has kept back.
	Flush()
}

// SweepLimit is how many packets one sweep takes from one socket at most, so that a stranger who
// floods one leg cannot delay the others.
const SweepLimit = 8

// SpareLimit is how many packets between two calls of Flush do not count against SweepLimit because
// they were of no use. So the sound of a leg comes through a stranger's flood at its port, as long as
// the kernel's buffer holds both, and all that strangers send costs a slot half a millisecond.
const SpareLimit = 512

// packetSize is the longest packet taken: an Ethernet frame's worth. A longer one is cut off by
// the kernel, and dropped.
const packetSize = 1500

// SweepStats counts what a Sweeper did.
type SweepStats struct {
	Received  uint64 // packets given to the caller
	Truncated uint64 // dropped: longer than an Ethernet frame
	Limited   uint64 // sockets left with packets in them because of SweepLimit
	Failed    uint64 // errors of receiving: ICMP answers, closed sockets
	Sent      uint64
	Unsent    uint64 // sends that failed, for whatever reason
	Full      uint64 // of these, because the kernel's send buffer was full
}

// Sweeper is the IO of one worker. What the kernel writes to lies outside the Go heap, in memory
// of its own. It belongs to one goroutine at a time.
type Sweeper struct {
	arena []byte
	*sweepArena
	stats   SweepStats
	spare   int  // of SpareLimit
	refused bool // the packet given last
}

type sweepArena struct {
	in     header
	out    unix.RawSockaddrInet6
	packet [packetSize]byte
}

var _ IO = (*Sweeper)(nil)

// NewSweeper maps the Sweeper's memory; Close gives it back.
func NewSweeper() (*Sweeper, error) {
	arena, err := unix.Mmap(-1, 0, int(unsafe.Sizeof(sweepArena{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("media: no memory for packets: %w", err)
	}
	w := &Sweeper{arena: arena, sweepArena: (*sweepArena)(unsafe.Pointer(&arena[0])), spare: SpareLimit}
	w.in.point()
	w.in.iov.Base = &w.packet[0]
	w.in.iov.SetLen(packetSize)
	return w, nil
}

// Close gives the memory back. The Sweeper must not be used after.
func (w *Sweeper) Close() error {
	w.sweepArena = nil
	return unix.Munmap(w.arena)
}

// Sweep is IO's. An empty socket costs one system call, one with n packets n+1, or n when its packets
// come so evenly that no other can be due.
func (w *Sweeper) Sweep(socks []*Socket, each func(i int, b []byte, from netip.AddrPort, arrival time.Duration)) {
	stamps := ReadStamps()
	for i, s := range socks {
		if s == nil {
			continue
		}
		w.sweepOne(i, s, stamps, each)
	}
}

func (w *Sweeper) sweepOne(i int, s *Socket, stamps Stamps, each func(i int, b []byte, from netip.AddrPort, arrival time.Duration)) {
	for taken := 0; taken < SweepLimit; taken++ {
		n, e := w.in.receive(s.fd)
		if e == syscall.EAGAIN {
			return
		}
		if e != 0 { // an ICMP answer is taken off by reporting it: what follows may be a packet
			w.stats.Failed++
			continue
		}
		if w.in.msg.Flags&unix.MSG_TRUNC != 0 {
			w.stats.Truncated++
			taken -= w.forgive()
			continue
		}
		w.stats.Received++
		arrival := stamps.Arrival(w.in.stamp())
		due := s.cadence.add(arrival, stamps.now)
		w.refused = false
		each(i, w.packet[:n:n], w.in.from(), arrival)
		if w.refused {
			taken -= w.forgive()
		} else if !due {
			return
		}
	}
	w.stats.Limited++
}

// Refuse says, in the function that Sweep gave a packet to, that it was of no use: it does not count
// against SweepLimit while SpareLimit lasts.
func (w *Sweeper) Refuse() { w.refused = true }

// forgive is 1 while there is something to spare.
func (w *Sweeper) forgive() int {
	if w.spare == 0 {
		return 0
	}
	w.spare--
	return 1
}

// Send is IO's. It sends at once.
func (w *Sweeper) Send(s *Socket, b []byte, to netip.AddrPort) error {
	size := s.address(&w.out, to)
	if size == 0 {
		w.stats.Unsent++
		return ErrUnsendable
	}
	if e := send(s.fd, b, &w.out, size); e != 0 {
		w.stats.Unsent++
		if e == syscall.EAGAIN || e == syscall.ENOBUFS {
			w.stats.Full++
		}
		return e
	}
	w.stats.Sent++
	return nil
}

// Flush is IO's. Nothing is kept back.
func (w *Sweeper) Flush() { w.spare = SpareLimit }

// Stats returns the counts so far.
func (w *Sweeper) Stats() SweepStats { return w.stats }
