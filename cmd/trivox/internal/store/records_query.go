package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Limits of how many records Records gives: when nothing is said, and at most.
const (
	DefaultRecords = 100
	MaxRecords     = 10000
)

// ErrCursor says that Query.After is none of a record's.
var ErrCursor = errors.New("not a place among the records to go on from")

// Query says which records are wanted. What is zero does not count.
type Query struct {
	Since, Until time.Time // when the call ended: not before Since, before Until
	User         string    // "user@domain"
	Room         string
	Limit        int    // DefaultRecords when 0, MaxRecords at most
	After        string // Cursor of the last record of the page before
}

// Cursor says where the record stands among all, for Query.After.
func (r Record) Cursor() string {
	return strconv.FormatInt(micros(r.Ended), 10) + "." + r.ID
}

// Records gives records, those of calls that ended last first. There are more when it gives as many as were asked for:
// the Cursor of the last one is where to go on.
func (s *Store) Records(ctx context.Context, q Query) ([]Record, error) {
	conditions, args, err := q.conditions()
	if err != nil {
		return nil, err
	}
	if !storable(q.User) || !storable(q.Room) {
		return nil, nil
	}
	limit := q.Limit
	if limit <= 0 {
		limit = DefaultRecords
	}
	args = append(args, min(limit, MaxRecords))
	query := "SELECT " + recordList + " FROM records" + conditions + " ORDER BY ended DESC, id DESC LIMIT $" + strconv.Itoa(len(args))
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: read records: %w", err)
	}
	defer rows.Close()
	var out []Record
	for rows.Next() {
		r, err := scanRecord(rows)
		if err != nil {
			return nil, fmt.Errorf("store: read record %q: %w", r.ID, err)
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("store: read records: %w", err)
	}
	return out, nil
}

// conditions are the query in SQL, from WHERE on, and its arguments.
func (q Query) conditions() (string, []any, error) {
	var parts []string
	var args []any
	add := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		parts = append(parts, condition)
	}
	if !q.Since.IsZero() {
		add("ended >= ?", micros(q.Since))
	}
	if !q.Until.IsZero() {
		add("ended < ?", micros(q.Until))
	}
	if q.User != "" {
		add("account = ?", q.User)
	}
	if q.Room != "" {
		add("room = ?", q.Room)
	}
	if q.After != "" {
		ended, id, found := strings.Cut(q.After, ".")
		at, err := strconv.ParseInt(ended, 10, 64)
		if err != nil || !found || !storable(id) {
			return "", nil, fmt.Errorf("%w: %.80q; need that of the last record of the page before", ErrCursor, q.After)
		}
		add("(ended, id) < (?, ?)", at, id)
	}
	if len(parts) == 0 {
		return "", nil, nil
	}
	return " WHERE " + strings.Join(parts, " AND "), args, nil
}

func scanRecord(rows *sql.Rows) (Record, error) {
	var r Record
	var source string
	var started, answered, ended int64
	err := rows.Scan(&r.ID, &r.Call, &r.Room, &r.Kind, &r.URI, &r.Display, &r.User, &source, &r.Network, &r.Direction,
		&started, &answered, &ended, &r.Codec, &r.Encryption, &r.Received, &r.Sent, &r.Lost, &r.Late, &r.JitterMS, &r.DelayMS, &r.RTTMS,
		&r.RemoteLost, &r.MOS, &r.Code, &r.Reason, &r.EndedBy)
	if err == nil {
		r.Source, err = addrOf(source)
	}
	r.Started, r.Answered, r.Ended = timeOf(started), timeOf(answered), timeOf(ended)
	return r, err
}
