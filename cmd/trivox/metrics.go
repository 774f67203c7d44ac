package main

import (
	"trivox/cmd/trivox/internal/api"
	"trivox/media"
)

// dropNames are the label values of RTP packets that were not heard.
var dropNames = map[media.Drop]string{
	media.Malformed: "malformed", media.UnknownType: "payload type", media.Foreign: "foreign address",
	media.Rival: "rival source", media.Jumped: "jumped", media.Looped: "looped", media.Empty: "empty",
}

// metrics is what the server counts, now.
func (p *process) metrics() api.Metrics {
	cs, signalling := p.cs.Stats(), p.sip.Snapshot()
	free := p.ports.Free()
	m := api.Metrics{
		Conferences: cs.Conferences, Legs: cs.Legs, RTPPortsInUse: p.ports.Size() - free, RTPPortsFree: free,
		Requests: signalling.Requests, Responses: signalling.Responses, SIPDropped: signalling.Dropped,
		Authentications: map[string]uint64{
			"right": signalling.Authenticated, "wrong": signalling.WrongPassword,
			"challenged": signalling.Challenged - signalling.Stale, "stale": signalling.Stale,
		},
		Registrations:  map[string]uint64{"accepted": signalling.Registered, "refused": signalling.RegisterRefused},
		OverRate:       signalling.OverRate,
		Bans:           len(p.sip.Bans()),
		BansMade:       signalling.Banned,
		CallsEnded:     map[string]uint64{"server": p.ended[0].Load(), "caller": p.ended[1].Load()},
		PacketsDropped: map[string]uint64{}, EventsDropped: cs.EventsDropped,
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
