// Package certs keeps the certificates of a server: PEM files that are read again when they change, the one that has
// the name a caller asks for, and how long each is still good.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	lookEvery = 3 * time.Second     // at the files, at most; handshakes are what has them looked at
	warnFrom  = 14 * 24 * time.Hour // before a certificate ends
	warnEvery = 24 * time.Hour      // about one certificate
)

// Pair are the files of a certificate, its issuers after it, and of its key; one file may be both.
type Pair struct{ Cert, Key string }

// Settings of a Store.
type Settings struct {
	Pairs      []Pair
	MinVersion uint16             // tls.VersionTLS12 or tls.VersionTLS13
	ClientAuth tls.ClientAuthType // whether clients are asked for a certificate
	ClientCA   string             // file of the authorities whose client certificates are believed
}

// Store holds the certificates that the files held when they were last good. Its methods may be called from any
// goroutine.
type Store struct {
	log *slog.Logger
	now func() time.Time

	mu       sync.Mutex
	settings Settings
	files    map[string]stamp // as they were when last looked at
	pairs    []*pair
	config   *tls.Config // of those who connect
	looked   time.Time
}

// pair is one certificate.
type pair struct {
	files  Pair
	cert   tls.Certificate
	warned time.Time
}

// Open reads every file, and says which cannot be used and why. now is time.Now outside tests.
func Open(s Settings, log *slog.Logger, now func() time.Time) (*Store, error) {
	st := &Store{log: log, now: now}
	return st, st.Set(s)
}

// Set takes other settings, and reads every file anew. After an error all stays as it was.
func (st *Store) Set(s Settings) error {
	s.Pairs = slices.Clone(s.Pairs)
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(s.Pairs) == 0 && len(st.pairs) > 0 {
		return errors.New("tls: no certificate is left: name one in tls.certificates, or listen without TLS at the next start")
	}
	return st.read(s)
}

// read needs st.mu.
func (st *Store) read(s Settings) error {
	files := stamps(s) // before they are read: what changes meanwhile is seen the next time
	pairs := make([]*pair, 0, len(s.Pairs))
	for _, f := range s.Pairs {
		c, err := load(f)
		if err != nil {
			return err
		}
		p := &pair{files: f, cert: c}
		if i := slices.IndexFunc(st.pairs, func(o *pair) bool { return o.cert.Leaf.Equal(c.Leaf) }); i >= 0 {
			p.warned = st.pairs[i].warned
		}
		pairs = append(pairs, p)
	}
	c := &tls.Config{MinVersion: s.MinVersion, ClientAuth: s.ClientAuth, GetCertificate: st.pick}
	if s.ClientCA != "" {
		var err error
		if c.ClientCAs, err = Pool(s.ClientCA); err != nil {
			return err
		}
	}
	st.settings, st.files, st.pairs, st.config, st.looked = s, files, pairs, c, st.now()
	st.warn()
	return nil
}

// Config is what a server needs. Those who connect get what the files say then; roots (nil: the system's) are believed
// when the server itself connects, and anybody at all when verify is false.
func (st *Store) Config(roots *x509.CertPool, verify bool) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: roots, InsecureSkipVerify: !verify,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return st.current(), nil },
		GetClientCertificate: func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return st.present(asked), nil
		},
	}
}

// current looks at the files, when it was some time ago, and gives what holds then. What cannot be used is logged once.
func (st *Store) current() *tls.Config {
	st.mu.Lock()
	defer st.mu.Unlock()
	if now := st.now(); now.Sub(st.looked) >= lookEvery {
		st.looked = now
		if files := stamps(st.settings); !equal(files, st.files) {
			if err := st.read(st.settings); err != nil {
				st.files = files // once
				st.log.Error("tls: a file that changed cannot be used; the one before still is", "error", err)
			} else {
				st.log.Info("tls: certificates read again", "certificates", len(st.pairs))
			}
		}
		st.warn()
	}
	return st.config
}

// pick gives the first certificate that fits what the client asks for and can do, else the first.
func (st *Store) pick(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.pairs) == 0 {
		return nil, errors.New("there is no certificate")
	}
	for _, p := range st.pairs {
		if hello.SupportsCertificate(&p.cert) == nil {
			return &p.cert, nil
		}
	}
	return &st.pairs[0].cert, nil
}

// present gives the first certificate that a server we connect to takes, and else none.
func (st *Store) present(asked *tls.CertificateRequestInfo) *tls.Certificate {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, p := range st.pairs {
		if asked.SupportsCertificate(&p.cert) == nil {
			return &p.cert
		}
	}
	return new(tls.Certificate)
}

// warn tells of certificates that end soon, once a day of each. It needs st.mu.
func (st *Store) warn() {
	now := st.now()
	for _, p := range st.pairs {
		left := p.cert.Leaf.NotAfter.Sub(now)
		if left >= warnFrom || !p.warned.IsZero() && now.Sub(p.warned) < warnEvery {
			continue
		}
		p.warned = now
		text := "tls: a certificate ends soon: renew it"
		if left <= 0 {
			text = "tls: a certificate has ended: phones will refuse it; renew it"
		}
		st.log.Warn(text, "file", p.files.Cert, "ends", p.cert.Leaf.NotAfter.UTC().Format(time.DateTime), "days", int(left/(24*time.Hour)))
	}
}

// Expiry is how long the certificate of each file is still good; below 0 it is not any more.
func (st *Store) Expiry() map[string]time.Duration {
	st.mu.Lock()
	defer st.mu.Unlock()
	out := make(map[string]time.Duration, len(st.pairs))
	for _, p := range st.pairs {
		out[p.files.Cert] = p.cert.Leaf.NotAfter.Sub(st.now())
	}
	return out
}

// Names are those that the certificates have, each with its file; for the log.
func (st *Store) Names() map[string][]string {
	st.mu.Lock()
	defer st.mu.Unlock()
	out := make(map[string][]string, len(st.pairs))
	for _, p := range st.pairs {
		names := slices.Clone(p.cert.Leaf.DNSNames)
		for _, ip := range p.cert.Leaf.IPAddresses {
			names = append(names, ip.String())
		}
		out[p.files.Cert] = names
	}
	return out
}

// load reads one pair. The error says which file is wrong, and never what is in it.
func load(f Pair) (tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return c, fmt.Errorf("tls: certificate %s with key %s: %w", f.Cert, f.Key, err)
	}
	return c, nil
}
