package main

import (
	"context"
	"time"

	"trivox/cluster/conference"
)

// queuedMost bounds the wait for queued sound: a jitter buffer throws away at once what would wait longer than 320 ms
// (jitter.Config.MaxDelay), and what it plays leaves a slot or two later.
const queuedMost = 400 * time.Millisecond

// stop ends calls and listeners: 503 to new calls, queued sound out, BYE to all, and no longer than
// server.drain_timeout.
func (p *process) stop() {
	p.draining.Store(true)
	if p.sip != nil {
		ctx, cancel := context.WithTimeout(context.Background(), p.config.Load().Server.Drain)
		p.sip.Refuse()
		p.playOut(ctx)
		if err := p.sip.Drain(ctx); err != nil {
			p.log.Warn("not every call answered its BYE", "error", err)
		}
		cancel()
		_ = p.sip.Close()
	}
	if p.cs != nil {
		p.cs.Close()
	}
	if p.http != nil {
		p.http.close()
	}
	p.closeRecords()
	if p.storage != nil {
		if err := p.storage.close(); err != nil {
			p.log.Error("the database was not closed well", "error", err)
		}
	}
}

// playOut waits until the sound that has arrived by now has been sent to those who listen (USERS 1), but no longer
// than ctx lasts.
func (p *process) playOut(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, queuedMost)
	defer cancel()
	begun := time.Now()
	played := time.NewTimer(p.queued(ctx) - time.Since(begun))
	defer played.Stop()
	select {
	case <-played.C:
	case <-ctx.Done():
	}
}

// queued is how long what has arrived waits at most to be sent: the longest margin of a jitter buffer, the rest of a
// slot, and the slot it is mixed in. It is 0 when nobody sends.
func (p *process) queued(ctx context.Context) time.Duration {
	var longest time.Duration
	for _, room := range p.cs.List() {
		_, people, err := p.cs.Show(ctx, room.Name)
		if ctx.Err() != nil { // as long as may be waited has been
			return queuedMost
		}
		if err != nil { // the room closed meanwhile
			continue
		}
		for _, who := range people {
			if who.Received > 0 {
				longest = max(longest, who.Margin, who.Delay)
			}
		}
	}
	if longest == 0 {
		return 0
	}
	return longest + 2*conference.Slot
}
