package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"trivox/cmd/trivox/internal/api"
	"trivox/cmd/trivox/internal/store"
	"trivox/sip"
)

// accounts shows the store to the API: users, where they are registered, and records.
type accounts struct {
	store  *store.Store
	config configPointer
}

// split takes the name of a user in the API apart: the first domain is that of a name without one.
func (a *accounts) split(name string) (user, domain string, err error) {
	domains := a.config.Load().Domains
	if len(domains) == 0 {
		return "", "", fmt.Errorf("a user %w without a domain: set domains, and start the server anew", api.ErrInvalid)
	}
	user, domain = name, domains[0]
	if i := strings.LastIndexByte(name, '@'); i >= 0 {
		user, domain = name[:i], strings.ToLower(name[i+1:])
	}
	return user, domain, nil
}

// known is split for a user that there should be.
func (a *accounts) known(name string) (user, domain string, err error) {
	user, domain, err = a.split(name)
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", api.ErrNoUser, err)
	}
	return user, domain, nil
}

// Users is api.Users'.
func (a *accounts) Users(ctx context.Context) ([]api.User, error) {
	list, err := a.store.Users(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]api.User, 0, len(list))
	for _, u := range list {
		algorithms := u.Algorithms
		if len(algorithms) == 0 {
			algorithms = []sip.Algorithm{sip.SHA512256, sip.SHA256, sip.MD5}
		}
		shown := api.User{Name: u.AOR(), Enabled: !u.Disabled, Created: u.Created, Algorithms: []string{}}
		for _, algorithm := range algorithms {
			shown.Algorithms = append(shown.Algorithms, string(algorithm))
		}
		out = append(out, shown)
	}
	slices.SortFunc(out, func(a, b api.User) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// AddUser is api.Users'.
func (a *accounts) AddUser(ctx context.Context, name, password string) (api.User, string, error) {
	user, domain, err := a.split(name)
	if err != nil {
		return api.User{}, "", err
	}
	if !slices.Contains(a.config.Load().Domains, domain) {
		return api.User{}, "", fmt.Errorf("the domain of %q %w %q: this server serves %s", name, api.ErrInvalid, domain,
			strings.Join(a.config.Load().Domains, ", "))
	}
	password, made := passwordOr(password)
	if err := errors.Join(store.CheckUser(user, domain), store.CheckPassword(password)); err != nil {
		return api.User{}, "", fmt.Errorf("this user %w: %w", api.ErrInvalid, err)
	}
	if err := a.store.AddUser(ctx, user, domain, password); err != nil {
		return api.User{}, "", accountError(err)
	}
	return api.User{Name: user + "@" + domain, Enabled: true}, made, nil
}

// passwordOr is the password given, or one that is made.
func passwordOr(given string) (password, made string) {
	if given != "" {
		return given, ""
	}
	made = store.GeneratePassword()
	return made, made
}

// SetPassword is api.Users'.
func (a *accounts) SetPassword(ctx context.Context, name, password string) (string, error) {
	user, domain, err := a.known(name)
	if err != nil {
		return "", err
	}
	password, made := passwordOr(password)
	if err := store.CheckPassword(password); err != nil {
		return "", fmt.Errorf("this password %w: %w", api.ErrInvalid, err)
	}
	if err := a.store.SetPassword(ctx, user, domain, password); err != nil {
		return "", accountError(err)
	}
	return made, nil
}

// RemoveUser is api.Users'.
func (a *accounts) RemoveUser(ctx context.Context, name string) error {
	user, domain, err := a.known(name)
	if err != nil {
		return err
	}
	return accountError(a.store.RemoveUser(ctx, user, domain))
}

// EnableUser is api.Users'.
func (a *accounts) EnableUser(ctx context.Context, name string, on bool) error {
	user, domain, err := a.known(name)
	if err != nil {
		return err
	}
	return accountError(a.store.SetDisabled(ctx, user, domain, !on))
}

// Registrations is api.Registrations'.
func (a *accounts) Registrations(ctx context.Context, name string, limit int) ([]api.Registration, error) {
	list, err := a.registered(ctx, name, limit)
	if err != nil {
		return nil, err
	}
	out := make([]api.Registration, 0, len(list))
	for _, r := range list {
		b := r.Binding
		shown := api.Registration{
			User: r.User + "@" + r.Domain, Contact: b.Contact, Transport: b.Transport, UserAgent: b.UserAgent, Since: b.Since, Expires: b.Expires,
		}
		if b.Source.IsValid() {
			shown.Source = b.Source.String()
		}
		out = append(out, shown)
	}
	return out, nil
}

// registered are the bindings of one user, or of all.
func (a *accounts) registered(ctx context.Context, name string, limit int) ([]store.Registered, error) {
	if name == "" {
		return a.store.Registered(ctx, limit)
	}
	user, domain, err := a.known(name)
	if err != nil {
		return nil, nil // nobody is registered without a domain
	}
	list, err := a.store.Bindings(ctx, user, domain)
	if err != nil {
		return nil, err
	}
	var out []store.Registered
	for _, b := range list {
		if b.Expires.After(time.Now()) && len(out) < limit {
			out = append(out, store.Registered{User: user, Domain: domain, Binding: b})
		}
	}
	return out, nil
}

// Records is api.Records'. That there is one more tells that there is another page.
func (a *accounts) Records(ctx context.Context, q api.RecordQuery) ([]api.Record, string, error) {
	if q.User != "" {
		user, domain, err := a.known(q.User)
		if err != nil {
			return nil, "", nil // nobody is of no domain
		}
		q.User = user + "@" + domain
	}
	list, err := a.store.Records(ctx, store.Query{Since: q.Since, Until: q.Until, User: q.User, Room: q.Room, After: q.After, Limit: q.Limit + 1})
	if errors.Is(err, store.ErrCursor) {
		return nil, "", fmt.Errorf("the next page %w: %w", api.ErrInvalid, err)
	}
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(list) > q.Limit {
		list = list[:q.Limit]
		next = list[q.Limit-1].Cursor()
	}
	out := make([]api.Record, 0, len(list))
	for _, r := range list {
		out = append(out, apiRecord(r))
	}
	return out, next, nil
}

// accountError is an error of the store as the API knows it.
func accountError(err error) error {
	switch {
	case errors.Is(err, store.ErrNoUser):
		return fmt.Errorf("%w: %w", api.ErrNoUser, err)
	case errors.Is(err, store.ErrUserExists):
		return fmt.Errorf("%w: %w", api.ErrUserExists, err)
	}
	return err
}
