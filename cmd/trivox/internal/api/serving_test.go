package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// However many ask, few are worked on at a time; who waits too long is told so, and health is always answered.
func TestFewRequestsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now atomic.Int32
		var most int32
		var mu sync.Mutex
		h := queued(2, 5*time.Second, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if isHealth(r) {
				return
			}
			mu.Lock()
			most = max(most, now.Add(1))
			mu.Unlock()
			time.Sleep(2 * time.Second) // of the bubble's own time
			now.Add(-1)
			w.Header().Set("X-Test", "yes")
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte("tea"))
		}))
		ask := func(path string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			return w
		}
		codes := make(chan int, 10)
		for range 10 {
			go func() {
				w := ask("/v1/conferences")
				if w.Code == http.StatusTeapot && (w.Body.String() != "tea" || w.Header().Get("X-Test") != "yes") {
					t.Errorf("answer %q with %v", w.Body, w.Header())
				}
				if w.Code == http.StatusServiceUnavailable && (w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "too many")) {
					t.Errorf("answer %q with %v", w.Body, w.Header())
				}
				codes <- w.Code
			}()
		}
		synctest.Wait()
		began := time.Now()
		if w := ask("/healthz"); w.Code != http.StatusOK || time.Since(began) > 0 {
			t.Errorf("health: %d after %v", w.Code, time.Since(began))
		}
		count := make(map[int]int)
		for range 10 {
			count[<-codes]++
		}
		if count[http.StatusTeapot] != 6 || count[http.StatusServiceUnavailable] != 4 || most != 2 {
			t.Errorf("answers %v, at most %d at once; want 6 served by twos in 5 s, 4 refused", count, most)
		}
	})
}
