package user

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLine bounds the line that holds a password, in bytes; that it is a good password is checked elsewhere.
const maxLine = 4096

// read gives the password: the first line of the file, or of standard input; a person at a terminal is asked twice,
// and does not see it.
func (s secret) read(in *os.File, prompt io.Writer, aor string) (string, error) {
	if in == nil {
		in = os.Stdin
	}
	if s.PasswordFile != "" {
		f, err := os.Open(s.PasswordFile)
		if err != nil {
			return "", fmt.Errorf("password: %w", err)
		}
		defer f.Close()
		return line(bufio.NewReaderSize(f, maxLine))
	}
	from := bufio.NewReaderSize(in, maxLine)
	if _, err := unix.IoctlGetTermios(int(in.Fd()), unix.TCGETS); err != nil { // no terminal
		return line(from)
	}
	var password, again string
	err := unseen(in, func() (err error) {
		fmt.Fprintf(prompt, "Password of %s: ", aor)
		if password, err = line(from); err != nil {
			return err
		}
		fmt.Fprint(prompt, "\nThe same again: ")
		again, err = line(from)
		return err
	})
	fmt.Fprintln(prompt)
	if err == nil && again != password {
		err = errors.New("the two passwords differ: nothing was changed, try again")
	}
	return password, err
}

// line reads a line without its end.
func line(from *bufio.Reader) (string, error) {
	b, err := from.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", fmt.Errorf("password: the line is longer than %d bytes", maxLine)
	case err != nil && !errors.Is(err, io.EOF):
		return "", fmt.Errorf("password: %w", err)
	case len(b) == 0:
		return "", errors.New("password: there is none: it is the first line of standard input or of the file that --password-file names; --generate makes one")
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// unseen does ask while the terminal shows nothing of what is typed, and puts the terminal back also when the person
// interrupts. ask goes on then until the process ends.
func unseen(terminal *os.File, ask func() error) error {
	fd := int(terminal.Fd())
	was, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return fmt.Errorf("password: %w", err)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, unix.SIGTERM, unix.SIGHUP)
	defer signal.Stop(interrupted)
	is := *was
	is.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &is); err != nil {
		return fmt.Errorf("password: %w", err)
	}
	asked := make(chan error, 1)
	go func() { asked <- ask() }()
	select {
	case err = <-asked:
	case sig := <-interrupted:
		err = fmt.Errorf("password: %s: nothing was changed", sig)
	}
	return errors.Join(err, unix.IoctlSetTermios(fd, unix.TCSETS, was))
}
