package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"trivox/cluster/conference"
	"trivox/cmd/trivox/internal/config"
	"trivox/cmd/trivox/internal/store"
	"trivox/sip"
)

const (
	// recordTime bounds the wait for a record to be durable: the answer to the BYE waits with it.
	recordTime = 8 * time.Second
	// recordsInMemory is how many records there are, give or take as many, where nothing is written to disk: that
	// memory must not grow with the calls (USERS 20).
	recordsInMemory = 100
	// sweepRecords is how often records that are older than cdr.keep are deleted.
	sweepRecords = time.Hour
)

// recordStore is what keeps call detail records.
type recordStore interface {
	AddRecord(ctx context.Context, r store.Record) error
	DeleteRecordsBefore(ctx context.Context, t time.Time) (int, error)
}

// recorder writes a record for each leg that ends. Its methods may be called by any goroutine.
type recorder struct {
	store    recordStore
	inMemory bool // the store forgets at the end of the process, and must stay small
	file     *recordFile
	log      *slog.Logger

	written, failed [2]atomic.Uint64 // by sinkDatabase, sinkFile

	mu     sync.Mutex
	recent [recordsInMemory]time.Time // when the last calls ended, in memory only
	count  int                        // of records, in memory only
}

// Where records go.
const (
	sinkDatabase = iota
	sinkFile
)

// sinkNames are their label values.
var sinkNames = [...]string{"database", "file"}

// openRecords opens cdr.file, and lets records go where the settings say. The database is open.
func (p *process) openRecords(c config.Config) error {
	p.recorder = newRecorder(p.storage, c.Data == "" && c.Database == "", p.log)
	if err := p.recorder.file.open(c.CDR.File); err != nil {
		return err
	}
	var sweeping context.Context
	sweeping, p.sweeping = context.WithCancel(context.Background())
	go p.recorder.sweep(sweeping, func() config.CDR { return p.config.Load().CDR })
	return nil
}

// closeRecords closes the file, and deletes nothing any more. Every call has ended.
func (p *process) closeRecords() {
	if p.sweeping != nil {
		p.sweeping()
	}
	if p.recorder != nil {
		_ = p.recorder.file.open("") // nothing is opened: nothing can fail
	}
}

func newRecorder(s recordStore, inMemory bool, log *slog.Logger) *recorder {
	return &recorder{store: s, inMemory: inMemory, file: &recordFile{}, log: log}
}

// add writes a record, and returns once it is durable or recordTime is over: then the call ends all the same.
func (r *recorder) add(record store.Record) {
	if done, err := r.file.write(record); err != nil {
		r.failed[sinkFile].Add(1)
		if r.file.firstFailure() {
			r.log.Error("a record was not written; those to come are tried, and counted when they fail", "cdr.file", r.file.name(), "error", err)
		}
	} else if done {
		r.written[sinkFile].Add(1)
	}
	if err := r.keep(record); err != nil {
		r.failed[sinkDatabase].Add(1)
		r.log.Error("a record is not in the database", "leg", record.ID, "call_id", record.Call, "conference", record.Room, "error", err)
		return
	}
	r.written[sinkDatabase].Add(1)
	if r.inMemory {
		r.forget(record.Ended)
	}
}

var errRecordLate = errors.New("the database did not answer in time")

// keep puts a record into the database. A store that has begun with it may take longer than recordTime; it is not
// waited for.
func (r *recorder) keep(record store.Record) error {
	ctx, cancel := context.WithTimeout(context.Background(), recordTime)
	done := make(chan error, 1)
	go func() {
		defer cancel()
		done <- r.store.AddRecord(ctx, record)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		select {
		case err := <-done: // it gave up, or was done at that moment
			return err
		default:
			return errRecordLate
		}
	}
}

// forget deletes the oldest records of a store in memory, each time there are twice as many as there should be.
func (r *recorder) forget(ended time.Time) {
	r.mu.Lock()
	before := r.recent[r.count%recordsInMemory]
	r.recent[r.count%recordsInMemory] = ended
	r.count++
	due := r.count > recordsInMemory && r.count%recordsInMemory == 0
	r.mu.Unlock()
	if due {
		r.delete(before)
	}
}

// sweep deletes records that are older than cdr.keep, at once and every hour, until ctx ends.
func (r *recorder) sweep(ctx context.Context, settings func() config.CDR) {
	tick := time.NewTicker(sweepRecords)
	defer tick.Stop()
	for {
		if keep := settings().Keep; keep > 0 {
			r.delete(time.Now().Add(-keep))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (r *recorder) delete(before time.Time) {
	n, err := r.store.DeleteRecordsBefore(context.Background(), before)
	switch {
	case errors.Is(err, store.ErrClosed):
	case err != nil:
		r.log.Error("old records were not deleted", "before", before, "error", err)
	case n > 0:
		r.log.Debug("old records deleted", "before", before, "records", n)
	}
}

// counts are the records written and not written, by where they should have gone.
func (r *recorder) counts() (written, failed map[string]uint64) {
	written, failed = map[string]uint64{}, map[string]uint64{}
	for i, name := range sinkNames {
		written[name], failed[name] = r.written[i].Load(), r.failed[i].Load()
	}
	return written, failed
}

// recordOf is the record of a leg that has ended.
func recordOf(id, room string, c sip.Call, s conference.Summary) store.Record {
	r := store.Record{
		ID: id, Call: c.CallID, Room: room, Kind: "room", Direction: "in",
		URI: c.Caller.URI, Display: c.Caller.Display, User: c.Caller.User, Source: c.Source, Network: c.Network,
		Started: recordedAt(s.Entered), Ended: recordedAt(s.Ended), Codec: s.Codec, Encryption: s.Encryption,
		Received: s.Received, Sent: s.Sent, Lost: uint64(max(s.Lost, 0)), Late: s.Late,
		JitterMS: milliseconds(s.Jitter), DelayMS: milliseconds(s.Delay), RTTMS: milliseconds(s.RTT),
		RemoteLost: uint64(max(s.RemoteLost, 0)), MOS: s.MOS,
		Code: s.Cause.Code, Reason: s.Cause.Text, EndedBy: "server",
	}
	if s.Answered > 0 {
		r.Answered = recordedAt(s.Answered)
	}
	if c.Bridge != "" {
		r.Kind = "call"
	}
	if c.Callee {
		r.Direction = "out"
	}
	if s.Cause.ByPeer {
		r.EndedBy = "caller"
	}
	return r
}

// recordedAt is a time of media.Now as a record has it, in the database as in the file.
func recordedAt(d time.Duration) time.Time { return wall(d).UTC().Truncate(time.Microsecond) }
