package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"trivox/cmd/trivox/internal/config"
	"trivox/cmd/trivox/internal/store"
)

// expireEvery is how often bindings whose time is over are deleted. Nobody is called by them meanwhile: whoever reads
// them looks at their time.
const expireEvery = time.Minute

// storage is the database of a running server.
type storage struct {
	*store.Store
	cancel context.CancelFunc
	expire sync.WaitGroup
}

// openStorage opens the database that the settings name, and keeps it small until it is closed.
func (p *process) openStorage(c config.Config) error {
	ctx, cancel := context.WithCancel(context.Background())
	s, err := store.Open(ctx, store.Config{Data: c.Data, Database: c.Database.Reveal()})
	if err != nil {
		cancel()
		return err
	}
	p.storage = &storage{Store: s, cancel: cancel}
	where := "memory, until the process ends; set data to keep it"
	switch {
	case c.Database != "":
		where = "PostgreSQL"
	case c.Data != "":
		where = c.Data
	}
	p.log.Info("users, registrations and records are kept", "in", where)
	if some, err := s.Any(ctx); err == nil && !some && len(c.Allow) == 0 && !slices.ContainsFunc(c.SIP.Listen, config.Listen.Loopback) {
		p.log.Warn("nobody may call yet: there are no users, and allow is empty", "hint", "add a user: trivox user add NAME")
	}
	p.storage.expire.Go(func() {
		tick := time.NewTicker(expireEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				if _, err := s.Expire(ctx, now); err != nil && ctx.Err() == nil {
					p.log.Warn("registrations that are over were not deleted; the next minute tries again", "error", err)
				}
			}
		}
	})
	return nil
}

// close writes what is waiting and closes the database. It is the last to be closed: calls that end write to it.
func (s *storage) close() error {
	s.cancel()
	s.expire.Wait()
	return s.Close()
}
