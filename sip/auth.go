package sip

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// directoryWait bounds how long a request waits for the directory or the location.
const directoryWait = 10 * time.Second

// auth is what the server keeps to ask for passwords.
type auth struct {
	key    []byte // of this process
	nonces *nonces
	orders *orders
}

func newAuth() auth {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return auth{key: key, nonces: newNonces(key, noncesMost), orders: newOrders()}
}

// checkAuth fills and checks what Config says about users.
func (c *Config) checkAuth() error {
	if len(c.Digest) == 0 {
		c.Digest = []Algorithm{SHA256, MD5}
	}
	for i, a := range c.Digest {
		if !slices.Contains(digestAlgorithms, a) || slices.Contains(c.Digest[:i], a) {
			return fmt.Errorf("sip: Config.Digest %q: need each of SHA-512-256, SHA-256 and MD5 once at most", c.Digest)
		}
	}
	if c.Directory != nil && c.Domain == nil {
		return errors.New("sip: Config.Directory without Domain: users live in domains, say which are ours")
	}
	return nil
}

// domain is the domain of ours that a host is or stands for; empty when it is not ours.
func (s *Server) domain(host string) string {
	if s.cfg.Domain == nil {
		return ""
	}
	return s.cfg.Domain(strings.ToLower(strings.Trim(host, "[]")))
}

// userMost bounds the name of a user, in bytes. No user has a longer one, and tables that remember names which strangers
// say must not fill with what they like.
const userMost = 128

// aorOf is the address of record that a URI names, "user@domain"; empty when it is of no domain of ours, or can be no user.
func (s *Server) aorOf(uri *sipgo.Uri) string {
	if uri.Scheme != "sip" && uri.Scheme != "sips" || uri.User == "" {
		return ""
	}
	d := s.domain(uri.Host)
	if user := room(uri); d != "" && len(user) <= userMost {
		return user + "@" + d
	}
	return ""
}

// denial is a refusal and the rule it follows from, which goes into the log and not to the peer.
type denial struct {
	*Refusal
	rule string // empty: not worth a line, as a challenge is not
	more []sipgo.Header
}

func deny(rule string, code int, warning string, more ...sipgo.Header) *denial {
	return &denial{Refusal: &Refusal{Code: code, Warning: warning, Rule: rule}, rule: rule, more: more}
}

// deny answers a request that somebody may not make.
func (s *Server) deny(tx *serverTx, d *denial) {
	if d.rule != "" {
		s.count.forbidden.Add(1)
		if s.refusals.pass(time.Now()) {
			s.log.Warn("sip: refused", "rule", d.rule, "code", d.Code, "text", d.Warning, "source", tx.flow.source,
				"method", tx.req.Method, "uri", cutText(tx.req.Recipient.Addr(), uriLogged), "from", cutText(tx.req.From().Address.Addr(), uriLogged),
				"call", tx.req.CallID().Value())
		}
	}
	tx.refuseWith(d.Refusal, d.more...)
}

// context is for work that a request waits for.
func (tx *serverTx) context() (context.Context, context.CancelFunc) {
	ctx := tx.ctx
	if ctx == nil {
		ctx = tx.server.ctx
	}
	return context.WithTimeout(ctx, directoryWait)
}

// unavailableDirectory is the answer when users cannot be looked up.
func (s *Server) unavailableDirectory(err error) *denial {
	return s.broken("directory", "users cannot be looked up", err)
}

// broken is the answer when what is ours does not work. The error is for the log alone, which strangers do not fill.
func (s *Server) broken(rule, what string, err error) *denial {
	if s.refusals.pass(time.Now()) {
		s.log.Error("sip: "+what, "error", err)
	}
	return &denial{Refusal: &Refusal{Code: 503, Warning: what + " now", RetryAfter: s.cfg.RetryAfter}, rule: rule}
}

