package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Command is `trivox cert`: a self-signed certificate for the first tests.
type Command struct {
	Names []string `arg:"" name:"name" help:"Domains and IP addresses that it is for, e.g. example.com 192.0.2.1."`
	Out   string   `default:"." placeholder:"DIR" help:"Folder for the two files."`
	Force bool     `help:"Replace files that are there."`
}

// Run writes NAME.pem and NAME-key.pem, and tells how they are used.
func (c Command) Run(k *kong.Context) error {
	for _, n := range c.Names {
		if _, err := netip.ParseAddr(n); err != nil && !domain(n) {
			return fmt.Errorf("cert: %q: need a domain in small letters or an IP address, e.g. \"example.com\"", n)
		}
	}
	cert, key, err := SelfSigned(c.Names, time.Now())
	if err != nil {
		return err
	}
	base := filepath.Join(c.Out, strings.ReplaceAll(c.Names[0], ":", "-"))
	if err := c.write(base+"-key.pem", key, 0o600); err != nil { // first: without it the other is of no use
		return err
	}
	if err := c.write(base+".pem", cert, 0o644); err != nil {
		return errors.Join(err, os.Remove(base+"-key.pem"))
	}
	_, err = fmt.Fprintf(k.Stdout, "%[1]s.pem and %[1]s-key.pem are for %[2]s, for a year. Nobody has signed them: no phone believes them of itself.\n"+
		"Import %[1]s.pem into the phone as an authority, or get a certificate from one (Let's Encrypt or your own) for daily use.\n\n"+
		"    trivox serve --sip 127.0.0.1:5060 --sip tls/127.0.0.1:5061 --certificate %[1]s.pem,%[1]s-key.pem\n"+
		"    trivox call \"sip:tea@127.0.0.1;transport=tls\" --ca %[1]s.pem%[3]s\n",
		base, strings.Join(c.Names, ", "), c.hint())
	return err
}

// hint is what the example needs when the certificate is not for the address it calls.
func (c Command) hint() string {
	for _, n := range c.Names {
		if n == "127.0.0.1" {
			return ""
		}
	}
	return " --tls-insecure"
}

func (c Command) write(name string, b []byte, mode os.FileMode) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if c.Force {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // not written into: its mode may be another
			return fmt.Errorf("cert: %w", err)
		}
	}
	f, err := os.OpenFile(name, flags, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cert: %s is there already; --force replaces it", name)
	}
	if err != nil {
		return fmt.Errorf("cert: %w", err)
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("cert: %w", err)
	}
	return nil
}

// domain says whether s may stand in a certificate and in the name of a file: letters, digits, hyphens and dots.
func domain(s string) bool {
	return s != "" && len(s) <= 253 && !strings.HasPrefix(s, ".") && !strings.HasPrefix(s, "-") && !strings.Contains(s, "..") &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}
