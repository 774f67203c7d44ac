// Package user is `trivox user`, which says who may register and call, and `trivox backup`. Both work on the database
// itself, whether a server has it open or not.
package user

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"trivox/cmd/trivox/internal/config"
	"trivox/cmd/trivox/internal/store"
	"trivox/sip"
)

// place is where the database is: the settings say so, as they do to the server.
type place struct {
	Config string `name:"config" placeholder:"FILE" help:"Settings of the server, for data, database and domains."`
	Data   string `name:"data" placeholder:"DIR" help:"Directory of the data; replaces what the settings say."`
}

// Command is `trivox user` with its verbs.
type Command struct {
	place

	Add     AddCommand     `cmd:"" help:"Add a user; his password is asked for, or read from standard input."`
	List    ListCommand    `cmd:"" help:"List the users."`
	Remove  RemoveCommand  `cmd:"" help:"Remove a user, and what his phones have registered."`
	Passwd  PasswdCommand  `cmd:"" help:"Give a user another password."`
	Disable DisableCommand `cmd:"" help:"Let a user neither register nor call."`
	Enable  EnableCommand  `cmd:"" help:"Let a user register and call again."`

	in *os.File // standard input when nil
}

type who struct {
	Name string `arg:"" help:"NAME@DOMAIN, or NAME alone for the first of the domains."`
}

// secret is where a password comes from; without a flag, from standard input.
type secret struct {
	PasswordFile string   `name:"password-file" placeholder:"FILE" xor:"password" help:"File whose first line is the password."`
	Generate     bool     `name:"generate" xor:"password" help:"Make a password, and print it."`
	Algorithm    []string `name:"algorithm" placeholder:"NAME" help:"Digest algorithm that the user is challenged with: SHA-512-256, SHA-256 or MD5. Repeatable, in the order of challenges. Without it, what he had; a new user has all."`
}

// The verbs.
type (
	AddCommand struct {
		who
		secret
	}
	ListCommand   struct{}
	RemoveCommand struct{ who }
	PasswdCommand struct {
		who
		secret
	}
	DisableCommand struct{ who }
	EnableCommand  struct{ who }
)

// Run adds a user.
func (a AddCommand) Run(c *Command, k *kong.Context) error {
	return c.on(a.who, func(ctx context.Context, s *store.Store, name, domain string, domains []string) error {
		if len(domains) > 0 && !slices.Contains(domains, domain) {
			return fmt.Errorf("%s is none of the domains of this server (%s): add it to domains, or name one of them", domain, strings.Join(domains, ", "))
		}
		if err := store.CheckUser(name, domain); err != nil {
			return err
		}
		some, err := s.Any(ctx)
		if err != nil {
			return err
		}
		err = a.set(c, k, name+"@"+domain, "added", func(password string, list []sip.Algorithm) error {
			return s.AddUser(ctx, name, domain, password, list...)
		})
		if err == nil && !some {
			fmt.Fprintln(k.Stderr, "This is the first user: from now on callers are asked for a password, on this machine too; only networks in allow are not.")
		}
		return err
	})
}

// Run lists the users.
func (ListCommand) Run(c *Command, k *kong.Context) error {
	return c.open(func(ctx context.Context, s *store.Store, _ config.Config) error {
		list, err := s.Users(ctx)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			_, err := fmt.Fprintln(k.Stdout, "no users")
			return err
		}
		w := tabwriter.NewWriter(k.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "USER\tSTATE\tALGORITHMS\tADDED\tCHANGED")
		for _, u := range list {
			state, algorithms := "enabled", "all"
			if u.Disabled {
				state = "disabled"
			}
			if len(u.Algorithms) > 0 {
				algorithms = strings.Join(words(u.Algorithms), ",")
			}
			const form = "2006-01-02 15:04:05Z"
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", u.AOR(), state, algorithms, u.Created.Format(form), u.Changed.Format(form))
		}
		return w.Flush()
	})
}

