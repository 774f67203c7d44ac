package ctl

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"trivox/cmd/trivox/internal/api"
)

// RegistrationsCommand is `trivox ctl registrations`.
type RegistrationsCommand struct {
	User  string `help:"Only those of this user."`
	Limit int    `default:"1000" help:"At most so many (${default})."`
}

// BansCommand is `trivox ctl bans`.
type BansCommand struct {
	List ListBansCommand `cmd:"" default:"1" help:"List who is banned."`
	Lift LiftCommand     `cmd:"" help:"Lift a ban."`
}

// The verbs of bans.
type (
	ListBansCommand struct{}
	LiftCommand     struct {
		Address string `arg:"" help:"As 'trivox ctl bans' prints it."`
	}
)

// CDRCommand is `trivox ctl cdr`.
type CDRCommand struct {
	Since string `placeholder:"WHEN" help:"Calls that ended then or later: \"24h\" ago, 2026-01-31, or 2026-01-31T09:30:00Z."`
	Until string `placeholder:"WHEN" help:"Calls that ended before."`
	User  string `help:"Only those of this user."`
	Room  string `help:"Only those of this conference."`
	Limit int    `default:"100" help:"At most so many, 1000 at most (${default})."`
	After string `placeholder:"PLACE" help:"The next page, as the page before names it."`
}

// Run lists registrations.
func (r RegistrationsCommand) Run(c *Command, k *kong.Context) error {
	q := url.Values{"limit": {strconv.Itoa(r.Limit)}}
	if r.User != "" {
		q.Set("user", r.User)
	}
	body, err := c.get("/v1/registrations?" + q.Encode())
	if err != nil || c.JSON {
		return write(k.Stdout, body, err)
	}
	var list struct{ Registrations []api.Registration }
	if err := json.Unmarshal(body, &list); err != nil {
		return notOurs(c.HTTP, err)
	}
	if len(list.Registrations) == 0 {
		_, err := fmt.Fprintln(k.Stdout, "no registrations")
		return err
	}
	w := table(k.Stdout)
	fmt.Fprintln(w, "USER\tCONTACT\tBY\tSOURCE\tPHONE\tSINCE\tEXPIRES")
	for _, r := range list.Registrations {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", plain(r.User), plain(r.Contact), plain(r.Transport), plain(r.Source), plain(r.UserAgent),
			since(r.Since), since(r.Expires))
	}
	return w.Flush()
}

// Run lists bans.
func (ListBansCommand) Run(c *Command, k *kong.Context) error {
	body, err := c.get("/v1/bans")
	if err != nil || c.JSON {
		return write(k.Stdout, body, err)
	}
	var list struct{ Bans []api.Ban }
	if err := json.Unmarshal(body, &list); err != nil {
		return notOurs(c.HTTP, err)
	}
	if len(list.Bans) == 0 {
		_, err := fmt.Fprintln(k.Stdout, "no bans")
		return err
	}
	w := table(k.Stdout)
	fmt.Fprintln(w, "ADDRESS\tUSER\tREASON\tTIMES\tUNTIL")
	for _, b := range list.Bans {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", plain(b.Address), plain(b.User), plain(b.Reason), b.Times, since(b.Until))
	}
	return w.Flush()
}

// Run lifts a ban.
func (l LiftCommand) Run(c *Command, k *kong.Context) error {
	return c.change(k, http.MethodDelete, "/v1/bans/"+escape(l.Address), "lifted the ban of "+l.Address)
}

// Run lists records.
func (r CDRCommand) Run(c *Command, k *kong.Context) error {
	q := url.Values{"limit": {strconv.Itoa(r.Limit)}}
	for _, w := range []struct{ key, flag string }{{"since", r.Since}, {"until", r.Until}} {
		if w.flag == "" {
			continue
		}
		t, err := when(w.flag, time.Now())
		if err != nil {
			return &Error{ExitFailed, "--" + w.key + " " + err.Error()}
		}
		q.Set(w.key, t.UTC().Format(time.RFC3339Nano))
	}
	for key, flag := range map[string]string{"user": r.User, "room": r.Room, "after": r.After} {
		if flag != "" {
			q.Set(key, flag)
		}
	}
	body, err := c.get("/v1/records?" + q.Encode())
	if err != nil || c.JSON {
		return write(k.Stdout, body, err)
	}
	var list struct {
		Records []api.Record
		Next    string
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return notOurs(c.HTTP, err)
	}
	if len(list.Records) == 0 {
		_, err := fmt.Fprintln(k.Stdout, "no records")
		return err
	}
	if err := printRecords(k, list.Records); err != nil || list.Next == "" {
		return err
	}
	_, err = fmt.Fprintln(k.Stdout, "more: --after "+plain(list.Next))
	return err
}

func printRecords(k *kong.Context, list []api.Record) error {
	w := table(k.Stdout)
	fmt.Fprintln(w, "ENDED\tROOM\tWHO\tLENGTH\tCODEC\tENCRYPTION\tLOSS\tJITTER\tMOS\tBY\tREASON\tID")
	for _, r := range list {
		who := r.User
		if who == "" {
			who = r.URI
		}
		mos := "-"
		if r.MOS > 0 {
			mos = fmt.Sprintf("%.1f", r.MOS)
		}
		length := "-"
		if r.Answered != nil {
			length = time.Duration(r.Seconds * float64(time.Second)).Round(time.Second).String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%.1f%%\t%.1f ms\t%s\t%s\t%s\t%s\n", since(r.Ended), plain(r.Room), plain(who), length,
			plain(r.Codec), plain(r.Encryption), lossPercent(r), r.JitterMS, mos, plain(r.EndedBy), plain(r.Reason), plain(r.ID))
	}
	return w.Flush()
}

// lossPercent is what did not come or came too late, of all packets expected.
func lossPercent(r api.Record) float64 {
	expected := float64(r.Received + r.Lost)
	if expected == 0 {
		return 0
	}
	return min(100, 100*float64(r.Lost+r.Late)/expected)
}

// when reads a time: how long ago, a day (UTC) or a time of RFC 3339.
func when(s string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(s); err == nil {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02 15:04:05Z"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf(`%q: need how long ago, such as "24h", a day such as 2026-01-31, or a time such as 2026-01-31T09:30:00Z`, s)
}
