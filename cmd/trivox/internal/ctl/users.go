package ctl

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"trivox/cmd/trivox/internal/api"
)

// UsersCommand is `trivox ctl users`.
type UsersCommand struct {
	List    ListUsersCommand   `cmd:"" default:"1" help:"List the users."`
	Add     AddUserCommand     `cmd:"" help:"Add a user; a password is made and printed."`
	Remove  RemoveUserCommand  `cmd:"" help:"Remove a user, and what his phones have registered."`
	Passwd  PasswdCommand      `cmd:"" help:"Give a user another password; one is made and printed."`
	Enable  EnableUserCommand  `cmd:"" help:"Let a user register and call again."`
	Disable DisableUserCommand `cmd:"" help:"Let a user neither register nor call."`
}

type user struct {
	Name string `arg:"" help:"User part, or user@domain for another domain than the first."`
}

func (u user) path() string { return "/v1/users/" + escape(u.Name) }

// newPassword is where a password comes from.
type newPassword struct {
	Stdin bool `help:"Read the password from the first line of standard input instead of making one."`
}

// The verbs of users.
type (
	ListUsersCommand struct{}
	AddUserCommand   struct {
		user
		newPassword
	}
	RemoveUserCommand struct{ user }
	PasswdCommand     struct {
		user
		newPassword
	}
	EnableUserCommand  struct{ user }
	DisableUserCommand struct{ user }
)

// Run lists the users.
func (ListUsersCommand) Run(c *Command, k *kong.Context) error {
	body, err := c.get("/v1/users")
	if err != nil || c.JSON {
		return write(k.Stdout, body, err)
	}
	var list struct{ Users []api.User }
	if err := json.Unmarshal(body, &list); err != nil {
		return notOurs(c.HTTP, err)
	}
	if len(list.Users) == 0 {
		_, err := fmt.Fprintln(k.Stdout, "no users")
		return err
	}
	w := table(k.Stdout)
	fmt.Fprintln(w, "NAME\tENABLED\tALGORITHMS\tCREATED")
	for _, u := range list.Users {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", plain(u.Name), yes(u.Enabled), plain(strings.Join(u.Algorithms, ",")), since(u.Created))
	}
	return w.Flush()
}

// Run adds a user.
func (a AddUserCommand) Run(c *Command, k *kong.Context) error {
	password, err := c.password(a.newPassword)
	if err != nil {
		return err
	}
	body, err := c.ask(http.MethodPost, "/v1/users", api.Password{Name: a.Name, Password: password})
	return c.told(k, body, err, "added")
}

// Run changes a password.
func (p PasswdCommand) Run(c *Command, k *kong.Context) error {
	password, err := c.password(p.newPassword)
	if err != nil {
		return err
	}
	content := map[string]string{}
	if password != "" {
		content["password"] = password
	}
	body, err := c.ask(http.MethodPut, p.path()+"/password", content)
	return c.told(k, body, err, "changed the password of")
}

// told prints a password that was made.
func (c *Command) told(k *kong.Context, body []byte, err error, done string) error {
	if err != nil || c.JSON {
		return write(k.Stdout, body, err)
	}
	var p api.Password
	if err := json.Unmarshal(body, &p); err != nil {
		return notOurs(c.HTTP, err)
	}
	text := done + " " + plain(p.Name)
	if p.Password != "" {
		text += "; password: " + plain(p.Password)
	}
	_, err = fmt.Fprintln(k.Stdout, text)
	return err
}

// password is the one to set, "" to have one made.
func (c *Command) password(from newPassword) (string, error) {
	if !from.Stdin {
		return "", nil
	}
	var in io.Reader = os.Stdin
	if c.stdin != nil {
		in = c.stdin
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", &Error{ExitFailed, fmt.Sprintf("--stdin: %v", err)}
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", &Error{ExitFailed, "--stdin: the first line is empty; write the password there, or leave --stdin out to have one made"}
	}
	return line, nil
}

// Run removes a user.
func (u RemoveUserCommand) Run(c *Command, k *kong.Context) error {
	return c.change(k, http.MethodDelete, u.path(), "removed "+u.Name)
}

// Run enables a user.
func (u EnableUserCommand) Run(c *Command, k *kong.Context) error {
	return c.control(k, u.path()+"/enable", "enabled "+u.Name)
}

// Run disables a user.
func (u DisableUserCommand) Run(c *Command, k *kong.Context) error {
	return c.control(k, u.path()+"/disable", "disabled "+u.Name)
}
