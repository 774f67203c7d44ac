package media

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestNowIsTheKernelsClock(t *testing.T) {
	for range 100 {
		before := readClock(unix.CLOCK_MONOTONIC)
		now := Now()
		after := readClock(unix.CLOCK_MONOTONIC)
		// The two clocks were joined to within the width of one reading.
		if slack := time.Millisecond; now < before-slack || now > after+slack {
			t.Fatalf("Now %v is not between %v and %v", now, before, after)
		}
	}
}

func TestSleepUntil(t *testing.T) {
	for _, d := range []time.Duration{-time.Second, 0, time.Millisecond, 5 * time.Millisecond} {
		until := Now() + d
		SleepUntil(until)
		if now := Now(); now < until-100*time.Microsecond {
			t.Errorf("woke %v early", until-now)
		}
	}
}

func TestStamps(t *testing.T) {
	s := Stamps{now: time.Hour, offset: 1_700_000_000_000_000_000}
	at := func(d time.Duration) int64 { return s.offset + int64(d) }
	for _, c := range []struct {
		stamp int64
		want  time.Duration
	}{
		{at(time.Hour - 3*time.Millisecond), time.Hour - 3*time.Millisecond},
		{at(time.Hour), time.Hour},
		{0, time.Hour},
		{at(time.Hour + time.Millisecond), time.Hour},          // of the future: the clock was set
		{at(time.Hour - 2*oldestStamp), time.Hour},             // too old: the clock was set
		{at(time.Hour - oldestStamp), time.Hour - oldestStamp}, // just old enough
		{-1 << 63, time.Hour},
	} {
		if got := s.Arrival(c.stamp); got != c.want {
			t.Errorf("stamp %d: %v, want %v", c.stamp-s.offset, got, c.want)
		}
	}
	if wall := Wall().Add(Now()); time.Since(wall).Abs() > time.Second {
		t.Errorf("wall clock by Now: %v", wall)
	}
}
