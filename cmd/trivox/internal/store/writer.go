package store

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"slices"
	"sync/atomic"

	"trivox/sip"
)

// maxWaiting bounds how many changes wait to be written; a change of bindings beyond it is refused with ErrBusy.
const maxWaiting = 4096

// maxBatch bounds how many changes go into one transaction.
const maxBatch = 256

// job is one change that waits to be written. Exactly one of change, record and alone is set.
type job struct {
	aor    string
	change func([]sip.Binding) ([]sip.Binding, error)
	record *Record
	alone  func(ctx context.Context, tx *sql.Tx) error // has a transaction of its own

	taken  atomic.Bool // by the writer, or by a caller who gives up
	result []sip.Binding
	err    error
	done   chan struct{} // closed when result and err are there
}

// Stats is what the writer has done since Open.
type Stats struct {
	Commits uint64 // transactions committed
	Changes uint64 // changes in them
	Failed  uint64 // changes that the database did not take; those that failed by themselves are not counted
	Refused uint64 // changes refused with ErrBusy
	Waiting int    // changes waiting now
}

type counters struct{ commits, changes, failed, refused atomic.Uint64 }

// Stats tells what the writer has done and has yet to do.
func (s *Store) Stats() Stats {
	return Stats{
		Commits: s.stats.commits.Load(), Changes: s.stats.changes.Load(), Failed: s.stats.failed.Load(),
		Refused: s.stats.refused.Load(), Waiting: len(s.jobs),
	}
}

// do hands a job to the writer and waits until it is done. When ctx ends before the writer has begun with it, it is
// never begun; once begun it is waited for, which takes no longer than a transaction may last. A job that may be
// refused is so when maxWaiting others wait; any other waits for a place.
func (s *Store) do(ctx context.Context, j *job, mayRefuse bool) error {
	j.done = make(chan struct{})
	if err := s.hand(ctx, j, mayRefuse); err != nil {
		return err
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		<-j.done
	}
	return j.err
}

func (s *Store) hand(ctx context.Context, j *job, mayRefuse bool) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return ErrClosed
	}
	select {
	case s.jobs <- j:
		return nil
	default:
	}
	if mayRefuse {
		s.stats.refused.Add(1)
		return ErrBusy
	}
	select {
	case s.jobs <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// apart does f in a transaction of its own, in turn with the other changes.
func (s *Store) apart(ctx context.Context, f func(ctx context.Context, tx *sql.Tx) error) error {
	return s.do(ctx, &job{alone: f}, false)
}

// write is the writer: whatever waits when it is free goes into one transaction, so that one wait for the disk serves
// many callers. It ends when jobs is closed and empty.
func (s *Store) write() {
	defer close(s.written)
	for first := range s.jobs {
		var batch []*job
		for j := first; j != nil; j = s.next(len(batch)) {
			switch {
			case !j.taken.CompareAndSwap(false, true): // its caller has given up
			case j.alone != nil:
				s.finish([]*job{j}, s.transact(func(ctx context.Context, tx *sql.Tx) error { return j.alone(ctx, tx) }))
			default:
				batch = append(batch, j)
			}
		}
		if len(batch) > 0 {
			s.finish(batch, s.transact(func(ctx context.Context, tx *sql.Tx) error { return s.writeAll(ctx, tx, batch) }))
		}
	}
}

// next gives a job that waits, nil when none does or the batch holds enough.
func (s *Store) next(held int) *job {
	if held >= maxBatch {
		return nil
	}
	select {
	case j := <-s.jobs:
		return j // nil when jobs is closed
	default:
		return nil
	}
}

// finish answers the callers of a transaction that ended with err. A caller whose own change failed hears of that.
func (s *Store) finish(batch []*job, err error) {
	for _, j := range batch {
		if err != nil && j.err == nil {
			j.result, j.err = nil, err
			s.stats.failed.Add(1)
		}
		if j.err == nil {
			s.stats.changes.Add(1)
		}
		close(j.done)
	}
}

// transact does f in a transaction. After an error nothing of it is stored, but for one of the commit itself when the
// connection broke: then nobody knows.
func (s *Store) transact(f func(ctx context.Context, tx *sql.Tx) error) error {
	ctx, cancel := s.bounded()
	defer cancel()
	tx, err := s.writing.BeginTx(ctx, nil)
	if err != nil {
		return begun(err)
	}
	if err := f(ctx, tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("store: commit: %w", err)
	}
	s.stats.commits.Add(1)
	return nil
}

// writeAll writes a batch. The changes run in memory, one after the other on what the users have; what comes out at
// the end is stored. So a change that fails leaves no trace and disturbs no other, and whatever the database itself
// refuses it refuses of them all.
func (s *Store) writeAll(ctx context.Context, tx *sql.Tx, batch []*job) error {
	var aors []string
	var records []*Record
	for _, j := range batch {
		j.err = nil
		if j.record != nil {
			records = append(records, j.record)
		} else {
			aors = append(aors, j.aor)
		}
	}
	slices.Sort(aors)
	aors = slices.Compact(aors)
	if err := s.lock(ctx, tx, aors); err != nil {
		return err
	}
	stored, err := loadBindings(ctx, tx, aors)
	if err != nil {
		return err
	}
	now := make(map[string][]sip.Binding, len(aors))
	for aor, rows := range stored {
		now[aor] = bindingsOf(rows)
	}
	for _, j := range batch {
		if j.record != nil {
			continue
		}
		after, err := j.change(cloneBindings(now[j.aor]))
		if err == nil {
			after, err = normal(after)
		}
		if err != nil {
			j.err = err
			continue
		}
		now[j.aor] = after
		j.result = cloneBindings(after)
	}
	if err := saveBindings(ctx, tx, aors, stored, now); err != nil {
		return err
	}
	return saveRecords(ctx, tx, records)
}

// lock keeps other processes off these users, who are sorted, until the transaction ends. In SQLite the transaction
// itself does. All take their locks in the order of the numbers, so that no two wait for each other.
func (s *Store) lock(ctx context.Context, tx *sql.Tx, aors []string) error {
	if !s.postgres || len(aors) == 0 {
		return nil
	}
	keys := make([]int64, len(aors))
	for i, aor := range aors {
		h := fnv.New64a()
		_, _ = h.Write([]byte(aor))
		keys[i] = int64(h.Sum64())
	}
	slices.Sort(keys)
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS k", slices.Compact(keys)); err != nil {
		return fmt.Errorf("store: lock users: %w", err)
	}
	return nil
}
