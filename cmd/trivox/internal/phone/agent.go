// Package phone is a SIP user agent that calls: one socket, any number of
// dialogs, no goroutine for a call that is up. It moves SDP as bytes.
package phone

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"trivox/cmd/trivox/internal/certs"
)

// Config of an Agent.
type Config struct {
	// Local is the address to send from and to be reached at. Port 0 takes a
	// free one. It must name one interface: it is written into Contact.
	Local     netip.AddrPort
	Transport string       // "udp" (default), "tcp" or "tls"
	User      string       // who calls: "anna" or, of a domain, "anna@example.com"; "trivox" when empty
	Password  string       // of User, for who asks for it by digest (RFC 8760); empty: there is none
	TLS       *tls.Config  // whom to believe, and certificates of ours; nil: the system's authorities
	UserAgent string       // User-Agent header; none when empty
	Log       *slog.Logger // what the SIP stack has to say; nil drops it
}

// Agent makes calls from one socket. Its methods may be called from any
// goroutine.
type Agent struct {
	cfg    Config
	addr   netip.AddrPort
	ua     *sipgo.UserAgent
	client *sipgo.Client
	socket io.Closer

	mu      sync.Mutex
	dialogs map[string]*Dialog // by Call-ID and our tag

	regCallID string        // of all REGISTER; guarded by mu
	regSeq    atomic.Uint32 // of the last one

	late sync.WaitGroup // cancelled calls being cleaned up
	quit context.Context
	stop context.CancelFunc
	seq  atomic.Uint64
}

// Quiet drops what the SIP stack says to the logger of the process instead of
// Config.Log, such as how it counts its connections. A program calls it once,
// before it opens an agent.
func Quiet() { sip.SetDefaultLogger(slog.New(slog.DiscardHandler)) }

// Open binds the socket.
func Open(cfg Config) (*Agent, error) {
	cfg.Transport = strings.ToLower(cfg.Transport)
	if cfg.Transport == "" {
		cfg.Transport = "udp"
	}
	if cfg.User == "" {
		cfg.User = "trivox"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if !cfg.Local.IsValid() || cfg.Local.Addr().IsUnspecified() {
		return nil, fmt.Errorf("phone: local address %v: need the address of one interface, e.g. 127.0.0.1:0", cfg.Local)
	}
	if cfg.TLS == nil {
		cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	user, _ := cfg.name()
	ua, err := sipgo.NewUA(
		sipgo.WithUserAgent(user),
		sipgo.WithUserAgenTLSConfig(cfg.TLS),
		sipgo.WithUserAgentHostname(cfg.Local.Addr().String()),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(cfg.Log)),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(cfg.Log)),
	)
	if err != nil {
		return nil, fmt.Errorf("phone: %w", err)
	}
	a := &Agent{cfg: cfg, ua: ua, dialogs: make(map[string]*Dialog)}
	a.quit, a.stop = context.WithCancel(context.Background())
	if err := a.serve(); err != nil {
		return nil, errors.Join(err, ua.Close())
	}
	return a, nil
}

// readBuffer holds some thousand SIP messages while the machine is busy.
const readBuffer = 4 << 20

