package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Records are the calls that have ended, one record a leg. The method may be called by any goroutine.
type Records interface {
	// Records are those that q asks for, the latest first, and where the next page begins, "" when this is the last. An
	// After that no page could have begun with is ErrInvalid.
	Records(ctx context.Context, q RecordQuery) (list []Record, next string, err error)
}

// RecordQuery chooses records. Empty fields choose all.
type RecordQuery struct {
	Since, Until time.Time // when the call ended: from Since on, before Until
	User         string    // "user@domain", or the user part in the first domain
	Room         string    // what the API calls the conference
	After        string    // the beginning of the next page, as the page before told it
	Limit        int       // at most so many
}

// Record is one call of one participant that has ended. It is what the lines of cdr.file are too.
type Record struct {
	ID         string `json:"id" doc:"The id that the participant had in the roster." example:"2k9f0x1c7ab"`
	CallID     string `json:"call_id" doc:"Call-ID of the SIP dialog."`
	Room       string `json:"room" doc:"What the API calls the conference; of a call between two, what both legs have in common." example:"tea"`
	Kind       string `json:"kind" enum:"room,call" doc:"A participant of a room, or one of a call between two."`
	Direction  string `json:"direction" enum:"in,out" doc:"Whether it called us or was called by us."`
	User       string `json:"user" doc:"The user who proved to be it; empty when nobody was asked to." example:"ann@example.com"`
	URI        string `json:"uri" doc:"SIP URI of who called, or was called." example:"sip:ann@example.com"`
	Display    string `json:"display" doc:"Display name, as the caller gave it."`
	Source     string `json:"source" doc:"Address and port that its signalling came from." example:"192.0.2.7:5060"`
	Transport  string `json:"transport" doc:"UDP, TCP or TLS."`
	Codec      string `json:"codec" doc:"As in the rtpmap of RFC 8866; empty when no sound was agreed." example:"PCMU"`
	Encryption string `json:"encryption" doc:"How the sound was encrypted; empty when it was not." example:"AEAD_AES_128_GCM"`

	Started  time.Time  `json:"started" doc:"When the call was let in."`
	Answered *time.Time `json:"answered" doc:"When the call was answered; null when it never was."`
	Ended    time.Time  `json:"ended" doc:"When the call ended."`
	Seconds  float64    `json:"seconds" doc:"From answered to ended; 0 without sound."`

	Received   uint64  `json:"received" doc:"RTP packets received."`
	Sent       uint64  `json:"sent" doc:"RTP packets sent."`
	Lost       uint64  `json:"lost" doc:"RTP packets that never came."`
	Late       uint64  `json:"late" doc:"RTP packets that came too late to be heard."`
	JitterMS   float64 `json:"jitter_ms" doc:"Interarrival jitter of RFC 3550 at the end, in milliseconds."`
	DelayMS    float64 `json:"delay_ms" doc:"Delay of the jitter buffer at the end, in milliseconds."`
	RTTMS      float64 `json:"rtt_ms" doc:"To the phone and back by RTCP, in milliseconds; 0 unknown."`
	RemoteLost uint64  `json:"remote_lost" doc:"RTP packets of ours that did not reach the phone, as its RTCP says."`
	MOS        float64 `json:"mos" doc:"Estimated quality of the caller's speech, 1 to 4.4 (ITU-T G.107); 0 unknown."`

	Code    int    `json:"code" doc:"SIP status that says why it ended; 200 is an ordinary hang-up."`
	Reason  string `json:"reason" doc:"Why it ended, for a person."`
	EndedBy string `json:"ended_by" enum:"caller,server" doc:"Who ended it."`
}

type (
	recordsInput struct {
		Since time.Time `query:"since" doc:"Calls that ended then or later (RFC 3339)." example:"2026-01-02T03:04:05Z"`
		Until time.Time `query:"until" doc:"Calls that ended before." example:"2026-01-03T00:00:00Z"`
		User  string    `query:"user" doc:"Only those of this user." example:"ann@example.com"`
		Room  string    `query:"room" doc:"Only those of this conference." example:"tea"`
		After string    `query:"after" doc:"The next page: what the page before called next."`
		Limit int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"At most so many."`
	}
	recordsOutput struct {
		Body struct {
			Records []Record `json:"records" doc:"The latest first."`
			Next    string   `json:"next" doc:"What after= of the next page is; empty when this is the last."`
		}
	}
)

func (a *API) recordRoutes(h huma.API) {
	huma.Register(h, operation(http.MethodGet, "/v1/records", "list-records", "List calls that have ended"),
		func(ctx context.Context, in *recordsInput) (*recordsOutput, error) {
			if a.config.Records == nil {
				return nil, lacking("records", "data")
			}
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			list, next, err := a.config.Records.Records(ctx, RecordQuery{Since: in.Since, Until: in.Until, User: in.User, Room: in.Room, After: in.After, Limit: in.Limit})
			if err != nil {
				return nil, a.failure(err, "records", in.User+" "+in.Room)
			}
			out := &recordsOutput{}
			out.Body.Records, out.Body.Next = append([]Record{}, list...), next
			return out, nil
		})
}
