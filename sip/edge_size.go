package sip

import (
	"context"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

const (
	largestByUDP = 1300        // bytes of a request, RFC 3261, 18.1.1
	viaRoom      = 150         // bytes that our Via will add
	tcpProbe     = time.Second // for a connection in place of UDP (TR-2)
)

// bySize gives the flow for a request of ours: f, or for one too large for UDP a connection to the
// same place. Where none comes about within a second, UDP has to do. bound says that only f
// reaches the peer. RFC 3261, 18.1.1 (TR-2)
func (s *Server) bySize(f *flow, req *sipgo.Request, bound bool) *flow {
	if f.reliable() || bound {
		return f
	}
	size := len(req.String()) + viaRoom
	if size <= largestByUDP {
		return f
	}
	ctx, cancel := context.WithTimeout(s.ctx, tcpProbe)
	defer cancel()
	c, err := f.listener.dial(ctx, f.remote, networkTCP, "")
	if err != nil {
		s.log.Info("sip: large request goes by UDP, for there is no TCP", "method", req.Method, "bytes", size, "to", f.remote, "error", err)
		return f
	}
	return c
}
