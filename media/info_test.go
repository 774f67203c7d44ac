package media

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// The bodies that phones send (RT-8).
func TestParseInfo(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		body string
		key  byte // 0: an error
		d    time.Duration
	}{
		{"Signal=5\r\nDuration=160\r\n", '5', 160 * ms},
		{"Signal=5\r\nDuration=160", '5', 160 * ms},
		{"Signal= 5\r\nDuration= 100\r\n", '5', 100 * ms}, // Mitel
		{"Signal = #\r\nDuration = 100\r\n", '#', 100 * ms},
		{" Signal=*\r\n Duration=100\r\n", '*', 100 * ms},
		{"signal=a\nduration=90\n", 'A', 90 * ms},
		{"SIGNAL=D\rDURATION=90\r", 'D', 90 * ms},
		{"Signal=10\r\nDuration=250\r\n", '*', 250 * ms},
		{"Signal=11\r\nDuration=250\r\n", '#', 250 * ms},
		{"Signal=12\r\n", 'A', 250 * ms},
		{"Signal=15\r\n", 'D', 250 * ms},
		{"Signal=1\r\n", '1', 250 * ms},
		{"Duration=160\r\nSignal=0\r\n", '0', 160 * ms},
		{"\r\n\r\nSignal=7\r\n\r\n", '7', 250 * ms},
		{"Version=1\r\nSignal=7\r\nVolume=10\r\nDuration=x\r\n", '7', 250 * ms},
		{"Signal=\"8\"\r\n", '8', 250 * ms},
		{"d=3\r\n", '3', 250 * ms},
		{"5", '5', 250 * ms},
		{"5\r\n", '5', 250 * ms},
		{" # ", '#', 250 * ms},
		{"11", '#', 250 * ms},
		{"5\r\nDuration=80\r\n", '5', 80 * ms},
		{"Signal=4\r\nDuration=999999999\r\n", '4', longestDuration},
		{"", 0, 0},
		{"\r\n", 0, 0},
		{"Signal=\r\n", 0, 0},
		{"Signal=16\r\n", 0, 0}, // flash
		{"Signal=!\r\n", 0, 0},
		{"Signal=123\r\n", 0, 0},
		{"Signal=hello\r\n", 0, 0},
		{"Duration=100\r\n", 0, 0},
		{"hello", 0, 0},
		{"hello\r\n5\r\n", 0, 0},
		{"Signal=5" + strings.Repeat(" ", 600), 0, 0},
	} {
		got, err := ParseInfo([]byte(c.body))
		if c.key == 0 {
			if !errors.Is(err, ErrNotADigit) {
				t.Errorf("%q: %v, %v", c.body, got, err)
			}
			continue
		}
		if err != nil || got != (Digit{c.key, c.d}) {
			t.Errorf("%q: %c %v, %v", c.body, got.Key, got.Duration, err)
		}
	}
}

func TestInfoType(t *testing.T) {
	for name, want := range map[string]bool{
		"application/dtmf-relay":               true,
		"Application/DTMF-Relay":               true,
		"application/dtmf":                     true,
		"application/dtmf ; charset=utf-8":     true,
		"audio/telephone-event":                true,
		"application/media_control+xml":        false,
		"":                                     false,
		"application/dtmf-relay-not":           false,
		"text/plain; x=application/dtmf-relay": false,
	} {
		if got := InfoType(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// RT-8: a press that comes by both ways is one digit; presses of the same key stay apart.
func TestSame(t *testing.T) {
	const ms = time.Millisecond
	type report struct {
		at   time.Duration
		key  byte
		held time.Duration
		way  Way
		want bool
	}
	for name, reports := range map[string][]report{
		"event, then INFO":                   {{0, '1', 100 * ms, ByEvent, true}, {200 * ms, '1', 100 * ms, ByInfo, false}},
		"INFO, then event":                   {{0, '1', 100 * ms, ByInfo, true}, {250 * ms, '1', 100 * ms, ByEvent, false}},
		"INFO at the press of a long key":    {{0, '1', 250 * ms, ByInfo, true}, {2 * time.Second, '1', 2 * time.Second, ByEvent, false}},
		"other keys":                         {{0, '1', 100 * ms, ByInfo, true}, {50 * ms, '2', 100 * ms, ByEvent, true}},
		"long apart":                         {{0, '1', 100 * ms, ByInfo, true}, {time.Second, '1', 100 * ms, ByEvent, true}},
		"the same way is never joined":       {{0, '1', 100 * ms, ByEvent, true}, {150 * ms, '1', 100 * ms, ByEvent, true}},
		"two quick presses by both, in turn": {{0, '5', 80 * ms, ByEvent, true}, {10 * ms, '5', 80 * ms, ByInfo, false}, {160 * ms, '5', 80 * ms, ByEvent, true}, {170 * ms, '5', 80 * ms, ByInfo, false}},
		"two quick presses by both, batched": {{0, '5', 80 * ms, ByEvent, true}, {160 * ms, '5', 80 * ms, ByEvent, true}, {180 * ms, '5', 80 * ms, ByInfo, false}, {190 * ms, '5', 80 * ms, ByInfo, false}},
		"a third INFO is a press of its own": {{0, '5', 80 * ms, ByEvent, true}, {10 * ms, '5', 80 * ms, ByInfo, false}, {20 * ms, '5', 80 * ms, ByInfo, true}},
	} {
		var s Same
		for i, r := range reports {
			if got := s.New(time.Minute+r.at, Digit{r.key, r.held}, r.way); got != r.want {
				t.Errorf("%s: report %d: new %v", name, i, got)
			}
		}
	}
}
