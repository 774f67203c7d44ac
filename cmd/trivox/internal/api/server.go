package api

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"
)

// Limits of one HTTP listener: what a stranger may make it hold.
const (
	maxHeader      = 16 << 10 // bytes
	maxConnections = 1000
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = time.Minute
)

// Server gives an HTTP server for one listening address; the caller serves and shuts it down. The address decides
// whether a token is needed, not the way by which a request came: on one that is not loopback it always is.
func (a *API) Server(addr netip.AddrPort) *http.Server { return a.server(addr, maxConnections) }

func (a *API) server(addr netip.AddrPort, connections int64) *http.Server {
	var open atomic.Int64
	return &http.Server{
		Addr:              addr.String(),
		Handler:           a.guard(addr.Addr().Unmap().IsLoopback(), queued(maxServing, patience, a.mux)),
		MaxHeaderBytes:    maxHeader,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(a.config.Log.Handler(), slog.LevelDebug),
		ConnState: func(c net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				if open.Add(1) > connections {
					_ = c.Close() // the server finds it closed and counts it off
				}
			case http.StateClosed, http.StateHijacked:
				open.Add(-1)
			}
		},
	}
}

// health registers the two questions of load balancers and supervisors.
func (a *API) health() {
	answer := func(good string, ask func() error) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store")
			text := good
			if err := ask(); err != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				text = err.Error()
			}
			_, _ = io.WriteString(w, text+"\n") // as in writeProblem
		}
	}
	a.mux.HandleFunc("GET /healthz", answer("healthy", a.config.Healthy))
	a.mux.HandleFunc("GET /readyz", answer("ready", a.config.Ready))
}
