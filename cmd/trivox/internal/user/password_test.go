package user

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal makes a terminal: what is written to person is typed, and what is read from there is seen.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	is, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return is.Lflag&unix.ECHO != 0
}

// prompts tells of each question, when the password may be typed.
type prompts struct{ asked chan string }

func (p prompts) Write(b []byte) (int, error) {
	p.asked <- string(b)
	return len(b), nil
}

// A person is asked twice, and nothing that is typed is seen.
func TestTerminal(t *testing.T) {
	for _, c := range []struct{ first, second, wrong string }{
		{"long password", "long password", ""},
		{"long password", "lung password", "the two passwords differ: nothing was changed"},
	} {
		person, program := terminal(t)
		asked := prompts{make(chan string, 3)}
		type answer struct {
			password string
			err      error
		}
		got := make(chan answer, 1)
		go func() {
			password, err := secret{}.read(program, asked, "alice@example.com")
			got <- answer{password, err}
		}()
		if q := <-asked.asked; q != "Password of alice@example.com: " || echoes(t, program) {
			t.Errorf("asked %q, echo %v", q, echoes(t, program))
		}
		fmt.Fprintln(person, c.first)
		if q := <-asked.asked; q != "\nThe same again: " || echoes(t, program) {
			t.Errorf("asked %q, echo %v", q, echoes(t, program))
		}
		fmt.Fprintln(person, c.second)
		a := <-got
		if c.wrong == "" && (a.err != nil || a.password != c.first) || c.wrong != "" && (a.err == nil || !strings.Contains(a.err.Error(), c.wrong)) {
			t.Errorf("%+v gave %q, %v", c, a.password, a.err)
		}
		if !echoes(t, program) {
			t.Error("the terminal stays mute")
		}
		fmt.Fprintln(program, "end")
		for seen := bufio.NewScanner(person); seen.Scan() && seen.Text() != "end"; {
			if strings.Contains(seen.Text(), "password") {
				t.Errorf("the person sees %q", seen.Text())
			}
		}
	}
}

// An interrupt puts the terminal back.
func TestTerminalInterrupted(t *testing.T) {
	person, program := terminal(t)
	asked := prompts{make(chan string, 3)}
	got := make(chan error, 1)
	go func() {
		_, err := secret{}.read(program, asked, "alice@example.com")
		got <- err
	}()
	<-asked.asked
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err == nil || !strings.Contains(err.Error(), "interrupt: nothing was changed") {
		t.Errorf("interrupted: %v", err)
	}
	if !echoes(t, program) {
		t.Error("the terminal stays mute")
	}
	fmt.Fprint(person, "\n\n") // lets the question end
}

// Only the first line counts, whatever ends it.
func TestLine(t *testing.T) {
	for text, want := range map[string]string{"a b \n": "a b ", "a\r\nb": "a", "a": "a", "\n": ""} {
		if got, err := line(bufio.NewReaderSize(strings.NewReader(text), maxLine)); got != want || err != nil {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
	if _, err := line(bufio.NewReader(io.LimitReader(strings.NewReader("x"), 0))); err == nil {
		t.Error("no line, and no error")
	}
}
