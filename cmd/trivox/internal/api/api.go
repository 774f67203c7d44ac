// Package api is the server's HTTP side: health, metrics, and a small API that lists conferences and controls them.
// It knows conferences only by the interface that it declares; cmd joins the two.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// patience bounds how long one request waits for a conference to answer.
const patience = 5 * time.Second

// Conferences is what the API lists and controls. Every method may be called by any goroutine, returns soon or when
// ctx ends, and gives ErrNoConference or ErrNoParticipant (wrapped or not) for what does not exist. A conference is
// named by its user part in the server's first domain, else "user@domain"; names come percent-decoded. Of List and
// Show the caller owns what is returned.
type Conferences interface {
	List(ctx context.Context) ([]Summary, error)
	Show(ctx context.Context, name string) (Conference, error)
	Mute(ctx context.Context, name, participant string, on bool) error
	Kick(ctx context.Context, name, participant string) error
	// Admit lets in somebody from the lobby. It gives ErrFull when there is no place.
	Admit(ctx context.Context, name, participant string) error
	Lock(ctx context.Context, name string, on bool) error
	End(ctx context.Context, name string) error
}

// What Conferences answers when there is no such thing.
var (
	ErrNoConference  = errors.New("no such conference")
	ErrNoParticipant = errors.New("no such participant")
	ErrFull          = errors.New("the conference is full")
)

// Config is what New needs. The functions may be called by any goroutine and must not block. What is nil of Users,
// Registrations, Bans and Records is answered 501.
type Config struct {
	Version       string
	Conferences   Conferences
	Users         Users
	Registrations Registrations
	Bans          Bans
	Records       Records

	Metrics func() Metrics  // a snapshot for /metrics
	Healthy func() error    // nil once every SIP listener and the RTP range are usable
	Ready   func() error    // nil while new calls are taken
	Token   func() string   // the bearer token now, "" for none; it is never logged
	Hosts   func() []string // names and addresses the server answers to beside loopback and the address called
	Log     *slog.Logger
}

// API answers requests; Server gives it an address.
type API struct {
	config Config
	mux    *http.ServeMux
}

// New makes the API. It panics when the routes do not go together, which no configuration can cause.
func New(c Config) *API {
	a := &API{config: c, mux: http.NewServeMux()}
	a.health()
	a.mux.Handle("GET /metrics", metricsHandler(c.Version, c.Metrics))
	a.mux.HandleFunc("/", a.noRoute)

	h := huma.DefaultConfig("Trivox", c.Version)
	h.Info.Description = "Conferences of this server: who is in them, who is heard, and control of both. Its users, " +
		"where they are registered, who is banned, and a record of each call that has ended."
	h.Transformers = append(h.Transformers, readable)
	h.DocsPath, h.SchemasPath, h.CreateHooks = "", "", nil
	h.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "The setting http.token."},
	}
	routes := humago.New(a.mux, h)
	a.routes(routes)
	a.userRoutes(routes)
	a.locationRoutes(routes)
	a.banRoutes(routes)
	a.recordRoutes(routes)
	return a
}

type named struct {
	Name string `path:"name" doc:"The user part of the conference's URI in the server's first domain, else user@domain; percent-encoded." example:"tea"`
}

type namedParticipant struct {
	Name string `path:"name" doc:"As for the conference." example:"tea"`
	ID   string `path:"id" doc:"The participant's id, from the roster."`
}

type listOutput struct {
	Body struct {
		Conferences []Summary `json:"conferences" doc:"In the order of their names."`
	}
}

type showOutput struct{ Body Conference }

func (a *API) routes(h huma.API) {
	huma.Register(h, operation(http.MethodGet, "/v1/conferences", "list-conferences", "List the conferences"),
		func(ctx context.Context, _ *struct{}) (*listOutput, error) {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			list, err := a.config.Conferences.List(ctx)
			if err != nil {
				return nil, a.problem(err, "", "")
			}
			out := &listOutput{}
			out.Body.Conferences = append([]Summary{}, list...)
			return out, nil
		})
	huma.Register(h, operation(http.MethodGet, "/v1/conferences/{name}", "show-conference", "Show a conference and its roster"),
		func(ctx context.Context, in *named) (*showOutput, error) {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			c, err := a.config.Conferences.Show(ctx, in.Name)
			if err != nil {
				return nil, a.problem(err, in.Name, "")
			}
			if c.Participants == nil {
				c.Participants = []Participant{}
			}
			return &showOutput{Body: c}, nil
		})

	for verb, on := range map[string]bool{"mute": true, "unmute": false} {
		a.onParticipant(h, verb, "The participant is no longer heard, or is again", func(ctx context.Context, in namedParticipant) error {
			return a.config.Conferences.Mute(ctx, in.Name, in.ID, on)
		})
	}
	a.onParticipant(h, "kick", "The participant's call is ended", func(ctx context.Context, in namedParticipant) error {
		return a.config.Conferences.Kick(ctx, in.Name, in.ID)
	})
	a.onParticipant(h, "admit", "The participant comes in from the lobby", func(ctx context.Context, in namedParticipant) error {
		return a.config.Conferences.Admit(ctx, in.Name, in.ID)
	})
	for verb, on := range map[string]bool{"lock": true, "unlock": false} {
		a.onConference(h, verb, "Nobody else gets in, or does again", func(ctx context.Context, in named) error {
			return a.config.Conferences.Lock(ctx, in.Name, on)
		})
	}
	a.onConference(h, "end", "Every call of the conference is ended", func(ctx context.Context, in named) error {
		return a.config.Conferences.End(ctx, in.Name)
	})
}

func (a *API) onParticipant(h huma.API, verb, summary string, do func(context.Context, namedParticipant) error) {
	huma.Register(h, operation(http.MethodPost, "/v1/conferences/{name}/participants/{id}/"+verb, verb+"-participant", summary),
		func(ctx context.Context, in *namedParticipant) (*struct{}, error) {
			return nil, a.control(ctx, verb, in.Name, in.ID, func(ctx context.Context) error { return do(ctx, *in) })
		})
}

func (a *API) onConference(h huma.API, verb, summary string, do func(context.Context, named) error) {
	huma.Register(h, operation(http.MethodPost, "/v1/conferences/{name}/"+verb, verb+"-conference", summary),
		func(ctx context.Context, in *named) (*struct{}, error) {
			return nil, a.control(ctx, verb, in.Name, "", func(ctx context.Context) error { return do(ctx, *in) })
		})
}

// control does what was asked and logs it: who is silenced or thrown out should be found out afterwards.
func (a *API) control(ctx context.Context, verb, conference, participant string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := do(ctx); err != nil {
		return a.problem(err, conference, participant)
	}
	a.config.Log.Info("control over HTTP", "action", verb, "conference", conference, "leg", participant, "from", caller(ctx))
	return nil
}
