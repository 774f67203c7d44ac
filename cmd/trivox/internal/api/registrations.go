package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Registrations are the ways to the users' phones. The method may be called by any goroutine.
type Registrations interface {
	// Registrations are those of a user, "user@domain" or the user part in the first domain, or of all users when it is
	// empty: at most limit that have not expired, in the order of their users.
	Registrations(ctx context.Context, user string, limit int) ([]Registration, error)
}

// Registration is one way to a user's phone.
type Registration struct {
	User      string    `json:"user" doc:"user@domain." example:"ann@example.com"`
	Contact   string    `json:"contact" doc:"As it was registered." example:"sip:ann@192.0.2.7:5060"`
	Transport string    `json:"transport" enum:"UDP,TCP,TLS" doc:"What it was registered by."`
	Source    string    `json:"source" doc:"Address and port that the REGISTER came from." example:"192.0.2.7:5060"`
	UserAgent string    `json:"user_agent" doc:"What the phone says it is."`
	Since     time.Time `json:"since" doc:"When it was registered first."`
	Expires   time.Time `json:"expires" doc:"When it ends, unless it is refreshed."`
}

type (
	registrationsInput struct {
		User  string `query:"user" doc:"Only those of this user."`
		Limit int    `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"At most so many."`
	}
	registrationsOutput struct {
		Body struct {
			Registrations []Registration `json:"registrations" doc:"In the order of their users."`
		}
	}
)

func (a *API) locationRoutes(h huma.API) {
	huma.Register(h, operation(http.MethodGet, "/v1/registrations", "list-registrations", "List where users are registered"),
		func(ctx context.Context, in *registrationsInput) (*registrationsOutput, error) {
			if a.config.Registrations == nil {
				return nil, lacking("registrations", "data")
			}
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			list, err := a.config.Registrations.Registrations(ctx, in.User, in.Limit)
			if err != nil {
				return nil, a.failure(err, "user", in.User)
			}
			out := &registrationsOutput{}
			out.Body.Registrations = append([]Registration{}, list...)
			return out, nil
		})
}
