package lobby

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// call is a caller in virtual time: every prompt takes 2 s unless a key stops it.
type call struct {
	d    *Dialogue
	pins map[string]func(*call) Step // what comes of a PIN; others are wrong
	now  time.Duration
	ends time.Duration // of the prompts that play, 0 none
	last Step
	log  []string
}

func (c *call) note(format string, args ...any) {
	c.log = append(c.log, fmt.Sprintf("%v ", c.now)+fmt.Sprintf(format, args...))
}

// do does what a step says, and what follows from it at once.
func (c *call) do(s Step) {
	if len(s.Play) > 0 {
		names := make([]string, len(s.Play))
		for i, p := range s.Play {
			names[i] = string(p)
		}
		c.note("play %s", strings.Join(names, " "))
		c.ends, c.last = c.now+2*time.Second, s
	}
	if s.End != nil {
		c.note("end %d %s", s.End.Code, s.End.Text)
		c.ends = 0
	}
	if s.Try {
		c.note("try %q", s.PIN)
		if then := c.pins[s.PIN]; then != nil {
			c.do(then(c))
			return
		}
		c.do(c.d.Wrong(c.now))
	}
}

// wait lets time pass.
func (c *call) wait(d time.Duration) {
	for end := c.now + d; ; {
		next := end
		deadline, ok := c.d.Deadline()
		if ok {
			next = min(next, deadline)
		}
		if c.ends > 0 {
			next = min(next, c.ends)
		}
		c.now = max(c.now, next)
		switch {
		case c.ends > 0 && c.now >= c.ends:
			c.ends = 0
			c.do(c.d.Played(c.now, c.last.Number))
		case ok && c.now >= deadline:
			c.do(c.d.Expire(c.now))
		default:
			return
		}
	}
}

// press types keys, 200 ms apart.
func (c *call) press(keys string) {
	for _, k := range []byte(keys) {
		c.wait(200 * time.Millisecond)
		if !c.last.Firm {
			c.ends = 0
		}
		c.do(c.d.Digit(c.now, k))
	}
}

func enters(c *call) Step { c.note("enters"); c.d.Done(); return Step{} }
func waits(c *call) Step  { c.note("waits"); return c.d.Wait(c.now) }
func locked(c *call) Step { return c.d.Refuse(c.now, Cause{403, "the room is locked"}, Locked) }

