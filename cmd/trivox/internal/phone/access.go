package phone

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"trivox/cmd/trivox/internal/certs"
)

// Access is what the command line of a client says of how it proves who it is,
// and of whom it believes.
type Access struct {
	PasswordFile string `name:"password-file" help:"File whose first line is the password of --user." placeholder:"FILE"`
	CA           string `name:"ca" help:"Believe certificates by these authorities instead of the system's." placeholder:"FILE.pem"`
	Insecure     bool   `name:"tls-insecure" help:"Believe whatever certificate the server has: for tests."`
}

// Apply reads the files and completes a Config.
func (a Access) Apply(c *Config) error {
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: a.Insecure}
	if a.CA != "" {
		var err error
		if c.TLS.RootCAs, err = certs.Pool(a.CA); err != nil {
			return fmt.Errorf("--ca: %w", err)
		}
	}
	if a.PasswordFile == "" {
		return nil
	}
	password, err := firstLine(a.PasswordFile)
	if err != nil {
		return fmt.Errorf("--password-file: %w", err)
	}
	c.Password = password
	return nil
}

// maxPassword bounds the first line of a file of a password, in bytes.
const maxPassword = 4096

// firstLine reads it without its end.
func firstLine(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, maxPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", fmt.Errorf("%s has no password in its first line", name)
	}
	return line, nil
}