// serve binds and starts to read; it returns when requests can be sent.
func (a *Agent) serve() error {
	server, err := sipgo.NewServer(a.ua, sipgo.WithServerLogger(a.cfg.Log))
	if err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	a.handle(server)
	options := []sipgo.ClientOption{sipgo.WithClientLogger(a.cfg.Log), sipgo.WithClientNAT()}
	switch a.cfg.Transport {
	case "udp":
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a.cfg.Local))
		if err != nil {
			return fmt.Errorf("phone: %w", err)
		}
		_ = conn.SetReadBuffer(readBuffer) // as much as the kernel allows: many calls share it
		a.socket, a.addr = conn, conn.LocalAddr().(*net.UDPAddr).AddrPort()
		read := &reading{UDPConn: conn, begun: make(chan struct{})}
		go server.ServeUDP(read)
		<-read.begun
		// All requests leave by this socket.
		options = append(options, sipgo.WithClientConnectionAddr(conn.LocalAddr().String()))
	case "tcp":
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(a.cfg.Local))
		if err != nil {
			return fmt.Errorf("phone: %w", err)
		}
		a.socket, a.addr = l, l.Addr().(*net.TCPAddr).AddrPort()
		go server.ServeTCP(l)
	case "tls":
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(a.cfg.Local))
		if err != nil {
			return fmt.Errorf("phone: %w", err)
		}
		a.socket, a.addr = l, l.Addr().(*net.TCPAddr).AddrPort()
		own, err := certificate(a.cfg)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		go server.ServeTLS(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}))
	default:
		return fmt.Errorf("phone: transport %q: need udp, tcp or tls", a.cfg.Transport)
	}
	if a.client, err = sipgo.NewClient(a.ua, options...); err != nil {
		return errors.Join(fmt.Errorf("phone: %w", err), a.socket.Close())
	}
	return nil
}

// certificate is what those are shown who connect to us: the first of ours, or
// one that nobody has signed.
func certificate(c Config) (tls.Certificate, error) {
	if len(c.TLS.Certificates) > 0 {
		return c.TLS.Certificates[0], nil
	}
	cert, key, err := certs.SelfSigned([]string{c.Local.Addr().String()}, time.Now())
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// name is Config.User in two parts; domain is empty where it has none.
func (c Config) name() (user, domain string) {
	i := strings.LastIndexByte(c.User, '@')
	if i < 0 {
		return c.User, ""
	}
	return c.User[:i], c.User[i+1:]
}

// reading tells when the SIP stack reads the socket: only then does it know
// the socket as one to send from.
type reading struct {
	*net.UDPConn
	once  sync.Once
	begun chan struct{}
}

func (r *reading) ReadFrom(b []byte) (int, net.Addr, error) {
	r.once.Do(func() { close(r.begun) })
	return r.UDPConn.ReadFrom(b)
}

// Addr is where the agent is reached.
func (a *Agent) Addr() netip.AddrPort { return a.addr }

// Calls is the number of dialogs, early ones included.
func (a *Agent) Calls() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.dialogs)
}

// Settle waits for the CANCEL or BYE of calls that were given up, until ctx ends. No call may be made meanwhile.
func (a *Agent) Settle(ctx context.Context) {
	settled := make(chan struct{})
	go func() {
		a.late.Wait()
		close(settled)
	}()
	select {
	case <-settled:
	case <-ctx.Done():
	}
}

// Close ends the agent. It sends no BYE, and cuts off what Settle waits for: end the dialogs first. Dialogs that
// are left are done.
func (a *Agent) Close() error {
	a.mu.Lock()
	a.stop()
	a.mu.Unlock()
	err := errors.Join(a.socket.Close(), a.ua.Close())
	a.late.Wait()
	a.mu.Lock()
	left := a.dialogs
	a.dialogs = make(map[string]*Dialog)
	a.mu.Unlock()
	for _, d := range left {
		d.end(End{Text: "the agent was closed"})
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// later runs f beside the call that asked for it; Close waits for it.
func (a *Agent) later(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.quit.Err() == nil {
		a.late.Go(f)
	}
}

func (a *Agent) add(d *Dialog) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dialogs[d.key()] = d
}

func (a *Agent) remove(d *Dialog) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.dialogs, d.key())
}

// find is the dialog that a request of the peer belongs to (RFC 3261, 12.2.2).
func (a *Agent) find(req *sip.Request) (*Dialog, bool) {
	callID, from, to := req.CallID(), req.From(), req.To()
	if callID == nil || from == nil || to == nil {
		return nil, false
	}
	ours, _ := to.Params.Get("tag")
	theirs, _ := from.Params.Get("tag")
	a.mu.Lock()
	d, ok := a.dialogs[callID.Value()+" "+ours]
	a.mu.Unlock()
	return d, ok && d.isPeer(theirs)
}