func TestDialogue(t *testing.T) {
	for _, c := range []struct {
		name     string
		optional bool
		act      func(*call)
		want     string
	}{
		{"right", false, func(c *call) { c.wait(3 * time.Second); c.press("1234#") }, `0s play enter-pin, 4s try "1234", 4s enters`},
		{"right, into the prompt", false, func(c *call) { c.press("1234#") }, `0s play enter-pin, 1s try "1234", 1s enters`},
		{"cleared", false, func(c *call) { c.press("99*1234#") }, `0s play enter-pin, 1.6s try "1234", 1.6s enters`},
		{"without #", false, func(c *call) { c.press("1234"); c.wait(time.Minute) }, `0s play enter-pin, 5.8s try "1234", 5.8s enters`},
		{"slowly", false, func(c *call) {
			for _, k := range "1234" {
				c.press(string(k))
				c.wait(4 * time.Second)
			}
			c.press("#")
		}, `0s play enter-pin, 17s try "1234", 17s enters`},
		{"other keys mean nothing", false, func(c *call) { c.press("A12B34D#") }, `0s play enter-pin, 1.6s try "1234", 1.6s enters`},
		{"wrong, then right", false, func(c *call) { c.press("0000#1234#") },
			`0s play enter-pin, 1s try "0000", 1s play wrong-pin enter-pin, 2s try "1234", 2s enters`},
		{"wrong thrice", false, func(c *call) { c.press("0000#1#12345678901234567890#1234#"); c.wait(time.Minute) },
			`0s play enter-pin, 1s try "0000", 1s play wrong-pin enter-pin, 1.4s try "1", 1.4s play wrong-pin enter-pin, ` +
				`5.6s try "12345678901234567", 5.6s play wrong-pin goodbye, 7.6s end 403 three wrong PINs`},
		{"nothing typed", false, func(c *call) { c.wait(2 * time.Minute) },
			`0s play enter-pin, 12s play enter-pin, 24s play enter-pin, 36s play goodbye, 38s end 403 no PIN was typed`},
		{"nothing but #", false, func(c *call) { c.press("####"); c.wait(time.Minute) },
			`0s play enter-pin, 200ms play enter-pin, 400ms play enter-pin, 600ms play goodbye, 2.6s end 403 no PIN was typed`},
		{"silence after a wrong one", false, func(c *call) { c.press("0#"); c.wait(2 * time.Minute) },
			`0s play enter-pin, 400ms try "0", 400ms play wrong-pin enter-pin, 12.4s play enter-pin, 24.4s play enter-pin, 36.4s play goodbye, 38.4s end 403 no PIN was typed`},
		{"for ever", false, func(c *call) {
			for range 40 {
				c.press("1*")
				c.wait(5 * time.Second)
			}
		}, `0s play enter-pin, 3m0s play goodbye, 3m2s end 403 no PIN was typed`},
		{"optional, #", true, func(c *call) { c.press("#") }, `0s play enter-pin-or-hash, 200ms try "", 200ms enters`},
		{"optional, silence", true, func(c *call) { c.wait(time.Minute) }, `0s play enter-pin-or-hash, 12s try "", 12s enters`},
		{"optional, a moderator", true, func(c *call) { c.press("1234#") }, `0s play enter-pin-or-hash, 1s try "1234", 1s enters`},
		{"optional, wrong", true, func(c *call) { c.press("0#"); c.press("#") },
			`0s play enter-pin-or-hash, 400ms try "0", 400ms play wrong-pin enter-pin-or-hash, 600ms try "", 600ms enters`},
		{"wait for the host", false, func(c *call) { c.press("5555#"); c.wait(100 * time.Second); c.d.Done(); c.wait(time.Hour) },
			`0s play enter-pin, 1s try "5555", 1s waits, 1s play wait-host, 1m3s play wait-host`},
		{"keys while waiting", false, func(c *call) { c.press("5555#77"); c.wait(70 * time.Second) },
			`0s play enter-pin, 1s try "5555", 1s waits, 1s play wait-host, 1m1.4s play wait-host`},
		{"locked", false, func(c *call) { c.press("6666#1#"); c.wait(time.Hour) },
			`0s play enter-pin, 1s try "6666", 1s play locked goodbye, 3s end 403 the room is locked`},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := &call{d: New(c.optional), pins: map[string]func(*call) Step{"1234": enters, "5555": waits, "6666": locked}}
			if c.optional {
				x.pins[""] = enters
			}
			x.do(x.d.Ask(x.now))
			c.act(x)
			if got := strings.Join(x.log, ", "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Events that get lost hold nobody for ever: prompts whose end nobody tells of end, and a late word of old ones says
// nothing about new ones.
func TestLostEvents(t *testing.T) {
	d := New(false)
	first := d.Ask(0)
	if at, ok := d.Deadline(); !ok || at != promptMost {
		t.Fatalf("a deadline at %v, %v", at, ok)
	}
	if s := d.Expire(promptMost - 1); len(s.Play) > 0 {
		t.Error("expired too early")
	}
	d.Expire(promptMost)
	if at, _ := d.Deadline(); at != promptMost+firstDigit {
		t.Errorf("then the first digit is awaited until %v", at)
	}
	for _, k := range []byte("12#") {
		d.Digit(promptMost, k)
	}
	if _, ok := d.Deadline(); ok || d.Over() {
		t.Error("there is a deadline for who judges")
	}
	second := d.Wrong(promptMost)
	d.Played(promptMost, first.Number)
	if at, _ := d.Deadline(); at != 2*promptMost || second.Number == first.Number {
		t.Errorf("an old prompt's end was taken for the new one's: deadline %v", at)
	}
	d.Refuse(0, Cause{486, "full"}, Full)
	if s := d.Expire(promptMost); s.End == nil || s.End.Code != 486 || !d.Over() {
		t.Errorf("a goodbye whose end nobody tells of: %+v", s)
	}
}

// Whatever happens in whatever order: at most three PINs are tried, the call is ended once at most, a question or a
// deadline is always open until it is over, and a wait is bounded.
func TestAnyDialogue(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 9))
		d := New(r.IntN(2) == 0)
		now, tries, ends, prompts := time.Duration(0), 0, 0, 0
		number := 0
		var take func(s Step)
		take = func(s Step) {
			if len(s.Play) > 0 {
				number = s.Number
				prompts++
			}
			if s.End != nil {
				ends++
			}
			if !s.Try {
				return
			}
			if len(s.PIN) > longestPIN+1 {
				t.Fatalf("a PIN of %d digits", len(s.PIN))
			}
			tries++
			switch r.IntN(8) {
			case 0:
				take(d.Wait(now))
			case 1:
				take(d.Refuse(now, Cause{486, "full"}, Full))
			case 2:
				d.Done()
			default:
				take(d.Wrong(now))
			}
		}
		take(d.Ask(now))
		for range 200 {
			switch r.IntN(5) {
			case 0, 1:
				take(d.Digit(now, "0123456789*#AD?\x00"[r.IntN(16)]))
			case 2:
				take(d.Played(now, number-r.IntN(2)))
			case 3:
				now += time.Duration(r.Int64N(int64(10 * time.Second)))
				take(d.Expire(now))
			case 4:
				if at, ok := d.Deadline(); ok {
					now = max(now, at)
					take(d.Expire(now))
				}
			}
			if _, ok := d.Deadline(); ok == d.Over() {
				t.Fatalf("seed %d: over %v, but a deadline: %v", seed, d.Over(), ok)
			}
		}
		if tries > Tries+1 || ends > 1 || ends == 1 && !d.Over() {
			t.Fatalf("seed %d: %d tries, ended %d times", seed, tries, ends)
		}
	}
}

// FuzzDialogue: no keys bring it out of its bounds.
func FuzzDialogue(f *testing.F) {
	f.Add("1234#", false)
	f.Add("****####", true)
	f.Fuzz(func(t *testing.T, keys string, optional bool) {
		c := &call{d: New(optional)}
		c.do(c.d.Ask(0))
		for i := range min(len(keys), 500) {
			c.press(keys[i : i+1])
		}
		c.wait(time.Hour)
		if n := strings.Count(strings.Join(c.log, "\n"), " try "); n > Tries || !c.d.Over() {
			t.Errorf("%d tries; over: %v", n, c.d.Over())
		}
	})
}
