package sip

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// RFC 3261, 13.3.1.4 (TX-2): T1, doubling to T2, until 64*T1. sipgo's own schedule is 0.5, 4.5, 8.5 s.
func TestRetransmitSchedule(t *testing.T) {
	tests := []struct {
		name   string
		timers Timers
		want   []time.Duration // since the first 2xx; the last is giving up
	}{
		{"defaults", Timers{T1: 500 * time.Millisecond, T2: 4 * time.Second}, []time.Duration{
			500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond, 7500 * time.Millisecond,
			11500 * time.Millisecond, 15500 * time.Millisecond, 19500 * time.Millisecond, 23500 * time.Millisecond,
			27500 * time.Millisecond, 31500 * time.Millisecond, 32 * time.Second}},
		{"T2 out of reach", Timers{T1: time.Second, T2: time.Hour}, []time.Duration{
			time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second, 31 * time.Second, 63 * time.Second, 64 * time.Second}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Unix(1000, 0)
			r := newRetransmit(start, tt.timers)
			now, wait := start, tt.timers.T1
			var got []time.Duration
			for len(got) < 100 {
				now = now.Add(wait)
				send, giveUp, w := r.fire(now)
				if !send && !giveUp {
					t.Fatalf("woken for nothing at %v", now.Sub(start))
				}
				got = append(got, now.Sub(start))
				if giveUp {
					break
				}
				wait = w
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// A wake-up that comes early sends nothing; one that comes late does not make the next one early.
func TestRetransmitUnpunctual(t *testing.T) {
	start := time.Unix(1000, 0)
	r := newRetransmit(start, Timers{T1: 500 * time.Millisecond, T2: 4 * time.Second})
	if send, giveUp, wait := r.fire(start.Add(400 * time.Millisecond)); send || giveUp || wait != 100*time.Millisecond {
		t.Errorf("early: %v %v %v", send, giveUp, wait)
	}
	if send, giveUp, wait := r.fire(start.Add(2 * time.Second)); !send || giveUp || wait != time.Second {
		t.Errorf("late: %v %v %v", send, giveUp, wait)
	}
	if send, giveUp, _ := r.fire(start.Add(time.Hour)); send || !giveUp {
		t.Errorf("much too late: %v %v", send, giveUp)
	}
}
