package media

import (
	"strings"
	"testing"
	"time"
)

func eventPayload(event byte, end bool, units int) []byte {
	flags := byte(10)
	if end {
		flags |= 0x80
	}
	return []byte{event, flags, byte(units >> 8), byte(units)}
}

// eventStep is one packet of telephone-event, or a lapse of time without one.
type eventStep struct {
	after time.Duration
	stamp uint32
	event byte
	units int // 0: no packet
	end   bool
}

func runEvents(steps []eventStep) (out []Digit) {
	d := NewDigits(8000)
	now := time.Duration(0)
	take := func() {
		for digit, ok := d.Next(); ok; digit, ok = d.Next() {
			out = append(out, digit)
		}
	}
	for _, s := range steps {
		for end := now + s.after; now < end; { // slots pass
			now = min(end, now+20*time.Millisecond)
			d.Expire(now)
			take()
		}
		if s.units > 0 {
			d.Receive(now, s.stamp, eventPayload(s.event, s.end, s.units))
			take()
		}
	}
	return out
}

// RT-8, USERS 11: one press is one digit, whatever the marker bit, repetitions and losses.
func TestDigits(t *testing.T) {
	const ms = time.Millisecond
	press := func(stamp uint32, event byte, packets int) (s []eventStep) {
		for i := range packets {
			s = append(s, eventStep{20 * ms, stamp, event, 160 * (i + 1), false})
		}
		for range 3 {
			s = append(s, eventStep{20 * ms, stamp, event, 160 * (packets + 1), true})
		}
		return s
	}
	join := func(parts ...[]eventStep) (s []eventStep) {
		for _, p := range parts {
			s = append(s, p...)
		}
		return s
	}
	lapse := []eventStep{{after: 500 * ms}}
	for _, c := range []struct {
		name  string
		steps []eventStep
		want  []Digit
	}{
		{"plain", press(1000, 5, 4), []Digit{{'5', 100 * ms}}},
		{"three ends count once", join(press(1000, 11, 1), lapse), []Digit{{'#', 40 * ms}}},
		{"the same key twice", join(press(1000, 1, 3), press(3000, 1, 3)), []Digit{{'1', 80 * ms}, {'1', 80 * ms}}},
		{"only one end arrives", []eventStep{{20 * ms, 7, 0, 800, true}}, []Digit{{'0', 100 * ms}}},
		{"all ends are lost", join(press(1000, 2, 4)[:4], lapse), []Digit{{'2', 80 * ms}}},
		{"ends are lost and the next key follows", join(press(1000, 2, 4)[:4], press(2000, 3, 1)), []Digit{{'2', 80 * ms}, {'3', 40 * ms}}},
		{"an end after the time-out", join(press(1000, 2, 2)[:2], lapse, press(1000, 2, 4)[3:]), []Digit{{'2', 40 * ms}}},
		{"one packet in three is lost", join(press(1000, 9, 9)[:1], press(1000, 9, 9)[4:5], press(1000, 9, 9)[8:]), []Digit{{'9', 200 * ms}}},
		{"durations out of order", []eventStep{{20 * ms, 7, 15, 480, false}, {0, 7, 15, 320, false}, {after: 500 * ms}}, []Digit{{'D', 60 * ms}}},
		{"a late packet of the key before", join(press(1000, 1, 2), press(2000, 2, 2)[:1], press(1000, 1, 2)[2:3], press(2000, 2, 2)[1:]), []Digit{{'1', 60 * ms}, {'2', 60 * ms}}},
		{"timestamp 0 and wrap", join(press(0xffffffff, 1, 2), press(0, 1, 2)), []Digit{{'1', 60 * ms}, {'1', 60 * ms}}},
		{"flash is no digit", press(1000, 16, 2), nil},
		{"a device that never changes its timestamp", join(press(5, 1, 2), press(5, 2, 2), []eventStep{{after: 5 * time.Second}}, press(5, 1, 2)),
			[]Digit{{'1', 60 * ms}, {'2', 60 * ms}, {'1', 60 * ms}}},
	} {
		got := runEvents(c.steps)
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
			}
		}
	}
}

