package sip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// serversMost bounds how many servers one call elsewhere is tried at: each may cost the caller some seconds of silence.
const serversMost = 5

// servers are those of a URI elsewhere, each for one try of a call. They belong to the queue of the dialog that makes the try,
// and go on to that of the next one. RFC 3263, 4.3 (TR-9)
type servers struct {
	server *Server
	uri    sipgo.Uri
	search *search // nil: nobody has asked yet
	later  []hop   // that have failed a moment ago: they come last
	tries  int
	at     hop // the last one tried
}

// next gives a way to the next server: it may ask DNS, and connect.
func (e *servers) next(ctx context.Context) (*flow, error) {
	if e.search == nil {
		networks, err := e.server.networksFor(e.uri)
		if err != nil {
			return nil, err
		}
		if e.search, err = e.server.locate(ctx, e.uri, networks...); err != nil {
			return nil, err
		}
	}
	var unreached error
	for {
		h, err := e.pick(ctx)
		switch {
		case err != nil && unreached != nil:
			return nil, unreached
		case err != nil:
			return nil, err
		case e.tries == serversMost:
			e.server.count.limited.Add(1)
			return nil, fmt.Errorf("sip: %s: %d servers were tried", e.uri.Host, e.tries)
		}
		f, err := e.server.reach(ctx, h, e.uri.Host)
		switch {
		case err == nil:
			e.tries++
			e.at = h
			return f, nil
		case ctx.Err() != nil:
			return nil, err
		case !errors.Is(err, errNoSocket):
			e.tries++
			e.server.resting.note(time.Now(), h, restUsual)
		}
		e.server.log.Info("sip: server not reachable", "host", e.uri.Host, "server", h.remote, "transport", h.network, "error", err)
		unreached = err
	}
}

// pick gives the next server to try. One that has failed a moment ago waits until the others have been.
func (e *servers) pick(ctx context.Context) (hop, error) {
	for {
		h, err := e.search.next(ctx)
		switch {
		case err == nil && e.server.resting.rests(time.Now(), h):
			e.later = append(e.later, h)
		case err == nil:
			return h, nil
		case len(e.later) == 0:
			return h, err
		default:
			h, e.later = e.later[0], e.later[1:]
			return h, nil
		}
	}
}

// more says that there may be another server to try.
func (e *servers) more() bool {
	return e.search != nil && e.tries < serversMost && (len(e.later) > 0 || e.search.more())
}

// failed has the last server tried come last in other calls for a while.
func (e *servers) failed(rest time.Duration) { e.server.resting.note(time.Now(), e.at, rest) }

// networksFor gives the transports that a URI may be called by, the one we prefer first. RFC 3263, 4.1
func (s *Server) networksFor(uri sipgo.Uri) ([]string, error) {
	if network := transportOf(uri); network != "" {
		return []string{network}, nil
	}
	if t, _ := uri.UriParams.Get("transport"); t != "" {
		return nil, fmt.Errorf("sip: %s: transport %s is not built; use udp, tcp or tls", uri.Host, t)
	}
	var have []string
	for _, network := range [...]string{networkUDP, networkTCP} {
		if slices.ContainsFunc(s.listening(), func(l *listener) bool { return l.network == network }) {
			have = append(have, network)
		}
	}
	if len(have) == 0 {
		return nil, fmt.Errorf("%w by UDP or TCP, to reach %s by", errNoSocket, uri.Host)
	}
	return have, nil
}

var errNoSocket = errors.New("sip: there is no socket")

// reach gives a way to a server; it may connect. By TLS the server must have a certificate of host: of the URI that was
// called, whatever name DNS has for the server. RFC 5922, 7
func (s *Server) reach(ctx context.Context, h hop, host string) (*flow, error) {
	for _, l := range s.listening() {
		switch {
		case l.network != h.network || l.local.Addr().Is4() != h.remote.Addr().Is4():
		case h.network != networkUDP:
			return l.dial(ctx, h.remote, h.network, host)
		default:
			return &flow{listener: l, source: h.remote, remote: h.remote}, nil
		}
	}
	return nil, fmt.Errorf("%w by %s to reach %s by", errNoSocket, h.network, h.remote)
}

func (s *Server) listening() []*listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listeners
}
