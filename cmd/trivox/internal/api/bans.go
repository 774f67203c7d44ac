package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Bans are the addresses that are not answered for a while. The methods may be called by any goroutine; ErrNoBan is
// that of an address that is not banned.
type Bans interface {
	Bans(ctx context.Context) ([]Ban, error)
	Lift(ctx context.Context, address string) error
}

// ErrNoBan is what Bans answers of an address that is not banned.
var ErrNoBan = errors.New("no such ban")

// Ban is one address that is not answered.
type Ban struct {
	Address string    `json:"address" doc:"Who is banned: an IP address or a network." example:"203.0.113.9"`
	Reason  string    `json:"reason" doc:"What for."`
	Since   time.Time `json:"since" doc:"When it was banned."`
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