// Run removes a user.
func (r RemoveCommand) Run(c *Command, k *kong.Context) error {
	return c.on(r.who, func(ctx context.Context, s *store.Store, name, domain string, _ []string) error {
		return said(k, "removed "+name+"@"+domain, s.RemoveUser(ctx, name, domain))
	})
}

// Run changes a password.
func (p PasswdCommand) Run(c *Command, k *kong.Context) error {
	return c.on(p.who, func(ctx context.Context, s *store.Store, name, domain string, _ []string) error {
		return p.set(c, k, name+"@"+domain, "changed the password of", func(password string, list []sip.Algorithm) error {
			return s.SetPassword(ctx, name, domain, password, list...)
		})
	})
}

// Run disables a user.
func (d DisableCommand) Run(c *Command, k *kong.Context) error {
	return c.on(d.who, func(ctx context.Context, s *store.Store, name, domain string, _ []string) error {
		return said(k, "disabled "+name+"@"+domain, s.SetDisabled(ctx, name, domain, true))
	})
}

// Run enables a user.
func (e EnableCommand) Run(c *Command, k *kong.Context) error {
	return c.on(e.who, func(ctx context.Context, s *store.Store, name, domain string, _ []string) error {
		return said(k, "enabled "+name+"@"+domain, s.SetDisabled(ctx, name, domain, false))
	})
}

// set gets the password and does with it what is to be done. A password that was made is all that standard output
// gets, so that a script can take it from there.
func (s secret) set(c *Command, k *kong.Context, aor, done string, do func(password string, list []sip.Algorithm) error) error {
	list := make([]sip.Algorithm, len(s.Algorithm))
	for i, name := range s.Algorithm {
		list[i] = sip.Algorithm(strings.ToUpper(name))
	}
	if s.Generate {
		password := store.GeneratePassword()
		if err := do(password, list); err != nil {
			return err
		}
		fmt.Fprintf(k.Stderr, "%s %s; the password is shown this once:\n", done, aor)
		_, err := fmt.Fprintln(k.Stdout, password)
		return err
	}
	password, err := s.read(c.in, k.Stderr, aor)
	if err == nil {
		err = do(password, list)
	}
	return said(k, done+" "+aor, err)
}

// said prints what was done, when it was.
func said(k *kong.Context, done string, err error) error {
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(k.Stdout, done)
	return err
}

// on opens the database for one user.
func (c *Command) on(w who, do func(ctx context.Context, s *store.Store, name, domain string, domains []string) error) error {
	return c.open(func(ctx context.Context, s *store.Store, settings config.Config) error {
		name, domain, err := split(w.Name, settings.Domains)
		if err != nil {
			return err
		}
		return do(ctx, s, name, domain, settings.Domains)
	})
}

// split takes NAME@DOMAIN apart, or gives a name alone the first of the domains.
func split(aor string, domains []string) (name, domain string, err error) {
	if at := strings.LastIndexByte(aor, '@'); at >= 0 {
		return strings.TrimPrefix(aor[:at], "sip:"), strings.ToLower(aor[at+1:]), nil
	}
	if len(domains) == 0 {
		return "", "", fmt.Errorf("%q has no domain, and the settings name none: write %s@DOMAIN, or set domains", aor, aor)
	}
	return aor, domains[0], nil
}

func words(list []sip.Algorithm) []string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = string(a)
	}
	return out
}

// settings reads the settings, which must name a database that outlives a process.
func (p place) settings() (config.Config, error) {
	c, err := config.Load(p.Config, config.Flags{Data: p.Data})
	if err != nil {
		return c, err
	}
	if c.Data == "" && c.Database == "" {
		return c, errors.New("the settings name no place for data, so that a server keeps it in its memory: " +
			"set data to a directory, in the file that --config names or with --data, here and for trivox serve alike")
	}
	return c, nil
}

// open opens the database while do works.
func (p place) open(do func(ctx context.Context, s *store.Store, settings config.Config) error) error {
	settings, err := p.settings()
	if err != nil {
		return err
	}
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{Data: settings.Data, Database: settings.Database.Reveal()})
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, s, settings), s.Close())
}
