package sim

import "slices"

// onsetSlots is how much of a talkspurt counts as its beginning: 200 ms.
const onsetSlots = 10

// Tally counts what crossed the network, on what the domains disagreed, and what
// was lost. Use its methods for means; slots are of the conversation.
type Tally struct {
	Slots int

	// Packets sent, each counted for every domain it is addressed to (unicast)
	// or once (multicast), and the most of them in one slot.
	Unicast, Multicast         int64
	UnicastMost, MulticastMost int64
	UnicastBits, MulticastBits int64
	Headers                    int64 // of Multicast, those without payload

	Differ int // slots in which not all domains had the same F
	Apart  int // slots in which not all had the same speakers: F without those who have stopped
	Off    int // domains, summed over slots, whose F was not the best of all domains
	Seen   int // domains up, summed over slots

	// Speech, in packets times domains that could hear it.
	Spoken, Heard           int64
	Best, BestHeard         int64 // of these, by one of the best N_max of all domains
	OnsetSpoken, OnsetHeard int64 // of these, in the first 200 ms of a talkspurt

	slot struct{ unicast, multicast int64 } // packets of the present slot
}

// PerSlot returns a count per slot.
func (t *Tally) PerSlot(n int64) float64 { return share(n, int64(t.Slots)) }

// DifferShare is the share of slots in which not all domains had the same F.
func (t *Tally) DifferShare() float64 { return share(int64(t.Differ), int64(t.Slots)) }

// ApartShare is the share of slots in which not all domains had the same speakers.
// It is the less for those in F who have stopped and keep a free floor, of whom
// news travels in every fifth slot only; it is the more for the news that somebody
// has stopped.
func (t *Tally) ApartShare() float64 { return share(int64(t.Apart), int64(t.Slots)) }

// OffShare is the share of domains, over all slots, whose F was not what one
// server without any delay would have chosen.
func (t *Tally) OffShare() float64 { return share(int64(t.Off), int64(t.Seen)) }

// Lost is the share of all speech that domains did not hear. More than N_max who
// speak at once cannot all be heard.
func (t *Tally) Lost() float64 { return share(t.Spoken-t.Heard, t.Spoken) }

// BestLost is the share of the speech that one server without any delay would
// have let through that domains did not hear.
func (t *Tally) BestLost() float64 { return share(t.Best-t.BestHeard, t.Best) }

// OnsetLost is the share of the first 200 ms of talkspurts that was not heard.
func (t *Tally) OnsetLost() float64 { return share(t.OnsetSpoken-t.OnsetHeard, t.OnsetSpoken) }

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// sent counts what one domain sends in one slot to each of its peers.
func (t *Tally) sent(packets, headers, peers int, bits int64) {
	if peers == 0 {
		return
	}
	t.slot.unicast += int64(packets) * int64(peers)
	t.slot.multicast += int64(packets)
	t.UnicastBits += bits * int64(peers)
	t.MulticastBits += bits
	t.Headers += int64(headers)
}

// speak counts what participants of a domain say in one slot to listening domains.
func (t *Tally) speak(listening int, all []speech) {
	n := int64(listening)
	for _, s := range all {
		t.Spoken += n
		if s.best {
			t.Best += n
		}
		if s.onset {
			t.OnsetSpoken += n
		}
	}
}

// hear counts a packet of speech that is played by a domain.
func (t *Tally) hear(s speech) {
	t.Heard++
	if s.best {
		t.BestHeard++
	}
	if s.onset {
		t.OnsetHeard++
	}
}

// end closes a slot.
func (t *Tally) end() {
	t.Slots++
	t.Unicast += t.slot.unicast
	t.Multicast += t.slot.multicast
	t.UnicastMost = max(t.UnicastMost, t.slot.unicast)
	t.MulticastMost = max(t.MulticastMost, t.slot.multicast)
	t.slot.unicast, t.slot.multicast = 0, 0
}

// observe looks at the F of every domain when all have decided the slot.
func (w *world) observe() {
	differ, apart := false, false
	for i, d := range w.domains {
		if !d.up {
			continue
		}
		w.tally.Seen++
		if !slices.Equal(d.f, w.best) {
			w.tally.Off++
		}
		for _, o := range w.domains[:i] {
			if o.up && o.side == d.side {
				differ = differ || !slices.Equal(o.f, d.f)
				apart = apart || !slices.Equal(o.speakers, d.speakers)
				break // the first of its side stands for all before
			}
		}
	}
	if differ {
		w.tally.Differ++
	}
	if apart {
		w.tally.Apart++
	}
	if w.watch != nil {
		w.watch(differ)
	}
	w.tally.end()
}

// reset begins a new count.
func (w *world) reset() {
	w.tally = Tally{}
	w.count++
}

// close ends a count and returns it: slots pass until what was said has arrived.
func (w *world) close(progress func()) Tally {
	t := w.tally
	w.closing = true
	w.run(w.network.drain(), progress)
	w.closing = false
	t.Heard, t.BestHeard, t.OnsetHeard = w.tally.Heard, w.tally.BestHeard, w.tally.OnsetHeard
	return t
}
