package api

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"time"
)

// maxServing is how many requests are worked on at a time. The threads that handle sound need a processor of the Go
// runtime at once when they wake; what makes rosters and metrics must not have all of them.
const maxServing = 2

// queued lets few requests at a time through to next, those for health apart. Those that wait longer than patience are answered 503. A peer
// that reads slowly keeps nobody waiting: its answer is complete before it is sent.
func queued(places int, wait time.Duration, next http.Handler) http.Handler {
	serving := make(chan struct{}, places)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isHealth(r) {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), wait)
		defer cancel()
		select {
		case serving <- struct{}{}:
		case <-ctx.Done():
			w.Header().Set("Retry-After", "5")
			writeProblem(w, http.StatusServiceUnavailable, "too many requests at once; ask again later, and less often")
			return
		}
		a := &answer{ResponseWriter: w}
		func() {
			defer func() { <-serving }()
			next.ServeHTTP(a, r)
		}()
		w.WriteHeader(cmp.Or(a.status, http.StatusOK))
		_, _ = a.body.WriteTo(w) // the peer is gone when this fails
	})
}

// isHealth tells that a request is of those that are answered at once, and to everybody.
func isHealth(r *http.Request) bool { return r.URL.Path == "/healthz" || r.URL.Path == "/readyz" }

// answer keeps what a handler answers; the header goes to the real one.
type answer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (a *answer) WriteHeader(status int) { a.status = cmp.Or(a.status, status) } // the first counts

func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
