package traffic

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// Timers of RFC 3261, 17.
const (
	t1          = 500 * time.Millisecond
	t2          = 4 * time.Second
	transacting = 64 * t1 // timers B and F
)

// maxMessage is the longest datagram that is read.
const maxMessage = 65535

// work is what a socket begins over and over. Its methods are called with the socket's lock held.
type work interface {
	// begin begins one more; false when nobody is free to.
	begin(now time.Time) bool
	// tick does what is due.
	tick(now time.Time)
	// stop ends what is under way before its time.
	stop(now time.Time)
	// idle tells that nothing is under way but transactions.
	idle() bool
	// asked answers a request of the server's, with a code and its phrase.
	asked(req []byte) string
}

// socket is one UDP socket, its transactions and what became of them.
type socket struct {
	conn  *net.UDPConn
	local string // host:port, for Via and Contact

	mu     sync.Mutex
	work   work
	open   map[uint64]*transaction
	number uint64                     // of the last transaction
	extra  func(branch uint64) []byte // what to send again for a response that belongs to no transaction
	again  bool                       // whoever is done begins another
	until  time.Time                  // but not from then on
	result result
}

// transaction is one request on its way. RFC 3261, 17.1
type transaction struct {
	message     []byte
	began       time.Time
	due         time.Time // for the next repetition
	wait        time.Duration
	invite      bool
	provisional bool
	done        func(now time.Time, code int, res []byte) // code 0: no answer
}

// openSocket opens one that sends to the server, from the local address if there is one.
func openSocket(local netip.Addr, server netip.AddrPort) (*socket, error) {
	var from *net.UDPAddr
	if local.IsValid() {
		from = net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	conn, err := net.DialUDP("udp", from, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return nil, fmt.Errorf("load: no way to %s: %w", server, err)
	}
	_ = conn.SetReadBuffer(4 << 20) // as much as the kernel lets us have
	_ = conn.SetWriteBuffer(1 << 20)
	return &socket{conn: conn, local: conn.LocalAddr().String(), open: map[uint64]*transaction{}, result: result{Failures: map[string]int{}}}, nil
}

// read takes what comes until the socket is closed.
func (s *socket) read() {
	buf := make([]byte, maxMessage)
	for {
		n, err := s.conn.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // ICMP says that nobody is there: whoever waits will find out
			continue
		}
		now := time.Now()
		s.mu.Lock()
		s.take(now, buf[:n])
		s.mu.Unlock()
	}
}

// take handles one message.
func (s *socket) take(now time.Time, b []byte) {
	if !isResponse(b) {
		if n := len("ACK "); len(b) > n && string(b[:n]) != "ACK " {
			s.write(answer(b, s.work.asked(b)))
		}
		return
	}
	code := status(b)
	branch, ok := branchOf(b)
	if !ok || code == 0 {
		return
	}
	t := s.open[branch]
	switch {
	case t == nil:
		if code >= 200 && s.extra != nil {
			s.write(s.extra(branch))
		}
	case code < 200:
		t.provisional = true
	default:
		delete(s.open, branch)
		t.done(now, code, b)
	}
}

// branch draws the number of a transaction, and how it stands in Via.
func (s *socket) branch() (uint64, string) {
	s.number++
	return s.number, branchPrefix + strconv.FormatUint(s.number, 16) + "."
}

// send begins a transaction.
func (s *socket) send(now time.Time, branch uint64, message []byte, invite bool, done func(now time.Time, code int, res []byte)) {
	s.open[branch] = &transaction{message: message, began: now, due: now.Add(t1), wait: t1, invite: invite, done: done}
	s.write(message)
}

// write sends a datagram; what is lost here is repeated as what is lost on the way.
func (s *socket) write(b []byte) {
	if len(b) == 0 {
		return
	}
	if _, err := s.conn.Write(b); err != nil {
		s.result.Unsent++
	}
}

// tick repeats what has had no answer, gives up what never had, and lets the work do what is due.
func (s *socket) tick(now time.Time) {
	for branch, t := range s.open {
		switch {
		case now.Sub(t.began) >= transacting:
			delete(s.open, branch)
			t.done(now, 0, nil)
		case !now.Before(t.due) && !(t.invite && t.provisional):
			if t.wait *= 2; !t.invite {
				t.wait = min(t.wait, t2)
			}
			t.due = now.Add(t.wait)
			s.result.Repeated++
			s.write(t.message)
		}
	}
	s.work.tick(now)
}

// begin begins one more.
func (s *socket) begin(now time.Time) bool {
	if !s.work.begin(now) {
		return false
	}
	s.result.Begun++
	return true
}

// finish counts what has been done, took being from its first request to the answer that counts, or has failed, why
// being not empty then; and begins another where that is wanted.
func (s *socket) finish(now time.Time, took time.Duration, why string) {
	if why != "" {
		s.result.fail(why, 1)
	} else {
		s.result.Done++
		s.result.took.add(took)
	}
	if s.again && now.Before(s.until) {
		s.begin(now)
	}
}

// giveUp fails what is still under way.
func (s *socket) giveUp(now time.Time) {
	s.again = false
	for len(s.open) > 0 {
		for branch, t := range s.open {
			delete(s.open, branch)
			t.done(now, 0, nil)
		}
	}
}

// failure is a final answer for people.
func failure(method string, code int) string {
	if code == 0 {
		return method + ": no answer"
	}
	return method + ": answered " + strconv.Itoa(code)
}