// authenticate finds out which user sends the request, as "user@domain"; hint is who he says he is, realm the domain
// whose users are asked for a password. Whoever does not exist is answered as one who does is, after the same work.
// RFC 3261, 22; RFC 7616, 3.4 (RG-5)
func (s *Server) authenticate(tx *serverTx, realm, hint string) (aor string, d *denial) {
	ctx, cancel := tx.context()
	defer cancel()
	if aor, d = s.certified(ctx, tx.flow.peerUser()); aor != "" || d != nil {
		return aor, d
	}
	c, err := readCredentials(tx.req, s.domain)
	switch {
	case errors.Is(err, errBadCredentials):
		return "", deny("auth.malformed", 400, err.Error())
	case err != nil:
		return "", s.challenge(ctx, tx, realm, hint)
	}
	now := time.Now()
	id, valid := s.auth.nonces.valid(now, c.Nonce, tx.flow.source.Addr())
	if !valid {
		return "", s.again(tx, c, true)
	}
	s.auth.orders.heard(hint, tx.flow.source.Addr())
	if wait := s.guard.wait(now, tx.flow.source.Addr(), c.aor()); wait > 0 {
		return "", &denial{Refusal: &Refusal{Code: 503, Warning: "too many wrong passwords: try again later", RetryAfter: wait}, rule: "limits.failures"}
	}
	account, err := s.cfg.Directory.Account(ctx, c.user, c.realm)
	if err != nil && !errors.Is(err, ErrNoAccount) {
		return "", s.unavailableDirectory(err)
	}
	if !c.fits(s.algorithms(account, err)) {
		return "", s.again(tx, c, false)
	}
	if !c.isFor(tx.req, s.domain) {
		return "", deny("auth.uri", 400, "the digest URI is not that of the request")
	}
	if !c.proves(s.secret(account, c, err), string(tx.req.Method)) || err != nil {
		s.count.wrong.Add(1)
		s.failed(now, tx.flow.source.Addr(), c.aor(), "password")
		return "", deny("auth.password", 403, "wrong user name or password")
	}
	if !s.auth.nonces.use(id, c.count()) {
		return "", s.again(tx, c, true)
	}
	s.guard.succeeded(tx.flow.source.Addr(), c.aor())
	if account.Disabled {
		return "", disabled()
	}
	s.auth.orders.answered(hint, tx.flow.source.Addr(), c.algorithm)
	s.count.authenticated.Add(1)
	return c.aor(), nil
}

// disabled refuses who has proved who he is and may do nothing.
func disabled() *denial {
	return deny("user.disabled", 403, "this user may not use the server at present")
}

// certified is the user whom a certificate names, if there is one of that name in a domain that is served; who is none
// may still know a password.
func (s *Server) certified(ctx context.Context, aor string) (string, *denial) {
	user, domain, ok := cutAOR(aor)
	if !ok || s.domain(domain) != domain {
		return "", nil
	}
	account, err := s.cfg.Directory.Account(ctx, user, domain)
	switch {
	case errors.Is(err, ErrNoAccount):
		return "", nil
	case err != nil:
		return "", s.unavailableDirectory(err)
	case account.Disabled:
		return "", disabled()
	}
	s.count.authenticated.Add(1)
	return aor, nil
}

// secret is what the response is checked against: of who does not exist, or has no such hash, something that nobody can
// know.
func (s *Server) secret(a Account, c credentials, err error) string {
	algorithm := c.algorithm
	if c.withDomain {
		algorithm = algorithm.WithDomain()
	}
	if ha1 := a.HA1[algorithm]; ha1 != "" && err == nil {
		return ha1
	}
	h := hmac.New(sha256.New, s.auth.key)
	h.Write([]byte(c.aor()))
	ha1 := hex.EncodeToString(h.Sum(nil))
	if c.algorithm == MD5 {
		ha1 = ha1[:32]
	}
	return ha1
}

// challenge asks for a proof, with all algorithms that are fit.
func (s *Server) challenge(ctx context.Context, tx *serverTx, realm, hint string) *denial {
	user, domain, found := cutAOR(hint)
	var account Account
	err := ErrNoAccount
	if found {
		if account, err = s.cfg.Directory.Account(ctx, user, domain); err != nil && !errors.Is(err, ErrNoAccount) {
			return s.unavailableDirectory(err)
		}
	}
	order := s.algorithms(account, err)
	if len(order) == 0 {
		order = s.cfg.Digest
	}
	return s.unauthorized(tx, realm, s.auth.orders.next(hint, tx.flow.source.Addr(), order), false)
}

// again asks for a proof of who has sent one that cannot be taken: stale says that a new nonce is all it needs, and the
// phone need not ask its user. RFC 7616, 3.3
func (s *Server) again(tx *serverTx, c credentials, stale bool) *denial {
	order := s.cfg.Digest
	if stale && slices.Contains(digestAlgorithms, c.algorithm) {
		order = []Algorithm{c.algorithm}
		s.count.stale.Add(1)
	}
	return s.unauthorized(tx, c.realm, order, stale)
}

func (s *Server) unauthorized(tx *serverTx, realm string, order []Algorithm, stale bool) *denial {
	s.count.challenged.Add(1)
	d := &denial{Refusal: &Refusal{Code: 401}}
	for _, a := range order {
		var chance [8]byte
		_, _ = rand.Read(chance[:]) // never fails
		d.more = append(d.more, challengeHeader(realm, s.auth.nonces.issue(time.Now(), chance, tx.flow.source.Addr()), a, stale))
	}
	return d
}

// cutAOR takes "user@domain" apart.
func cutAOR(aor string) (user, domain string, ok bool) {
	i := strings.LastIndexByte(aor, '@')
	if i <= 0 {
		return "", "", false
	}
	return aor[:i], aor[i+1:], true
}
