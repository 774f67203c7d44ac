package media

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sort"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Ports hands out pairs of UDP ports, RTP on the even one and RTCP on the odd one above it
// (RFC 3550, 11), in random order. A port that another program has is passed over; a port that was
// closed rests a while, so that packets still under way to the old call do not reach a new one.
// Either both ports of a pair are bound or none (USERS 23). Ports may be used by many goroutines.
type Ports struct {
	lo, hi     uint16 // even ports, both within
	quarantine time.Duration
	open       func(addr netip.AddrPort, dscp int) (*Socket, error)

	mu    sync.Mutex
	rest  []restingPort // a ring: those free the longest first
	head  int
	count int
}

type restingPort struct {
	rtp   uint16
	until time.Duration // free from then on
}

// ErrNoPorts is wrapped by Bind's error when every pair of the range is in use or resting.
var ErrNoPorts = errors.New("no RTP port is free")

// NewPorts makes pairs from the ports lo to hi, both included; a closed pair rests for quarantine.
func NewPorts(lo, hi uint16, quarantine time.Duration) (*Ports, error) {
	first, last := int(lo)+int(lo&1), int(hi)-1 // the pair's RTCP port must be within as well
	last -= last & 1
	if lo == 0 || last < first {
		return nil, fmt.Errorf("media: rtp ports %d-%d: need a range that holds an even port and the odd one above it, e.g. 10000-19999", lo, hi)
	}
	if quarantine < 0 {
		return nil, fmt.Errorf("media: rtp port quarantine %v: need 0 or more, e.g. 10s", quarantine)
	}
	p := &Ports{lo: uint16(first), hi: uint16(last), quarantine: quarantine, open: OpenSocket}
	for port := first; port <= last; port += 2 {
		p.rest = append(p.rest, restingPort{rtp: uint16(port)})
	}
	rand.Shuffle(len(p.rest), func(i, j int) { p.rest[i], p.rest[j] = p.rest[j], p.rest[i] })
	p.count = len(p.rest)
	return p, nil
}

// Pair is the two sockets of one call.
type Pair struct {
	RTP, RTCP *Socket
	ports     *Ports
}

// Bind opens a pair on addr whose packets are marked with dscp, at the time Now.
func (p *Ports) Bind(addr netip.Addr, dscp int) (*Pair, error) { return p.BindAt(Now(), addr, dscp) }

// BindAt is Bind at a time given. now must not go back between calls.
func (p *Ports) BindAt(now time.Duration, addr netip.Addr, dscp int) (*Pair, error) {
	taken := 0
	for range len(p.rest) - p.InUse() { // each once
		port, ok := p.take(now)
		if !ok {
			break
		}
		pair, err := p.openPair(addr, port, dscp)
		if err == nil {
			return pair, nil
		}
		p.give(port, now)
		if !errors.Is(err, unix.EADDRINUSE) {
			return nil, fmt.Errorf("media: rtp ports %d and %d on %v: %w", port, port+1, addr, err)
		}
		taken++
	}
	return nil, p.exhausted(now, taken)
}

// openPair opens both or none.
func (p *Ports) openPair(addr netip.Addr, port uint16, dscp int) (*Pair, error) {
	rtp, err := p.open(netip.AddrPortFrom(addr, port), dscp)
	if err != nil {
		return nil, err
	}
	rtcp, err := p.open(netip.AddrPortFrom(addr, port+1), dscp)
	if err != nil {
		rtp.Close()
		return nil, err
	}
	return &Pair{RTP: rtp, RTCP: rtcp, ports: p}, nil
}

func (p *Ports) exhausted(now time.Duration, taken int) error {
	free, used := p.FreeAt(now), p.InUse()
	return fmt.Errorf("media: rtp ports %d-%d: %w: of %d pairs %d are in calls, %d rest for %v after a call, %d are taken by other programs: widen the range (--rtp-ports)",
		p.lo, p.hi+1, ErrNoPorts, len(p.rest), used, max(0, len(p.rest)-used-free-taken), p.quarantine, taken)
}

// Close closes both sockets, at the time Now. Only the owner of the sockets may call it; the second
// time does nothing.
func (pair *Pair) Close() { pair.CloseAt(Now()) }

// CloseAt is Close at a time given.
func (pair *Pair) CloseAt(now time.Duration) {
	if p, port := pair.shut(); p != nil {
		p.give(port, now+p.quarantine)
	}
}

// Release is Close of a pair that no peer was told of: it need not rest, for nothing is under way to it.
func (pair *Pair) Release() { pair.ReleaseAt(Now()) }

// ReleaseAt is Release at a time given.
func (pair *Pair) ReleaseAt(now time.Duration) {
	if p, port := pair.shut(); p != nil {
		p.giveFirst(port, now)
	}
}

// shut closes both sockets; the first time it gives where they came from.
func (pair *Pair) shut() (from *Ports, rtp uint16) {
	if pair.ports == nil {
		return nil, 0
	}
	from, rtp = pair.ports, pair.RTP.Local().Port()
	pair.ports = nil
	pair.RTP.Close()
	pair.RTCP.Close()
	return from, rtp
}

// take removes the port that has been free the longest.
func (p *Ports) take(now time.Duration) (uint16, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count == 0 || p.rest[p.head].until > now {
		return 0, false
	}
	port := p.rest[p.head].rtp
	p.head = (p.head + 1) % len(p.rest)
	p.count--
	return port, true
}

// give puts a port back behind all others. Times in the ring never fall, so that its head is always
// the next to be free: a port that needs no rest waits for those before it.
func (p *Ports) give(port uint16, until time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count > 0 {
		until = max(until, p.at(p.count-1).until)
	}
	p.count++
	*p.at(p.count - 1) = restingPort{rtp: port, until: until}
}

// giveFirst puts a port that is free now before all others.
func (p *Ports) giveFirst(port uint16, now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count > 0 {
		now = min(now, p.at(0).until)
	}
	p.head = (p.head + len(p.rest) - 1) % len(p.rest)
	p.count++
	*p.at(0) = restingPort{rtp: port, until: now}
}

func (p *Ports) at(i int) *restingPort { return &p.rest[(p.head+i)%len(p.rest)] }

// InUse is how many pairs are in calls.
func (p *Ports) InUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.rest) - p.count
}

// Free is how many pairs a call could have now: neither in use nor resting.
func (p *Ports) Free() int { return p.FreeAt(Now()) }

// FreeAt is Free at a time given.
func (p *Ports) FreeAt(now time.Duration) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return sort.Search(p.count, func(i int) bool { return p.at(i).until > now })
}

// Size is how many pairs the range holds.
func (p *Ports) Size() int { return len(p.rest) }

// Overlap is the part that two port ranges share, bounds included; ok is false when they share
// none. An RTP range that overlaps the kernel's ephemeral range (net.ipv4.ip_local_port_range) loses
// ports to every outgoing connection of the machine.
func Overlap(lo, hi, otherLo, otherHi uint16) (first, last uint16, ok bool) {
	first, last = max(lo, otherLo), min(hi, otherHi)
	return first, last, lo <= hi && otherLo <= otherHi && first <= last
}
