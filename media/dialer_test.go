package media

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// What the Dialer sends, Digits reads, over a path that loses a third; it obeys RFC 4733, 2.5.1.
func TestDialer(t *testing.T) {
	const digits = "0123456789*#ABCD1111 99"
	for _, rate := range []int{8000, 16000, 48000} {
		for seed := range uint64(20) {
			random := rand.New(rand.NewPCG(seed, 1))
			dialer, err := NewDialer(rate, 20*time.Millisecond, 100*time.Millisecond, 60*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if err := dialer.Dial(strings.ToLower(digits)); err != nil {
				t.Fatal(err)
			}
			terms := testTerms()
			terms.ClockRate = rate
			out := testSession(func(c *SessionConfig) { c.Terms = terms })
			in := testSession(func(c *SessionConfig) { c.SSRC = 77; c.Terms = terms })
			receiver := NewDigits(rate)
			got, lastStamp, begun := "", uint32(0), 0
			for slot := 0; !dialer.Idle(); slot++ {
				now := time.Duration(slot) * 20 * time.Millisecond
				payload, marker, samples, sending := dialer.Next(nil)
				receiver.Expire(now)
				if sending {
					b := out.Build(nil, 101, samples, marker, payload)
					if random.IntN(3) > 0 || payload[1]&0x80 != 0 && seed == 0 {
						p, v := in.Receive(now, b, phone)
						if v.Kind != Event {
							t.Fatalf("%+v", v)
						}
						receiver.Receive(now, p.Timestamp, p.Payload)
					}
					h, _ := parseRTP(b)
					if marker {
						begun++
						if want := uint32(begun-1) * uint32(rate/50) * 10; h.timestamp-5000 != want { // 5+2 packets, 3 of pause
							t.Fatalf("digit %d begins at %d, want %d", begun, h.timestamp-5000, want)
						}
						lastStamp = h.timestamp
					} else if h.timestamp != lastStamp {
						t.Fatalf("the timestamp changes within a digit")
					}
				} else {
					out.Skip(uint32(rate / 50))
				}
				for digit, ok := receiver.Next(); ok; digit, ok = receiver.Next() {
					got += string(digit.Key)
				}
			}
			receiver.Reset()
			for digit, ok := receiver.Next(); ok; digit, ok = receiver.Next() {
				got += string(digit.Key)
			}
			if want := strings.ReplaceAll(digits, " ", ""); got != want {
				t.Errorf("%d Hz, seed %d: %s, want %s", rate, seed, got, want)
			}
		}
	}
}

func TestDialerRefuses(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		rate                 int
		ptime, length, pause time.Duration
		ok                   bool
	}{
		{8000, 20 * ms, 100 * ms, 60 * ms, true},
		{8000, 20 * ms, 20 * ms, 0, true},
		{8000, 20 * ms, 8 * time.Second, 0, true},
		{8000, 20 * ms, 9 * time.Second, 0, false},
		{48000, 20 * ms, 2 * time.Second, 0, false},
		{8000, 20 * ms, 10 * ms, 0, false},
		{8000, 0, 100 * ms, 0, false},
		{0, 20 * ms, 100 * ms, 0, false},
		{8000, 20 * ms, 100 * ms, -ms, false},
		{8000, 20 * ms, 1 << 62, 0, false},
	} {
		if _, err := NewDialer(c.rate, c.ptime, c.length, c.pause); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
	d, err := NewDialer(8000, 20*ms, 100*ms, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"1x", "é", strings.Repeat("1", maxDialed+1)} {
		if err := d.Dial(bad); err == nil || !d.Idle() {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
