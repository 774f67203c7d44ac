package sdp

// Accept judges the answer to our offer (RFC 3264, 7). prev is what the session
// agreed on before, nil at first. The error is a *Refusal: the peer refused
// the audio or answered what was not offered; the caller ends the call, or
// leaves the session as it was.
func Accept(offer, answer []byte, ours Local, prev *Media) (Media, error) {
	o, err := Parse(offer)
	if err != nil {
		return Media{}, refuse(WarnParameter, "our own offer cannot be read: %s", readable(err.Error()))
	}
	a, err := Parse(answer)
	if err != nil {
		return Media{}, refuse(WarnParameter, "the answer cannot be read: %s", readable(err.Error()))
	}
	at := 0
	if prev != nil {
		at = prev.Index
	}
	if at >= len(o.Media) {
		return Media{}, refuse(WarnMedia, "our own offer has no stream %d", at)
	}
	if at >= len(a.Media) {
		return Media{}, refuse(WarnMedia, "the answer has %d streams, the offer %d", len(a.Media), len(o.Media))
	}
	line := &a.Media[at]
	if refusal := a.acceptable(line, ours.Addr); refusal != nil {
		return Media{}, refusal
	}
	out, refusal := conclude(o, a, at, ours)
	if refusal != nil {
		return Media{}, refusal
	}
	if refusal := out.concluded(&o.Media[at], line, ours); refusal != nil {
		return Media{}, refusal
	}
	if prev != nil {
		out.Numbers = prev.Numbers
	}
	out.Numbers = remember(remember(out.Numbers, line.codecs()), o.Media[at].codecs())
	out.peers = content(answer)
	out.Same = prev != nil && prev.peers == out.peers
	out.own(o, offer)
	return out, nil
}

// conclude compares what we listed with what the peer listed.
func conclude(o, a *Description, at int, ours Local) (Media, *Refusal) {
	mine := o.Media[at].codecs()
	theirs := named(a.Media[at].codecs(), mine)
	out := Media{Index: at, DTMFSend: -1, DTMFRecv: -1, CN: -1}
	_, out.RTCPMux = o.Media[at].Attribute("rtcp-mux")
	found := false
	for _, t := range theirs {
		m, ok := same(mine, t)
		if !ok || !t.speech() {
			continue
		}
		if found {
			out.AlsoReceive = append(out.AlsoReceive, m)
			continue
		}
		found = true
		out.Codec, out.SendPT, out.RecvPT = t, t.PayloadType, m.PayloadType
		if t.PayloadType != m.PayloadType && !contains(mine, t.PayloadType) {
			out.AlsoRecvPT = append(out.AlsoRecvPT, t.PayloadType) // OA-6
		}
	}
	if !found {
		return Media{}, refuse(WarnFormat, "the answer has none of the codecs offered: %s", names(theirs))
	}
	out.extras(o, a, mine, theirs, ours)
	out.settle(a, &a.Media[at], ours)
	return out, nil
}

// extras settles telephone-event, comfort noise and the level extension.
func (m *Media) extras(o, a *Description, mine, theirs []Codec, ours Local) {
	rate := m.Codec.ClockRate
	if e, also, ok := events(theirs, rate); ok && ours.DTMF {
		m.DTMFSend, m.DTMFRate, m.AlsoDTMF = int(e.PayloadType), e.ClockRate, also
		if own, ok := same(mine, e); ok {
			m.DTMFRecv = int(own.PayloadType)
			if own.PayloadType != e.PayloadType && !contains(mine, e.PayloadType) {
				m.AlsoDTMF = append(m.AlsoDTMF, e.PayloadType)
			}
		}
	}
	line := &a.Media[m.Index]
	if ours.CN && a.suppressing(line) && noise(mine, rate) >= 0 {
		m.CN = noise(theirs, rate)
	}
	if id, _ := o.level(&o.Media[m.Index]); id != 0 && ours.LevelExt {
		if got, _ := a.level(line); got == id {
			m.LevelExt = id
		}
	}
}

// named gives the answer's numbers their meaning from our offer where the
// answer says none: some phones leave out rtpmap.
func named(theirs, mine []Codec) []Codec {
	for i, t := range theirs {
		if t.Name != "" {
			continue
		}
		for _, m := range mine {
			if m.PayloadType == t.PayloadType {
				fmtp := t.Fmtp
				theirs[i] = m
				theirs[i].Fmtp = fmtp
			}
		}
	}
	return theirs
}

func same(list []Codec, c Codec) (Codec, bool) {
	for _, l := range list {
		if l.is(c) {
			return l, true
		}
	}
	return Codec{}, false
}

// own keeps what our offer was: its version, digest and lines.
func (m *Media) own(o *Description, offer []byte) {
	m.SessionID, m.Version = o.Origin.numbers()
	m.ours = sent(offer)
	m.Others = make([]string, len(o.Media))
	for i := range o.Media {
		if i != m.Index {
			m.Others[i] = rejected(&o.Media[i])
		}
	}
}
