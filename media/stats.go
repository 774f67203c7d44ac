package media

import "time"

// SourceStats is a part of SessionStats.
type SourceStats struct {
	SSRC     uint32 // of the source heard, 0 none yet
	Packets  uint64 // received from it, all payload types
	Expected uint64
	Lost     int64 // Expected less Packets; duplicates count as received (RFC 3550, A.3)
	Jitter   time.Duration
}

// SessionStats are counts since the Session began, but for Source, which is of the present source.
type SessionStats struct {
	SSRC                      uint32 // ours
	Sent, SentOctets          uint64 // RTP packets, payload octets
	Received, ReceivedOctets  uint64 // heard: RTP packets, payload octets
	Source                    SourceStats
	Lost                      int64 // of all sources so far
	Sources                   uint64
	Restarts                  uint64 // of the sequence numbers within a source (RFC 3550, A.1)
	Moves                     uint64 // of the latch to another port or address
	Dropped                   [drops]uint64
	Loops                     uint64        // our own packets that came back: above 0 is an alarm
	Collisions                uint64        // times that our SSRC was changed (RFC 3550, 8.2)
	RoundTrip                 time.Duration // 0 while unknown
	RemoteFraction            uint8         // share of ours that the peer lost lately, in 1/256
	RemoteLost                int32         // of ours, as the peer says
	RemoteJitter              time.Duration
	Reports, RemoteReports    uint64 // RTCP packets sent, valid ones received
	BadReports                uint64 // RTCP that was malformed or from elsewhere
	LastRTP, LastRTCP         time.Duration
	HeardRTP, HeardRTCP, Left bool // Left: the peer's source said BYE, and has been silent since
}

// Stats returns the counts so far.
func (s *Session) Stats() SessionStats {
	out := s.stats
	out.SSRC = s.ssrc
	out.Lost = s.gone
	if s.heard {
		out.Lost += s.source.lost()
		out.Source = SourceStats{
			SSRC: s.source.ssrc, Packets: uint64(s.source.received), Expected: uint64(s.source.expected()),
			Lost: s.source.lost(), Jitter: stampDuration(int32(s.source.jitter>>4), s.rate),
		}
	}
	return out
}
