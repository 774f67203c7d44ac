package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxBody bounds a request's body in bytes: a name and a password.
const maxBody = 4 << 10

// guard stands before every route. Requests of other sites' pages, and those that came by a host name that is not
// ours, are refused (a page in a browser on this machine could else reach a loopback address, by DNS rebinding or by
// a plain form). Where a token is needed and not given, the answer is 401. With open, the address is loopback: then
// reading of conferences needs no token, and the rest needs one only when one is set.
func (a *API) guard(open bool, next http.Handler) http.Handler {
	sameSite := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, r.RemoteAddr))
		if !a.ours(r) {
			writeProblem(w, http.StatusMisdirectedRequest, "the Host header names no address or domain of this server; "+
				"call it by its IP address, or add the name to the setting domains")
			return
		}
		if err := sameSite.Check(r); err != nil {
			writeProblem(w, http.StatusForbidden, "a page of another site may not control this server")
			return
		}
		if needsToken(open, r, a.config.Token()) && !sameToken(bearer(r), a.config.Token()) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="trivox"`)
			writeProblem(w, http.StatusUnauthorized, "send the token of the setting http.token: Authorization: Bearer TOKEN")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// needsToken says whether the request is one of those that need a token. Health tells nothing and is free.
func needsToken(open bool, r *http.Request, token string) bool {
	switch {
	case isHealth(r):
		return false
	case !open:
		return true
	}
	return token != "" && !(isRead(r) && !isPrivate(r))
}

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// isPrivate tells what is nobody's business who happens to be on this machine: who the users are, where their phones
// are, whom they called. Of what there is under /v1 conferences alone are free to read.
func isPrivate(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/v1/") && r.URL.Path != "/v1/conferences" && !strings.HasPrefix(r.URL.Path, "/v1/conferences/")
}

// bearer is the token sent (RFC 6750, 2.1), "" when none was.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// sameToken compares in a time that tells nothing of either. No token set is no token that could be right.
func sameToken(given, set string) bool {
	g, s := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(set))
	return subtle.ConstantTimeCompare(g[:], s[:]) == 1 && set != ""
}

// ours says whether the Host header names this server: loopback, the address that was called, or one of Hosts.
func (a *API) ours(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" {
		return true
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		if addr.IsLoopback() {
			return true
		}
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			if called, err := netip.ParseAddrPort(local.String()); err == nil && called.Addr().Unmap().WithZone("") == addr {
				return true
			}
		}
		return slices.ContainsFunc(a.config.Hosts(), func(h string) bool {
			known, err := netip.ParseAddr(h)
			return err == nil && known.Unmap() == addr
		})
	}
	return host != "" && slices.ContainsFunc(a.config.Hosts(), func(h string) bool { return strings.EqualFold(h, host) })
}

type callerKey struct{}

// caller is the address that a request came from.
func caller(ctx context.Context) string {
	from, _ := ctx.Value(callerKey{}).(string)
	return from
}

// noRoute answers requests that no route takes.
func (a *API) noRoute(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := a.mux.Handler(other); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, http.StatusMethodNotAllowed, "this path takes "+strings.Join(allowed, ", "))
		return
	}
	writeProblem(w, http.StatusNotFound, "no such path; /openapi.yaml lists those there are")
}

// writeProblem answers with an error in the form of RFC 9457.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	b, err := json.Marshal(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, detail})
	if err != nil {
		panic("api: a problem that is no JSON: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the peer is gone when this fails, and with it whoever would hear of it
}
