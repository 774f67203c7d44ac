package certs

import (
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"os"
	"time"
)

// maxFile bounds a file of authorities, in bytes: those of a whole system have some 200 KB.
const maxFile = 4 << 20

// stamp is what tells a file that has changed from one that has not. A file that is not there has the zero stamp.
type stamp struct {
	changed time.Time
	size    int64
}

// stamps looks at every file of s, following links: tools that renew certificates change where those lead.
func stamps(s Settings) map[string]stamp {
	out := make(map[string]stamp, 2*len(s.Pairs)+1)
	look := func(name string) {
		if name == "" {
			return
		}
		out[name] = stamp{}
		if i, err := os.Stat(name); err == nil {
			out[name] = stamp{i.ModTime(), i.Size()}
		}
	}
	for _, p := range s.Pairs {
		look(p.Cert)
		look(p.Key)
	}
	look(s.ClientCA)
	return out
}

func equal(a, b map[string]stamp) bool {
	return maps.EqualFunc(a, b, func(x, y stamp) bool { return x.size == y.size && x.changed.Equal(y.changed) })
}

// Pool reads a PEM file of authorities.
func Pool(name string) (*x509.CertPool, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("tls: authorities: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("tls: authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("tls: authorities: there is no certificate in %s; it must be a PEM file", name)
	}
	return pool, nil
}
