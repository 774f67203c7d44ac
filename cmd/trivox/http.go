package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"trivox/cluster/conference"
	"trivox/cmd/trivox/internal/api"
	"trivox/cmd/trivox/internal/config"
	"trivox/media"
)

// httpServer is the API on all its addresses.
type httpServer struct {
	servers []*http.Server
}

// listenHTTP opens the addresses of the API.
func (p *process) listenHTTP(c config.Config) (*httpServer, error) {
	h := &httpServer{}
	people := &accounts{store: p.storage.Store, config: p.config}
	a := api.New(api.Config{
		Version:       version(),
		Conferences:   &roster{server: p.cs, config: p.config, first: p.first},
		Users:         people,
		Registrations: people,
		Bans:          &bans{server: p.sip},
		Records:       people,
		Metrics:       p.metrics,
		Healthy:       p.healthy,
		Ready:         p.ready,
		Token:         func() string { return p.config.Load().HTTP.Token.Reveal() },
		Hosts:         p.hosts,
		Log:           p.log,
	})
	for _, l := range c.HTTP.Listen {
		socket, err := net.Listen("tcp", l.Addr.String())
		if err != nil {
			h.close()
			return nil, fmt.Errorf("http: %w", portHint(err, l))
		}
		at := netip.MustParseAddrPort(socket.Addr().String())
		s := a.Server(at)
		h.servers = append(h.servers, s)
		p.log.Info("listening", "for", "http", "network", "tcp", "address", at.String())
		go func() {
			if err := s.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
				p.log.Error("the HTTP API stopped", "address", at.String(), "error", err)
			}
		}()
	}
	return h, nil
}

func (h *httpServer) close() {
	for _, s := range h.servers {
		_ = s.Close()
	}
}

// healthy tells that calls can be taken as far as this machine goes.
func (p *process) healthy() error {
	if p.ports.Free() == 0 {
		return fmt.Errorf("no RTP port is free of %d pairs", p.ports.Size())
	}
	return nil
}

// ready tells that new calls are taken.
func (p *process) ready() error {
	if p.draining.Load() {
		return errors.New("shutting down: new calls are answered 503")
	}
	return p.healthy()
}

// hosts are the names the API answers to, beside loopback and the address called.
func (p *process) hosts() []string {
	c := p.config.Load()
	out := append([]string{}, c.Domains...)
	for _, a := range c.Advertise {
		out = append(out, a.Public.String())
	}
	return out
}

// roster shows the conference server to the API.
type roster struct {
	server *conference.Server
	config configPointer
	first  netip.AddrPort // where SIP is listened for
}

// uri is what a conference can be dialled by; a call between two cannot.
func (r *roster) uri(b conference.Brief) string {
	if b.Private {
		return ""
	}
	c := r.config.Load()
	return roomURI(b.Name, reachedAt(c, r.first), c.Domains)
}

func kind(b conference.Brief) string {
	if b.Private {
		return "call"
	}
	return "conference"
}

// List is api.Conferences'.
func (r *roster) List(context.Context) ([]api.Summary, error) {
	list := r.server.List()
	out := make([]api.Summary, 0, len(list))
	for _, b := range list {
		out = append(out, api.Summary{
			Name: b.Name, URI: r.uri(b), Kind: kind(b), Participants: b.Participants, Waiting: b.Waiting, Locked: b.Locked, Started: wall(b.Opened),
		})
	}
	return out, nil
}

// Show is api.Conferences'.
func (r *roster) Show(ctx context.Context, name string) (api.Conference, error) {
	b, people, err := r.server.Show(ctx, name)
	if err != nil {
		return api.Conference{}, apiError(err)
	}
	out := api.Conference{Name: b.Name, URI: r.uri(b), Kind: kind(b), Locked: b.Locked, Started: wall(b.Opened)}
	for _, p := range people {
		out.Participants = append(out.Participants, participant(p))
	}
	return out, nil
}

func participant(p conference.Participant) api.Participant {
	out := api.Participant{
		ID: p.ID, URI: p.URI, Display: p.Display, User: p.User, Transport: p.Network, Codec: p.Codec, Encryption: p.Encryption,
		SSRC: p.SendSSRC, RemoteSSRC: p.SSRC, Lambda: p.Lambda,
		InF: p.Floor, Held: p.Held, Muted: p.Muted, PacketsReceived: p.Received, PacketsSent: p.Sent,
		Lost: uint64(max(p.Lost, 0)), JitterMS: milliseconds(p.Jitter), DelayMS: milliseconds(p.Delay), Joined: wall(p.Entered),
	}
	out.Lobby, out.Role = p.Lobby, "participant"
	if p.Moderator {
		out.Role = "moderator"
	}
	if expected := p.Received + out.Lost; expected > 0 {
		out.LossPercent = 100 * float64(out.Lost) / float64(expected)
	}
	if p.Remote.IsValid() {
		out.Media = p.Remote.String()
	}
	return out
}

// Mute is api.Conferences'.
func (r *roster) Mute(_ context.Context, name, id string, on bool) error {
	return apiError(r.server.Mute(name, id, on))
}

// Kick is api.Conferences'.
func (r *roster) Kick(_ context.Context, name, id string) error {
	return apiError(r.server.Kick(name, id, conference.Cause{Code: 200, Text: "removed from the conference by a moderator"}))
}

// Admit is api.Conferences'.
func (r *roster) Admit(_ context.Context, name, id string) error {
	return apiError(r.server.Admit(name, id))
}

// Lock is api.Conferences'.
func (r *roster) Lock(_ context.Context, name string, on bool) error {
	return apiError(r.server.Lock(name, on))
}

// End is api.Conferences'.
func (r *roster) End(_ context.Context, name string) error {
	return apiError(r.server.End(name, conference.Cause{Code: 200, Text: "the conference was ended by a moderator"}))
}

func apiError(err error) error {
	switch {
	case errors.Is(err, conference.ErrNoConference):
		return fmt.Errorf("%w: %w", api.ErrNoConference, err)
	case errors.Is(err, conference.ErrNoParticipant):
		return fmt.Errorf("%w: %w", api.ErrNoParticipant, err)
	case errors.Is(err, conference.ErrFull):
		return fmt.Errorf("%w: %w", api.ErrFull, err)
	}
	return err
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// wall is a time of media.Now on the wall clock.
func wall(d time.Duration) time.Time { return media.Wall().Add(d) }
