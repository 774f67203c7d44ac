package api

import "time"

// Summary is one conference in a list.
type Summary struct {
	Name         string    `json:"name" doc:"What the API calls the conference." example:"tea"`
	URI          string    `json:"uri" doc:"Its SIP URI; empty for a call between two." example:"sip:tea@example.com"`
	Kind         string    `json:"kind" enum:"conference,call" doc:"\"call\": a call between two, which nobody can dial."`
	Participants int       `json:"participants" doc:"How many are in it."`
	Waiting      int       `json:"waiting" doc:"How many are in its lobby: they type a PIN or wait for the host."`
	Locked       bool      `json:"locked" doc:"Nobody else gets in."`
	Started      time.Time `json:"started" doc:"When the first participant came."`
}

// Conference is one conference with its roster. (The field names of a Summary stand in it too.)
type Conference struct {
	Name         string        `json:"name" doc:"What the API calls the conference." example:"tea"`
	URI          string        `json:"uri" doc:"Its SIP URI; empty for a call between two." example:"sip:tea@example.com"`
	Kind         string        `json:"kind" enum:"conference,call" doc:"\"call\": a call between two, which nobody can dial."`
	Locked       bool          `json:"locked" doc:"Nobody else gets in."`
	Started      time.Time     `json:"started" doc:"When the first participant came."`
	Participants []Participant `json:"participants" doc:"In the order in which they joined."`
}

// Participant is one leg of a conference as it is now. Packets, loss, jitter and delay are those of the sound it sends.
type Participant struct {
	ID              string    `json:"id" doc:"Opaque; stays the same while the call lasts."`
	URI             string    `json:"uri" doc:"SIP URI of the caller."`
	Display         string    `json:"display" doc:"Display name, as the caller gave it."`
	User            string    `json:"user,omitempty" doc:"The user who proved to be it; left out when nobody was asked to." example:"ann@example.com"`
	Transport       string    `json:"transport,omitempty" doc:"What the call came by: UDP, TCP or TLS."`
	Codec           string    `json:"codec" doc:"As in the rtpmap of RFC 8866." example:"PCMU"`
	Encryption      string    `json:"encryption" doc:"SRTP suite of RFC 4568; empty when the sound goes in clear." example:"AEAD_AES_128_GCM"`
	SSRC            uint32    `json:"ssrc" doc:"SSRC of what we send."`
	RemoteSSRC      uint32    `json:"remote_ssrc" doc:"SSRC of what we receive; 0 before the first packet."`
	Lambda          uint16    `json:"lambda" doc:"Loudness number now."`
	InF             bool      `json:"in_f" doc:"Has a floor: is heard by the others."`
	Held            bool      `json:"held" doc:"Has put the conference on hold."`
	Muted           bool      `json:"muted" doc:"Was muted here."`
	Role            string    `json:"role" enum:"participant,moderator" doc:"What the rules of the room, or a PIN, made of the caller."`
	Lobby           bool      `json:"lobby" doc:"Is outside, types a PIN or waits for the host: hears nobody and is heard by nobody."`
	PacketsReceived uint64    `json:"packets_received" doc:"RTP packets received."`
	PacketsSent     uint64    `json:"packets_sent" doc:"RTP packets sent."`
	Lost            uint64    `json:"lost" doc:"RTP packets that never came."`
	LossPercent     float64   `json:"loss_percent" doc:"Lost, of all expected."`
	JitterMS        float64   `json:"jitter_ms" doc:"Interarrival jitter of RFC 3550, in milliseconds."`
	DelayMS         float64   `json:"delay_ms" doc:"Delay that the jitter buffer adds, in milliseconds."`
	Joined          time.Time `json:"joined" doc:"When the call was answered."`
	Media           string    `json:"media" doc:"Address and port that RTP is sent to; empty when there is none to send to." example:"192.0.2.7:40000"`
}
