package main

import (
	"context"
	"time"

	"trivox/cluster/conference"
	"trivox/cmd/trivox/internal/api"
	"trivox/media"
)

// dropNames are the label values of RTP packets that were not heard.
var dropNames = map[media.Drop]string{
	media.Malformed: "malformed", media.UnknownType: "payload type", media.Foreign: "foreign address",
	media.Rival: "rival source", media.Jumped: "jumped", media.Looped: "looped", media.Empty: "empty",
	media.Unauthentic: "unauthentic", media.Replayed: "replayed", media.Excess: "too many sources",
}

// metrics is what the server counts, now.
func (p *process) metrics() api.Metrics {
	cs, signalling := p.cs.Stats(), p.sip.Snapshot()
	free := p.ports.Free()
	m := api.Metrics{
		Conferences: cs.Conferences, Legs: cs.Legs, RTPPortsInUse: p.ports.Size() - free, RTPPortsFree: free,
		Requests: signalling.Requests, Responses: signalling.Responses, SIPDropped: signalling.Dropped,
		CallsEnded:     map[string]uint64{"server": p.ended[0].Load(), "caller": p.ended[1].Load()},
		PacketsDropped: map[string]uint64{}, Rekeys: map[string]uint64{}, EventsDropped: cs.EventsDropped,
		Connections: signalling.Edge.Conns, Dialogs: signalling.Dialogs, CertificateExpiry: p.certificateExpiry(),
		Handshakes: map[string]uint64{"done": signalling.Edge.Secured, "failed": signalling.Edge.Insecure},
	}
	m.LegsWaiting, m.PINsWrong, m.PINLockouts = cs.Waiting, p.lobbies.wrong.Load(), p.lobbies.shuts.Load()
	m.RecordsWritten, m.RecordsFailed = p.recorder.counts()
	m.Registrations, m.Bans, m.BansMade = p.registrations(), len(p.sip.Bans()), signalling.Banned
	m.Auth = map[string]uint64{
		"challenged": signalling.Challenged, "stale": signalling.Stale, "right": signalling.Authenticated, "wrong": signalling.WrongPassword,
	}
	m.Registers = map[string]uint64{"accepted": signalling.Registered, "refused": signalling.RegisterRefused}
	m.Limited = map[string]uint64{"table": signalling.Limited, "rate": signalling.OverRate}
	kept := p.storage.Stats()
	m.StoreChanges, m.StoreCommits, m.StoreFailed, m.StoreRefused = kept.Changes, kept.Commits, kept.Failed, kept.Refused
	for k, n := range cs.Rekeys {
		m.Rekeys[conference.Rekeying(k).String()] = n
	}
	for _, w := range cs.Workers {
		m.PacketsReceived += w.Received
		m.PacketsSent += w.Sent
		m.TickOverruns += w.Overruns
		m.TickLateness.Bounds = w.Bounds
		m.TickLateness.Sum += w.LatenessSum
		if m.TickLateness.Counts == nil {
			m.TickLateness.Counts = make([]uint64, len(w.Lateness))
		}
		for i, n := range w.Lateness {
			m.TickLateness.Counts[i] += n
		}
		for d, n := range w.Dropped {
			if name := dropNames[media.Drop(d)]; name != "" {
				m.PacketsDropped[name] += n
			}
		}
	}
	return m
}

// countTime bounds what a scrape waits for the database.
const countTime = 2 * time.Second

// transports are the label values of registrations.
var transports = [...]string{"UDP", "TCP", "TLS"}

// registrations are how many ways to phones there are, nil when the database does not say so in time: then the metric is
// missing rather than wrong.
func (p *process) registrations() map[string]int {
	ctx, cancel := context.WithTimeout(context.Background(), countTime)
	defer cancel()
	counted, err := p.storage.CountRegistered(ctx)
	if err != nil {
		p.log.Warn("registrations are not counted", "error", err)
		return nil
	}
	out := map[string]int{}
	for _, t := range transports {
		out[t] = counted[t]
	}
	return out
}
