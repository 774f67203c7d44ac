package ctl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Exit codes of `trivox ctl`.
const (
	ExitFailed      = 1 // anything else
	ExitNotFound    = 3 // no such conference, participant, user or ban
	ExitRefused     = 4 // token missing or wrong
	ExitUnreachable = 5 // no server there, or one that is not ours
)

// timeout bounds one request.
const timeout = 10 * time.Second

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 16 << 20

// Error is what went wrong, and the exit code for it.
type Error struct {
	Code int
	Text string
}

func (e *Error) Error() string { return e.Text }

// ExitCode is what the program should exit with; kong asks for it.
func (e *Error) ExitCode() int { return e.Code }

func (c *Command) get(path string) ([]byte, error) { return c.ask(http.MethodGet, path, nil) }

// ask sends one request, with JSON unless content is nil, and gives the answer's body, or an *Error.
func (c *Command) ask(method, path string, content any) ([]byte, error) {
	base := c.HTTP
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	if u, err := url.Parse(base); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, &Error{ExitFailed, fmt.Sprintf(`--http %q: need an address such as "http://127.0.0.1:8080"`, c.HTTP)}
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var sent io.Reader
	if content != nil {
		b, err := json.Marshal(content)
		if err != nil {
			return nil, &Error{ExitFailed, err.Error()}
		}
		sent = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+path, sent)
	if err != nil {
		return nil, &Error{ExitFailed, fmt.Sprintf("--http %q: %v", c.HTTP, err)}
	}
	if content != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		if inner := (*url.Error)(nil); errors.As(err, &inner) {
			err = inner.Err
		}
		return nil, &Error{ExitUnreachable, fmt.Sprintf("no answer from %s: %v\nIs the server running? --http names its address, as `trivox serve` prints it", c.HTTP, err)}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, &Error{ExitUnreachable, fmt.Sprintf("the answer from %s broke off: %v", c.HTTP, err)}
	}
	if answer.StatusCode/100 != 2 {
		return nil, c.refusal(answer.StatusCode, answer.Header.Get("Content-Type"), body)
	}
	return body, nil
}

// refusal makes an error of an answer that is none of 2xx; problem documents say why.
func (c *Command) refusal(status int, contentType string, body []byte) error {
	var problem struct{ Detail string }
	if contentType != "application/problem+json" || json.Unmarshal(body, &problem) != nil || problem.Detail == "" {
		return notOurs(c.HTTP, fmt.Errorf("it answered %d %s", status, http.StatusText(status)))
	}
	switch {
	case status == http.StatusUnauthorized && c.Token == "":
		return &Error{ExitRefused, "the server wants a token: set TRIVOX_TOKEN to its http.token"}
	case status == http.StatusUnauthorized:
		return &Error{ExitRefused, "the server refuses this token: TRIVOX_TOKEN or --token must be its http.token"}
	case status == http.StatusNotFound:
		return &Error{ExitNotFound, plain(problem.Detail)}
	}
	return &Error{ExitFailed, fmt.Sprintf("%d: %s", status, plain(problem.Detail))}
}

func notOurs(address string, why error) error {
	return &Error{ExitUnreachable, fmt.Sprintf("%s does not speak as trivox does: %v", address, why)}
}
