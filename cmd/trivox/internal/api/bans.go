package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Bans are the sources, and users at sources, who are not served for a while. The methods may be called by any
// goroutine. Lift forgets what a source and the users at it did wrong; ErrNoBan is that of one that is not banned,
// ErrInvalid that of what is no address.
type Bans interface {
	Bans(ctx context.Context) ([]Ban, error)
	Lift(ctx context.Context, address string) error
}

// ErrNoBan is what Bans answers of an address that is not banned.
var ErrNoBan = errors.New("no such ban")

// Ban is one source, or one user there, who is not served.
type Ban struct {
	Address string    `json:"address" doc:"Who is banned: an IPv4 address, or the /64 of an IPv6 address." example:"203.0.113.9"`
	User    string    `json:"user,omitempty" doc:"Only this user there; left out: all that comes from there." example:"ann@example.com"`
	Reason  string    `json:"reason" doc:"What for." example:"password"`
	Times   int       `json:"times" doc:"Which ban it is; each lasts longer than the one before. 0: not listened to for a moment, for a flood."`
	Until   time.Time `json:"until" doc:"When the ban ends."`
}

type (
	bansOutput struct {
		Body struct {
			Bans []Ban `json:"bans" doc:"In the order of their addresses."`
		}
	}
	banInput struct {
		Address string `path:"address" doc:"As the list of bans has it." example:"203.0.113.9"`
	}
)

func (a *API) banRoutes(h huma.API) {
	huma.Register(h, operation(http.MethodGet, "/v1/bans", "list-bans", "List who is banned"),
		func(ctx context.Context, _ *struct{}) (*bansOutput, error) {
			if a.config.Bans == nil {
				return nil, lacking("bans", "limits")
			}
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			list, err := a.config.Bans.Bans(ctx)
			if err != nil {
				return nil, a.failure(err)
			}
			out := &bansOutput{}
			out.Body.Bans = append([]Ban{}, list...)
			return out, nil
		})
	huma.Register(h, operation(http.MethodDelete, "/v1/bans/{address}", "lift-ban", "A ban is lifted"),
		func(ctx context.Context, in *banInput) (*struct{}, error) {
			if a.config.Bans == nil {
				return nil, lacking("bans", "limits")
			}
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			err := a.config.Bans.Lift(ctx, in.Address)
			switch {
			case errors.Is(err, ErrNoBan):
				return nil, huma.Error404NotFound(fmt.Sprintf("%q is not banned; GET /v1/bans lists who is", in.Address))
			case err != nil:
				return nil, a.failure(err, "address", in.Address)
			}
			a.changed(ctx, "lift", "ban", in.Address)
			return nil, nil
		})
}