// RFC 4733, 2.5.1.3: a key held longer than 16 bits can say goes on in segments.
func TestDigitsLong(t *testing.T) {
	d := NewDigits(8000)
	now, start := time.Duration(0), uint32(1<<32-1000)
	segment, units := start, 0
	for range 50 * 20 { // 20 s
		units += 160
		if units > 0xffff {
			d.Receive(now, segment, eventPayload(3, false, 0xffff))
			segment += 0xffff
			units -= 0xffff
			d.Receive(now, segment, eventPayload(3, false, units))
			d.Receive(now, segment-0xffff, eventPayload(3, false, 0xffff)) // comes twice
		}
		d.Receive(now, segment, eventPayload(3, false, units))
		now += 20 * time.Millisecond
		if digit, ok := d.Next(); ok {
			t.Fatalf("%v after %v", digit, now)
		}
	}
	for range 3 {
		d.Receive(now, segment, eventPayload(3, true, units))
	}
	digit, ok := d.Next()
	if !ok || digit != (Digit{'3', 20 * time.Second}) {
		t.Errorf("%v, %v", digit, ok)
	}
	if digit, ok := d.Next(); ok {
		t.Errorf("and another: %v", digit)
	}
}

// A key that nobody lets go is ended, and what a stranger sends fills nothing.
func TestDigitsBounds(t *testing.T) {
	d := NewDigits(8000)
	got := 0
	for i := range 50 * 61 {
		stamp := uint32(i/409) * 0xffff
		d.Receive(time.Duration(i)*20*time.Millisecond, stamp, eventPayload(3, false, min(0xffff, (i%409+1)*160+100)))
		for digit, ok := d.Next(); ok; digit, ok = d.Next() {
			if got++; digit.Duration != longestDigit && got == 1 {
				t.Errorf("%v", digit)
			}
		}
	}
	if got == 0 {
		t.Error("a key held for ever never ends")
	}
	d = NewDigits(8000)
	for i := range uint32(100) {
		d.Receive(0, i*1000, eventPayload(byte(i%16), true, 160))
	}
	n := 0
	for _, ok := d.Next(); ok; _, ok = d.Next() {
		n++
	}
	if n != digitQueue || d.Lost() != 100-digitQueue {
		t.Errorf("%d digits taken, %d lost", n, d.Lost())
	}
}

// RFC 4733, 2.5.1.5: several events in one packet.
func TestDigitsPacked(t *testing.T) {
	d := NewDigits(8000)
	payload := append(append(eventPayload(1, true, 400), eventPayload(2, true, 400)...), eventPayload(3, false, 80)...)
	d.Receive(0, 1000, payload)
	d.Receive(20*time.Millisecond, 1800, eventPayload(3, true, 240))
	got := ""
	for digit, ok := d.Next(); ok; digit, ok = d.Next() {
		got += string(digit.Key)
	}
	if got != "123" {
		t.Errorf("%q", got)
	}
}

func TestDigitsReset(t *testing.T) {
	d := NewDigits(8000)
	d.Receive(0, 1000, eventPayload(7, false, 160))
	if !d.Held() {
		t.Error("the key is not held")
	}
	d.Reset()
	if digit, ok := d.Next(); !ok || digit.Key != '7' || d.Held() {
		t.Errorf("%v, %v", digit, ok)
	}
	d.Receive(0, 1000, eventPayload(7, true, 160)) // of another source
	if digit, ok := d.Next(); !ok || digit.Key != '7' {
		t.Errorf("%v, %v", digit, ok)
	}
}

func TestDigitsDoNotAllocate(t *testing.T) {
	d := NewDigits(8000)
	payload := eventPayload(5, true, 160)
	stamp, got := uint32(0), 0
	dst := make([]byte, 0, 16)
	dialer, err := NewDialer(8000, 20*time.Millisecond, 20*time.Millisecond, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := dialer.Dial(strings.Repeat("1", maxDialed)); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		stamp += 1000
		d.Receive(time.Duration(stamp), stamp, payload)
		d.Expire(time.Duration(stamp))
		if _, ok := d.Next(); ok {
			got++
		}
		dialer.Next(dst)
	}); n != 0 || got < 100 {
		t.Errorf("%v allocations, %d digits", n, got)
	}
}
