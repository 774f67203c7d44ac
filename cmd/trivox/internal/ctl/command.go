// Package ctl is `trivox ctl`: it lists and controls conferences, users, bans and records of a running server by its
// HTTP API.
package ctl

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/alecthomas/kong"

	"trivox/cmd/trivox/internal/api"
)

// Command is `trivox ctl` with its verbs. Every Run gives an *Error, whose ExitCode tells scripts what happened.
type Command struct {
	HTTP  string `name:"http" placeholder:"URL" default:"http://127.0.0.1:8080" help:"HTTP address of the server (${default})."`
	Token string `name:"token" env:"TRIVOX_TOKEN" help:"The server's http.token; better in the environment, for others see command lines."`
	JSON  bool   `name:"json" help:"Print the server's answer as it is."`

	List   ListCommand   `cmd:"" help:"List the conferences."`
	Show   ShowCommand   `cmd:"" help:"Show a conference and who is in it."`
	Mute   MuteCommand   `cmd:"" help:"Silence a participant."`
	Unmute UnmuteCommand `cmd:"" help:"Let a participant be heard again."`
	Kick   KickCommand   `cmd:"" help:"End a participant's call."`
	Admit  AdmitCommand  `cmd:"" help:"Let somebody in from the lobby."`
	Lock   LockCommand   `cmd:"" help:"Let nobody else in."`
	Unlock UnlockCommand `cmd:"" help:"Let people in again."`
	End    EndCommand    `cmd:"" help:"End a conference and every call in it."`

	Users         UsersCommand         `cmd:"" help:"List the users, or add, remove and change one."`
	Registrations RegistrationsCommand `cmd:"" help:"List where users' phones are registered."`
	Bans          BansCommand          `cmd:"" help:"List who is banned, or lift a ban."`
	CDR           CDRCommand           `cmd:"" name:"cdr" help:"List calls that have ended, the latest first."`

	stdin io.Reader // of passwords; nil: the process's
}

type conference struct {
	Conference string `arg:"" help:"Name of the conference, as 'trivox ctl list' prints it."`
}

func (c conference) path() string { return "/v1/conferences/" + escape(c.Conference) }

type participant struct {
	conference
	Participant string `arg:"" help:"Id of the participant, as 'trivox ctl show' prints it."`
}

func (p participant) path() string {
	return p.conference.path() + "/participants/" + escape(p.Participant)
}

// escape makes one path segment of s; dots too, lest "." or ".." be taken for a way through the path.
func escape(s string) string { return strings.ReplaceAll(url.PathEscape(s), ".", "%2E") }

// The verbs.
type (
	ListCommand   struct{}
	ShowCommand   struct{ conference }
	MuteCommand   struct{ participant }
	UnmuteCommand struct{ participant }
	KickCommand   struct{ participant }
	AdmitCommand  struct{ participant }
	LockCommand   struct{ conference }
	UnlockCommand struct{ conference }
	EndCommand    struct{ conference }
)

// Run lists the conferences.
func (ListCommand) Run(c *Command, k *kong.Context) error {
	body, err := c.get("/v1/conferences")
	if err != nil || c.JSON {
		return write(k.Stdout, body, err)
	}
	var list struct{ Conferences []api.Summary }
	if err := json.Unmarshal(body, &list); err != nil {
		return notOurs(c.HTTP, err)
	}
	if len(list.Conferences) == 0 {
		_, err := fmt.Fprintln(k.Stdout, "no conferences")
		return err
	}
	w := table(k.Stdout)
	fmt.Fprintln(w, "NAME\tURI\tPEOPLE\tWAITING\tLOCKED\tSINCE")
	for _, s := range list.Conferences {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\n", plain(s.Name), plain(s.URI), s.Participants, s.Waiting, yes(s.Locked), since(s.Started))
	}
	return w.Flush()
}

