package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"trivox/cluster/conference"
	"trivox/cmd/trivox/internal/certs"
	"trivox/cmd/trivox/internal/config"
	"trivox/loudness"
	"trivox/media"
	"trivox/media/codec"
	"trivox/sip"
)

// serveCommand is `trivox serve`.
type serveCommand struct {
	config.Flags
}

// Run serves until SIGTERM or SIGINT.
func (s *serveCommand) Run() error {
	c, err := config.Load(s.Config, s.Flags)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)

	p, err := start(c, os.Stderr, func() (config.Config, error) { return config.Load(s.Config, s.Flags) })
	if err != nil {
		return err
	}
	for sig := range signals {
		if sig != syscall.SIGHUP {
			p.log.Info("stopping", "signal", sig.String(), "within", p.config.Load().Server.Drain.String())
			p.stop()
			return nil
		}
		p.reload()
	}
	return nil
}

// process is a running server and all its parts.
type process struct {
	config configPointer
	load   func() (config.Config, error)
	log    *slog.Logger
	level  *slog.LevelVar

	storage  *storage
	recorder *recorder
	sweeping context.CancelFunc // ends the recorder's sweep

	lobbies *lobbies

	ports *media.Ports
	cs    *conference.Server
	certs *certs.Store
	sip   *sip.Server
	http  *httpServer
	first netip.AddrPort // where SIP is listened for, in clear if anywhere
	at    addresses      // by which peers reach it
	srtp  encryption

	draining atomic.Bool
	ended    [2]atomic.Uint64 // calls, by the server and by callers
}

// start brings up every part, or none and says which failed.
func start(c config.Config, stderr io.Writer, load func() (config.Config, error)) (*process, error) {
	p := &process{config: &atomic.Pointer[config.Config]{}, load: load, level: new(slog.LevelVar)}
	p.config.Store(&c)
	p.level.Set(c.Log.Level)
	p.log = newLogger(stderr, c.Log.Format, p.level)
	for _, w := range c.Warnings(config.SystemLimits()) {
		p.log.Warn(w)
	}
	if err := p.bring(c); err != nil {
		p.stop()
		return nil, err
	}
	p.welcome(stderr, c)
	return p, nil
}

func (p *process) bring(c config.Config) error {
	workers := tune(c.Server.Workers)
	err := p.openStorage(c)
	if err != nil {
		return err
	}
	if p.ports, err = media.NewPorts(c.RTP.Ports.Low, c.RTP.Ports.High, c.RTP.Quarantine); err != nil {
		return err
	}
	if err := p.openRecords(c); err != nil {
		return err
	}
	if err := p.openLobbies(c); err != nil {
		return err
	}
	settings := p.conferenceConfig(c)
	settings.Workers = workers
	if p.cs, err = conference.NewServer(settings, p.ports); err != nil {
		return err
	}
	secure, err := p.openCertificates(c)
	if err != nil {
		return err
	}
	p.sip, err = sip.NewServer(sip.Config{
		Rooms:     &rooms{server: p.cs, config: p.config, recorder: p.recorder, log: p.log, srtp: p.srtp.of, lobbies: p.lobbies, ours: p.ours},
		Logger:    p.log,
		Advertise: p.advertise,
		Allowed: func(source netip.Addr) (bool, string) {
			return p.config.Load().Allowed(source), "allow"
		},
		Domain:        p.domain,
		Directory:     p.storage,
		Location:      p.storage,
		Route:         p.route,
		Divert:        p.divert,
		TLS:           secure,
		TrustIdentity: func(source netip.Addr) bool { return p.config.Load().TrustsIdentity(source) },
		Digest:        digestOrder(c),
		Registrar:     registrarConfig(c),
		Guard:         guard(c),
		Edge: sip.EdgeConfig{DSCP: edgeDSCP(c.SIP.DSCP), Trusted: func(a netip.Addr) bool {
			return a.IsLoopback() || p.config.Load().Allowed(a)
		}},
		ParseInfo:      parseInfo,
		SessionExpires: c.SIP.SessionExpires, MinSE: c.SIP.MinSE,
		Ring: c.Calls.Ring, RingNext: c.Calls.Next,
		Product: "trivox/" + version(),
	})
	if err != nil {
		return err
	}
	if err := p.listenSIP(c); err != nil {
		return err
	}
	p.http, err = p.listenHTTP(c)
	return err
}

