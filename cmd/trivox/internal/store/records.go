package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"
)

// Record is a call detail record: one leg of a call, when it is over.
type Record struct {
	ID      string `json:"id"`             // of the leg, as in the roster
	Call    string `json:"call"`           // Call-ID
	Room    string `json:"room"`           // name of the conference
	Kind    string `json:"kind"`           // "room", or "call" between two users
	URI     string `json:"uri"`            // of the one who called, or was called
	Display string `json:"display"`        // his display name
	User    string `json:"user,omitempty"` // the user of ours that he proved to be, "user@domain"

	Source    netip.AddrPort `json:"source"`    // where his signalling came from
	Network   string         `json:"network"`   // "UDP", "TCP" or "TLS"
	Direction string         `json:"direction"` // "in" or "out"

	Started  time.Time `json:"started"`
	Answered time.Time `json:"answered,omitzero"` // zero: never
	Ended    time.Time `json:"ended"`

	Codec      string  `json:"codec"`
	Encryption string  `json:"encryption"` // SRTP suite, empty: none
	Received   uint64  `json:"received"`   // RTP packets
	Sent       uint64  `json:"sent"`
	Lost       uint64  `json:"lost"`        // never came
	Late       uint64  `json:"late"`        // came too late to be heard
	JitterMS   float64 `json:"jitter_ms"`   // of arrival
	DelayMS    float64 `json:"delay_ms"`    // of the jitter buffer
	RTTMS      float64 `json:"rtt_ms"`      // by RTCP, 0 when unknown
	RemoteLost uint64  `json:"remote_lost"` // RTP packets of ours that did not reach the phone, as its RTCP says
	MOS        float64 `json:"mos"`         // estimated quality of what came, 1 to 4.5 (ITU-T G.107); 0 unknown

	Code    int    `json:"code"`     // SIP code that says best why it ended; 200 is a hang-up
	Reason  string `json:"reason"`   // the same for people
	EndedBy string `json:"ended_by"` // "caller" or "server"
}

// recordColumns are those of the table, in the order in which values and scanRecord have them.
var recordColumns = []string{"id", "call_id", "room", "kind", "uri", "display", "account", "source", "network", "direction",
	"started", "answered", "ended", "codec", "encryption", "received", "sent", "lost", "late", "jitter_ms", "delay_ms", "rtt_ms",
	"remote_lost", "mos", "code", "reason", "ended_by"}

var recordList = strings.Join(recordColumns, ", ")

// recordInserts write so many records, but for those that are there already.
var recordInserts = forSizes(func(count int) string {
	return insertion("records", recordColumns, count) + " ON CONFLICT (id) DO NOTHING"
})

// AddRecord keeps a record; it is durable when AddRecord returns. A record of the same ID that is there already stays
// as it is, so that a call may be recorded again when it is not known whether it has been. Texts that a stranger has
// filled are cut to a length, and what is not UTF-8 is left out of them.
func (s *Store) AddRecord(ctx context.Context, r Record) error {
	if r.ID == "" || r.Ended.IsZero() {
		return errors.New("store: a record needs an ID and when the call ended")
	}
	return s.do(ctx, &job{record: &r}, false)
}

// DeleteRecordsBefore deletes the records of calls that ended before t, and tells how many they were.
func (s *Store) DeleteRecordsBefore(ctx context.Context, t time.Time) (int, error) {
	n, err := s.deleteSome(ctx, "DELETE FROM records WHERE id IN (SELECT id FROM records WHERE ended < $1 LIMIT $2)", t)
	if err != nil {
		return n, fmt.Errorf("store: delete records: %w", err)
	}
	return n, nil
}

// saveRecords writes records that are not there yet.
func saveRecords(ctx context.Context, tx *sql.Tx, records []*Record) error {
	return inSizes(len(records), func(at, count int) error {
		args := make([]any, 0, count*len(recordColumns))
		for _, r := range records[at : at+count] {
			args = r.appendTo(args)
		}
		if _, err := tx.ExecContext(ctx, recordInserts[count], args...); err != nil {
			return fmt.Errorf("store: write records: %w", err)
		}
		return nil
	})
}

// appendTo adds what the table has in its columns.
func (r *Record) appendTo(args []any) []any {
	return append(args, clean(r.ID, maxWord), clean(r.Call, maxURI), clean(r.Room, maxURI), clean(r.Kind, maxWord), clean(r.URI, maxURI),
		clean(r.Display, maxWord), clean(r.User, maxURI), addrText(r.Source), clean(r.Network, maxWord), clean(r.Direction, maxWord),
		micros(r.Started), micros(r.Answered), micros(r.Ended), clean(r.Codec, maxWord), clean(r.Encryption, maxWord),
		count(r.Received), count(r.Sent), count(r.Lost), count(r.Late), finite(r.JitterMS), finite(r.DelayMS), finite(r.RTTMS),
		count(r.RemoteLost), finite(r.MOS), r.Code, clean(r.Reason, maxWord), clean(r.EndedBy, maxWord))
}

// count is a counter as SQL has it.
func count(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// finite is a measure that is a number.
func finite(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	return x
}
