package media

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// What was pressed is read back by Digits with its length, over a path that loses packets; the packets of one digit have
// one timestamp, rising durations, and three ends (RT-8, RFC 4733, 2.5.1).
func TestPress(t *testing.T) {
	const shortest = 80 * time.Millisecond
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 8))
		rate := []int{8000, 16000, 48000}[r.IntN(3)]
		d, err := NewDialer(rate, 20*time.Millisecond, shortest, 60*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		var want []Digit
		for range 1 + r.IntN(8) {
			digit := Digit{Key: keys[r.IntN(len(keys))], Duration: time.Duration(r.IntN(300)) * 20 * time.Millisecond}
			if !d.Press(digit) {
				t.Fatalf("%v was not taken", digit)
			}
			longest := min(longestSent, time.Duration(fullDuration)*time.Second/time.Duration(rate)/(20*time.Millisecond)*(20*time.Millisecond))
			digit.Duration = min(max(digit.Duration, shortest), longest)
			want = append(want, digit)
		}
		if got := read(t, d, rate, r, seed%3 > 0); !slices.Equal(got, want) {
			t.Fatalf("seed %d, %d Hz: read %v, pressed %v", seed, rate, got, want)
		}
	}
}

// read sends all that waits and gives what a receiver makes of it; lossy: of each digit one packet in three and two of
// the three ends are lost.
func read(t *testing.T, d *Dialer, rate int, r *rand.Rand, lossy bool) (out []Digit) {
	t.Helper()
	s, receiver := testSession(), NewDigits(rate)
	ends, units, last, lost := 0, uint16(0), uint32(0), 0
	for slot := 0; !d.Idle(); slot++ {
		now := time.Duration(slot) * 20 * time.Millisecond
		payload, begins, _, sending := d.Next(nil)
		if begins {
			last = s.Stamp()
		}
		before := s.Stamp()
		if sending {
			h, ok := parseRTP(s.BuildAt(nil, 101, last, begins, payload))
			if !ok || h.timestamp != last || h.marker != begins || s.Stamp() != before {
				t.Fatalf("built %+v, want timestamp %d", h, last)
			}
			long := binary.BigEndian.Uint16(h.payload[2:])
			if begins {
				ends, units = 0, 0
			}
			if end := h.payload[1]&0x80 != 0; end {
				ends++
			} else if long <= units {
				t.Fatalf("a duration of %d after %d", long, units)
			}
			units = long
			keep := r.IntN(3) > 0 || lost == 4 // a silence of 150 ms would be taken for the end
			if ends == 2 || ends == 0 && keep || !lossy {
				lost = 0
				receiver.Receive(now, h.timestamp, h.payload)
			} else {
				lost++
			}
		} else if ends != endPackets {
			t.Fatalf("%d packets tell of the end, want %d", ends, endPackets)
		}
		s.Skip(uint32(rate / 50))
		receiver.Expire(now)
		for digit, ok := receiver.Next(); ok; digit, ok = receiver.Next() {
			out = append(out, digit)
		}
	}
	return out
}

// What nobody could press, and more than can wait, is not taken, and counted.
func TestPressIsBounded(t *testing.T) {
	d, err := NewDialer(8000, 20*time.Millisecond, 80*time.Millisecond, 0)
	if err != nil {
		t.Fatal(err)
	}
	if d.Press(Digit{Key: 'x'}) || d.Press(Digit{}) {
		t.Error("no key was taken for one")
	}
	for range maxDialed {
		if !d.Press(Digit{Key: '1', Duration: time.Hour}) {
			t.Fatal("not taken")
		}
	}
	if d.Press(Digit{Key: '1'}) || d.Lost() != 3 {
		t.Errorf("%d are lost, want 3", d.Lost())
	}
	if n := testing.AllocsPerRun(100, func() {
		d.Press(Digit{Key: '1'})
		var b [4]byte
		d.Next(b[:0])
	}); n > 0 {
		t.Errorf("a packet allocates %v times", n)
	}
}

// FuzzPress: any digits come out as events that read as digits, no more than were taken.
func FuzzPress(f *testing.F) {
	f.Add([]byte("1#"), int64(1e8), uint8(0))
	f.Add([]byte("DDDD"), int64(1e12), uint8(2))
	f.Fuzz(func(t *testing.T, digits []byte, length int64, rates uint8) {
		rate := []int{8000, 16000, 48000}[rates%3]
		d, err := NewDialer(rate, 20*time.Millisecond, 80*time.Millisecond, 60*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		taken := 0
		for _, key := range digits[:min(len(digits), 8)] {
			if d.Press(Digit{Key: key, Duration: time.Duration(length)}) {
				taken++
			}
		}
		if got := read(t, d, rate, rand.New(rand.NewPCG(1, 1)), false); len(got) != taken {
			t.Errorf("%d were taken, %v read", taken, got)
		}
	})
}