// listenSIP opens the addresses of SIP.
func (p *process) listenSIP(c config.Config) error {
	secure := false // the first is
	for _, l := range c.SIP.Listen {
		for _, network := range l.Networks() {
			at, err := p.srtp.listen(l, network, p.sip.Listen)
			if err != nil {
				return portHint(err, l)
			}
			p.at.add(at)
			if !p.first.IsValid() || secure && network != "tls" {
				p.first, secure = netip.MustParseAddrPort(at.String()), network == "tls"
			}
			p.log.Info("listening", "for", "sip", "network", network, "address", at.String(), "srtp", l.SRTPPolicy())
		}
	}
	return nil
}

// edgeDSCP is a mark as the edge wants it: 0 is best effort there only when it is asked for.
func edgeDSCP(d config.DSCP) int {
	if d == 0 {
		return -1
	}
	return int(d)
}

// portHint tells what to do about a port that is taken.
func portHint(err error, l config.Listen) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w\nanother program has that port; stop it, or listen elsewhere: --sip %s", err,
			netip.AddrPortFrom(l.Addr.Addr(), l.Addr.Port()+10))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w\nthis machine does not have that address; list its own with: ip address", err)
	}
	return err
}

// tune fits the Go runtime to the workers: a processor for each beside those of signalling, and collections that
// are few and small (DESIGN 3). What the environment says of these wins.
func tune(workers int) int {
	cores := runtime.NumCPU()
	if workers == 0 {
		workers = cores
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(cores + workers)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	return workers
}

// conferenceConfig is what the conference server has to know of the settings.
func (p *process) conferenceConfig(c config.Config) conference.Config {
	out := conference.Config{
		NMax: c.Audio.NMax, Loudness: loudness.Default(), PreferOurs: c.Audio.PreferOurs,
		Coding: codec.Settings{
			Bitrate: c.Audio.OpusBitrate, Complexity: c.Audio.OpusComplexity, FEC: c.Audio.OpusFEC, LossPercent: 5,
		},
		MaxConferences: c.Rooms.MaxRooms, MaxParticipants: c.Rooms.MaxParticipants, MaxWaiting: c.Rooms.MaxWaiting, MaxCall: c.Rooms.MaxCallLength,
		RTPTimeout: c.RTP.Timeout, RTPAlarm: c.RTP.Alarm, Latch: conference.Latch(c.RTP.Latch),
		AloneTone: c.Rooms.AloneTone, JoinTone: c.Rooms.JoinTone, ToneLimit: c.Rooms.JoinToneUpTo,
		NoiseLevel: c.Audio.ComfortNoise, DSCP: int(c.RTP.DSCP),
		Advertise: p.advertise, Resolve: resolve, OnEvent: func(e conference.Event) { p.lobbies.take(e); p.logEvent(e) },
		Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	}
	for _, name := range c.Audio.Codecs {
		if k, ok := codec.ByName(name); ok {
			out.Codecs = append(out.Codecs, k)
		}
	}
	return out
}

func (p *process) advertise(local netip.Addr) netip.Addr { return p.config.Load().PublicAddr(local) }

// resolve looks a name up that a phone's SDP has in place of an address.
func resolve(ctx context.Context, host string) (netip.Addr, error) {
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range all {
		if a.Unmap().Is4() {
			return a.Unmap(), nil
		}
	}
	return all[0], nil
}

// parseInfo reads DTMF from an INFO request (SIP.md RT-8).
func parseInfo(contentType string, body []byte) (byte, time.Duration, bool) {
	if !media.InfoType(contentType) {
		return 0, 0, false
	}
	d, err := media.ParseInfo(body)
	return d.Key, d.Duration, err == nil
}

// reload takes the settings that can change while calls are up (SIGHUP).
func (p *process) reload() {
	loaded, err := p.load()
	if err != nil {
		p.log.Error("settings not reloaded; the server goes on with those it has", "error", err)
		return
	}
	next, live, restart := config.Reload(*p.config.Load(), loaded)
	said, err := loadPrompts(next)
	if err != nil {
		p.log.Error("settings not reloaded; the server goes on with those it has", "error", err)
		return
	}
	p.lobbies.prompts.Store(said)
	if err := p.certs.Set(certSettings(next)); err != nil {
		p.log.Error("certificates not reloaded; the server goes on with those it has", "error", err)
		next.TLS = p.config.Load().TLS
	}
	p.config.Store(&next)
	p.level.Set(next.Log.Level)
	p.cs.Reconfigure(p.conferenceConfig(next))
	if err := p.recorder.file.open(next.CDR.File); err != nil {
		p.log.Error("records go on to the file that was open", "error", err)
	}
	p.sip.SetGuard(guard(next))
	p.log.Info("settings reloaded", "changed", live, "need_restart", restart)
}
