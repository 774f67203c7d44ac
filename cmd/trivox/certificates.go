package main

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"trivox/cmd/trivox/internal/certs"
	"trivox/cmd/trivox/internal/config"
)

// certSettings is what the store of certificates has to know of the settings.
func certSettings(c config.Config) certs.Settings {
	s := certs.Settings{
		MinVersion: tls.VersionTLS12, ClientCA: c.TLS.ClientCA,
		ClientAuth: map[string]tls.ClientAuthType{
			"optional": tls.VerifyClientCertIfGiven, "required": tls.RequireAndVerifyClientCert,
		}[c.TLS.ClientCertificates],
	}
	if c.TLS.MinVersion == "1.3" {
		s.MinVersion = tls.VersionTLS13
	}
	if c.TLS.ClientCertificates == "off" {
		s.ClientCA = "" // nobody is asked
	}
	for _, f := range c.TLS.Certificates {
		s.Pairs = append(s.Pairs, certs.Pair{Cert: f.Cert, Key: f.Key})
	}
	return s
}

// openCertificates reads every file that TLS needs.
func (p *process) openCertificates(c config.Config) (*tls.Config, error) {
	var err error
	if p.certs, err = certs.Open(certSettings(c), p.log, time.Now); err != nil {
		return nil, err
	}
	for file, names := range p.certs.Names() {
		p.log.Info("certificate", "file", file, "names", names)
	}
	var roots *x509.CertPool // the system's
	if c.TLS.CA != "" {
		if roots, err = certs.Pool(c.TLS.CA); err != nil {
			return nil, err
		}
	}
	return p.certs.Config(roots, c.TLS.Verify), nil
}

// certificateExpiry is how long each certificate is still good, by its file.
func (p *process) certificateExpiry() map[string]time.Duration {
	if p.certs == nil {
		return nil
	}
	return p.certs.Expiry()
}
