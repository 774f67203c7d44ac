package sdp

import (
	"io"
	"net/netip"
	"time"
)

// Local is what we are willing to do in one call.
type Local struct {
	Addr               netip.Addr // where we receive
	Port               uint16     // RTP
	RTCPPort           uint16     // 0 means Port+1
	SessionID          uint64
	Version            uint64  // least o= version to write; see [Media.Version]
	Codecs             []Codec // in our order, speech only
	PreferOurs         bool    // our order decides, not the peer's (OA-5)
	DTMF               bool    // telephone-event (RFC 4733)
	CN                 bool    // comfort noise (RFC 3389)
	PTime              time.Duration
	MinPTime, MaxPTime time.Duration // what we send; 0 means 10 ms and 60 ms
	AnnounceMaxPTime   time.Duration // a=maxptime to write; 0 writes none (OA-8)
	LevelExt           bool          // client-to-mixer level (RFC 6464)
	Direction          Direction     // what we want, sendrecv unless set
	SRTP               Policy
	Rekey              bool      // offers inside a session have a new key of ours in place of the one in use
	Keys               io.Reader // random bytes for keys of ours, that never fails; needed unless SRTP is Off
}

// Media is what one m=audio line agreed on.
type Media struct {
	// Remote is where to send RTP, RemoteRTCP where to send RTCP. Invalid when
	// there is nowhere: hold by address, multicast, broadcast, port 0, or a name.
	Remote, RemoteRTCP netip.AddrPort
	// RemoteHost is set when c= holds a name to be resolved; see Resolved.
	RemoteHost                 string
	RemotePort, RemoteRTCPPort uint16

	Codec       Codec   // the speech codec; PayloadType is SendPT, Fmtp what the peer asks for
	SendPT      uint8   // the number the peer listed for it
	RecvPT      uint8   // the number we listed for it
	AlsoRecvPT  []uint8 // other numbers on which the peer may send it (OA-6)
	AlsoReceive []Codec // other codecs that both listed, with our numbers: the peer may switch

	DTMFSend, DTMFRecv int     // numbers of telephone-event, -1 when there is none
	DTMFRate           int     // its clock rate in Hz, 0 when there is none
	AlsoDTMF           []uint8 // other numbers the peer named for telephone-event
	CN                 int     // number of comfort noise we may send, -1: send none (RT-7)

	PTime     time.Duration // what we send in one packet
	Direction Direction     // ours: may we send, do we receive
	Hold      bool          // the peer does not want to hear us: it holds (OA-3)
	RTCPMux   bool          // RTCP on the RTP port (RFC 5761)
	NoRTCP    bool          // b=RS:0 and b=RR:0: none will come, send none (OA-9)
	LevelExt  uint8         // id of the RFC 6464 extension, 0 when there is none
	Same      bool          // the peer's description is that of before: nothing to do (OA-7)
	Crypto    *Crypto       // nil: the sound is not encrypted. Under RTP/AVP too (RFC 8643)

	Index              int      // which m= line of the session this is
	Others             []string // all m= lines of the session, "" at Index: kept refused in our offers
	Profile            string   // RTP/AVP, RTP/AVPF, RTP/SAVP or RTP/SAVPF
	Numbers            []Codec  // every dynamic number used so far in the session (RFC 3264, 8.3.2)
	SessionID, Version uint64   // of the last description we sent
	ours, peers        uint64   // digests of both descriptions without their o= lines
}

// Resolved is m with the address of RemoteHost filled in. An address that
// cannot be sent to leaves m as it is.
func (m Media) Resolved(a netip.Addr) Media {
	a = a.Unmap()
	if !sendable(a) {
		return m
	}
	m.Remote = addrPort(a, m.RemotePort)
	m.RemoteRTCP = addrPort(a, m.RemoteRTCPPort)
	return m
}