// Run shows one conference.
func (s ShowCommand) Run(c *Command, k *kong.Context) error {
	body, err := c.get(s.path())
	if err != nil || c.JSON {
		return write(k.Stdout, body, err)
	}
	var conf api.Conference
	if err := json.Unmarshal(body, &conf); err != nil {
		return notOurs(c.HTTP, err)
	}
	locked := ""
	if conf.Locked {
		locked = ", locked"
	}
	fmt.Fprintf(k.Stdout, "%s (%s): %s since %s%s\n", plain(conf.Name), plain(conf.URI), crowd(conf), since(conf.Started), locked)
	if len(conf.Participants) == 0 {
		return nil
	}
	w := table(k.Stdout)
	fmt.Fprintln(w, "ID\tWHO\tURI\tCODEC\tENCRYPTION\tHEARD\tLAMBDA\tSTATE\tRECEIVED\tSENT\tLOSS\tJITTER\tDELAY\tMEDIA\tSINCE")
	for _, p := range conf.Participants {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%d\t%d\t%.1f%%\t%.1f ms\t%.0f ms\t%s\t%s\n",
			plain(p.ID), plain(p.Display), plain(p.URI), plain(p.Codec), plain(p.Encryption), yes(p.InF), p.Lambda, state(p),
			p.PacketsReceived, p.PacketsSent, p.LossPercent, p.JitterMS, p.DelayMS, plain(p.Media), since(p.Joined))
	}
	return w.Flush()
}

// crowd is how many are in a conference, and in its lobby.
func crowd(c api.Conference) string {
	outside := 0
	for _, p := range c.Participants {
		if p.Lobby {
			outside++
		}
	}
	out := fmt.Sprintf("%d in it", len(c.Participants)-outside)
	if outside > 0 {
		out += fmt.Sprintf(", %d in its lobby", outside)
	}
	return out
}

// Run silences a participant.
func (m MuteCommand) Run(c *Command, k *kong.Context) error {
	return c.control(k, m.path()+"/mute", "muted "+m.Participant+" in "+m.Conference)
}

// Run lets a participant be heard again.
func (m UnmuteCommand) Run(c *Command, k *kong.Context) error {
	return c.control(k, m.path()+"/unmute", "unmuted "+m.Participant+" in "+m.Conference)
}

// Run ends a participant's call.
func (m KickCommand) Run(c *Command, k *kong.Context) error {
	return c.control(k, m.path()+"/kick", "kicked "+m.Participant+" out of "+m.Conference)
}

// Run lets somebody in from the lobby.
func (m AdmitCommand) Run(c *Command, k *kong.Context) error {
	return c.control(k, m.path()+"/admit", "admitted "+m.Participant+" to "+m.Conference)
}

// Run lets nobody else in.
func (m LockCommand) Run(c *Command, k *kong.Context) error {
	return c.control(k, m.path()+"/lock", "locked "+m.Conference)
}

// Run lets people in again.
func (m UnlockCommand) Run(c *Command, k *kong.Context) error {
	return c.control(k, m.path()+"/unlock", "unlocked "+m.Conference)
}

// Run ends a conference.
func (m EndCommand) Run(c *Command, k *kong.Context) error {
	return c.control(k, m.path()+"/end", "ended "+m.Conference)
}

// control posts to path and says what was done; with --json it says nothing.
func (c *Command) control(k *kong.Context, path, done string) error {
	return c.change(k, http.MethodPost, path, done)
}

// change is control by another method.
func (c *Command) change(k *kong.Context, method, path, done string) error {
	if _, err := c.ask(method, path, nil); err != nil || c.JSON {
		return err
	}
	_, err := fmt.Fprintln(k.Stdout, plain(done))
	return err
}

func write(w io.Writer, body []byte, err error) error {
	if err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

func table(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

// plain leaves out what would act on a terminal: names are given by callers, whoever they are.
func plain(s string) string {
	if s == "" {
		return "-"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

func state(p api.Participant) string {
	var words []string
	if p.Lobby {
		words = append(words, "lobby")
	}
	if p.Role == "moderator" {
		words = append(words, "moderator")
	}
	if p.Muted {
		words = append(words, "muted")
	}
	if p.Held {
		words = append(words, "held")
	}
	return plain(strings.Join(words, ","))
}

func since(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
