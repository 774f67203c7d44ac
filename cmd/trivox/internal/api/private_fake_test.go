package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// office is what a house has beside conferences: the users ann and bob, a phone of ann's, a ban and a record. It notes
// what was asked of it, with passwords.
type office struct {
	asked []string
	hang  bool
	fail  error
}

func (o *office) do(ctx context.Context, what ...any) error {
	if o.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	o.asked = append(o.asked, fmt.Sprint(what...))
	return o.fail
}

func (o *office) known(name string) error {
	if !slices.Contains([]string{"ann", "bob", "ann@example.com", "a/b"}, name) {
		return ErrNoUser
	}
	return nil
}

func (o *office) Users(ctx context.Context) ([]User, error) {
	return []User{{Name: "ann@example.com", Enabled: true, Algorithms: []string{"SHA-256", "MD5"}, Created: start}}, o.do(ctx, "users")
}

func (o *office) AddUser(ctx context.Context, name, password string) (User, string, error) {
	made := ""
	if password == "" {
		made = "made-for-you"
	}
	if o.known(name) == nil {
		return User{}, "", ErrUserExists
	}
	if name == "a b" {
		return User{}, "", fmt.Errorf("the name of a user %q %w: blanks are not dialled", name, ErrInvalid)
	}
	return User{Name: name + "@example.com"}, made, o.do(ctx, "add ", name, " ", password)
}

func (o *office) RemoveUser(ctx context.Context, name string) error {
	return errors.Join(o.known(name), o.do(ctx, "remove ", name))
}

func (o *office) SetPassword(ctx context.Context, name, password string) (string, error) {
	made := ""
	if password == "" {
		made = "made-anew"
	}
	return made, errors.Join(o.known(name), o.do(ctx, "password ", name, " ", password))
}

func (o *office) EnableUser(ctx context.Context, name string, on bool) error {
	return errors.Join(o.known(name), o.do(ctx, "enable ", name, " ", on))
}

func (o *office) Registrations(ctx context.Context, user string, limit int) ([]Registration, error) {
	return []Registration{{User: "ann@example.com", Contact: "sip:ann@192.0.2.7:5060", Transport: "UDP", Source: "192.0.2.7:5060",
		UserAgent: "phone/1", Since: start, Expires: start.Add(time.Hour)}}, o.do(ctx, "registrations ", user, " ", limit)
}

func (o *office) Bans(ctx context.Context) ([]Ban, error) {
	return []Ban{{Address: "203.0.113.9", Reason: "password", Times: 2, Until: start.Add(time.Hour)},
		{Address: "2001:db8::/64", User: "ann@example.com", Reason: "pin", Times: 1, Until: start}}, o.do(ctx, "bans")
}

func (o *office) Lift(ctx context.Context, address string) error {
	if address != "203.0.113.9" && address != "2001:db8::/64" {
		return ErrNoBan
	}
	return o.do(ctx, "lift ", address)
}

func (o *office) Records(ctx context.Context, q RecordQuery) ([]Record, string, error) {
	if q.After == "nobody" {
		return nil, "", fmt.Errorf("after %q %w: there is no such page", q.After, ErrInvalid)
	}
	answered := start.Add(time.Second)
	return []Record{{ID: "leg1", CallID: "c1", Room: "tea", Kind: "room", Direction: "in", User: "ann@example.com", URI: "sip:ann@example.com", Codec: "PCMU",
			Started: start, Answered: &answered, Ended: start.Add(time.Minute), Seconds: 59, MOS: 4.3, EndedBy: "caller", Code: 200, Reason: "bye"}}, "5.leg1",
		o.do(ctx, fmt.Sprintf("records %+v", q))
}
