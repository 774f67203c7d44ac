package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Users are the accounts that phones register and call with. Its methods may be called by any goroutine and return
// soon or when ctx ends. A user is named by his user part in the server's first domain, else "user@domain". Errors are
// ErrNoUser, ErrUserExists and ErrInvalid, wrapped or not. A password is asked for as "" to have one made, and then
// comes back; it is told this once.
type Users interface {
	Users(ctx context.Context) ([]User, error)
	AddUser(ctx context.Context, name, password string) (u User, made string, err error)
	RemoveUser(ctx context.Context, name string) error
	SetPassword(ctx context.Context, name, password string) (made string, err error)
	EnableUser(ctx context.Context, name string, on bool) error
}

// What Users answers when there is no such user, or one too many.
var (
	ErrNoUser     = errors.New("no such user")
	ErrUserExists = errors.New("there is such a user already")
)

// User is one account. Its password is kept by nobody, its hashes are told to nobody.
type User struct {
	Name       string    `json:"name" doc:"user@domain." example:"ann@example.com"`
	Enabled    bool      `json:"enabled" doc:"May register and call."`
	Algorithms []string  `json:"algorithms" doc:"Digest algorithms that a hash of the password is kept for (RFC 8760)." example:"[\"SHA-256\",\"MD5\"]"`
	Created    time.Time `json:"created" doc:"When it was added."`
}

// Password is what a user's phone is told.
type Password struct {
	Name     string `json:"name" doc:"user@domain." example:"ann@example.com"`
	Password string `json:"password,omitempty" doc:"The password that was made; it is told only here. Left out when it was given."`
}

type (
	usersOutput struct {
		Body struct {
			Users []User `json:"users" doc:"In the order of their names."`
		}
	}
	addUserInput struct {
		Body struct {
			Name     string `json:"name" minLength:"1" maxLength:"200" doc:"User part, or user@domain for another domain than the first." example:"ann"`
			Password string `json:"password,omitempty" maxLength:"200" doc:"Left out: one is made and told in the answer."`
		}
	}
	userInput struct {
		Name string `path:"name" doc:"User part, or user@domain for another domain than the first; percent-encoded." example:"ann"`
	}
	passwordInput struct {
		Name string `path:"name" doc:"As for the user." example:"ann"`
		Body struct {
			Password string `json:"password,omitempty" maxLength:"200" doc:"Left out: one is made and told in the answer."`
		}
	}
	passwordOutput struct {
		CacheControl string `header:"Cache-Control"`
		Body         Password
	}
)

func (a *API) userRoutes(h huma.API) {
	huma.Register(h, operation(http.MethodGet, "/v1/users", "list-users", "List the users"),
		func(ctx context.Context, _ *struct{}) (*usersOutput, error) {
			out := &usersOutput{}
			err := a.users(ctx, "", func(ctx context.Context) error {
				list, err := a.config.Users.Users(ctx)
				out.Body.Users = append([]User{}, list...)
				return err
			})
			return out, err
		})
	add := operation(http.MethodPost, "/v1/users", "add-user", "Add a user")
	add.DefaultStatus = http.StatusCreated
	huma.Register(h, add, func(ctx context.Context, in *addUserInput) (*passwordOutput, error) {
		out := &passwordOutput{CacheControl: "no-store"}
		err := a.users(ctx, in.Body.Name, func(ctx context.Context) error {
			u, made, err := a.config.Users.AddUser(ctx, in.Body.Name, in.Body.Password)
			if err == nil {
				a.changed(ctx, "add", "user", u.Name)
			}
			out.Body = Password{Name: u.Name, Password: made}
			return err
		})
		return out, err
	})
	passwd := operation(http.MethodPut, "/v1/users/{name}/password", "set-password", "Give a user another password")
	passwd.DefaultStatus = http.StatusOK
	huma.Register(h, passwd, func(ctx context.Context, in *passwordInput) (*passwordOutput, error) {
		out := &passwordOutput{CacheControl: "no-store"}
		err := a.users(ctx, in.Name, func(ctx context.Context) error {
			made, err := a.config.Users.SetPassword(ctx, in.Name, in.Body.Password)
			if err == nil {
				a.changed(ctx, "password", "user", in.Name)
			}
			out.Body = Password{Name: in.Name, Password: made}
			return err
		})
		return out, err
	})
	a.onUser(h, http.MethodDelete, "", "remove", "The user is removed, and what his phones have registered", func(ctx context.Context, name string) error {
		return a.config.Users.RemoveUser(ctx, name)
	})
	for verb, on := range map[string]bool{"enable": true, "disable": false} {
		a.onUser(h, http.MethodPost, "/"+verb, verb, "The user may register and call, or may not", func(ctx context.Context, name string) error {
			return a.config.Users.EnableUser(ctx, name, on)
		})
	}
}

// onUser is a route that changes one user.
func (a *API) onUser(h huma.API, method, path, verb, summary string, do func(ctx context.Context, name string) error) {
	huma.Register(h, operation(method, "/v1/users/{name}"+path, verb+"-user", summary),
		func(ctx context.Context, in *userInput) (*struct{}, error) {
			return nil, a.users(ctx, in.Name, func(ctx context.Context) error {
				if err := do(ctx, in.Name); err != nil {
					return err
				}
				a.changed(ctx, verb, "user", in.Name)
				return nil
			})
		})
}

// users asks Users, if there are any, and turns its errors into answers.
func (a *API) users(ctx context.Context, name string, do func(context.Context) error) error {
	if a.config.Users == nil {
		return lacking("users", "data")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := do(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNoUser):
		return huma.Error404NotFound(fmt.Sprintf("no user %q here; GET /v1/users lists those there are", name))
	case errors.Is(err, ErrUserExists):
		return huma.Error409Conflict(fmt.Sprintf("there is a user %q already; to change the password: PUT /v1/users/%s/password", name, name))
	}
	return a.failure(err, "user", name)
}
