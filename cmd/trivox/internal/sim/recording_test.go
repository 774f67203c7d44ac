package sim

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"trivox/cluster/sim"
)

// DESIGN 11, conversation, on recorded speech: what cluster/sim tests with made-up voices.
func TestConversationFiguresOnRecordings(t *testing.T) {
	f := sim.DefaultFloor()
	f.Trials, f.Minutes = 200, 1
	var err error
	if f.Speech, err = recordings("../../../../examples/speech"); err != nil {
		t.Fatal(err)
	}
	c := sim.Floor(f).Contests[0]
	if c.Method != sim.ByNumber {
		t.Fatalf("the first method is %q", c.Method)
	}
	for _, v := range []struct {
		what      string
		has, most time.Duration
	}{
		{"equal interrupter, median", c.Equal.Percentile(0.5), 1500 * time.Millisecond},
		{"equal interrupter, 80 %", c.Equal.Percentile(0.8), 2 * time.Second},
		{"6 dB louder, 80 %", c.Louder.Percentile(0.8), 600 * time.Millisecond},
		{"who stopped gives way", c.GivesWay.Percentile(1), 400 * time.Millisecond},
		{"free floor", c.Free.Percentile(1), sim.Slot},
	} {
		t.Logf("%s: %v", v.what, v.has)
		if v.has > v.most || v.has <= 0 {
			t.Errorf("%s: %v, want %v at most", v.what, v.has, v.most)
		}
	}
	if c.Burst != 0 {
		t.Errorf("%.1f %% of bursts took a speaker's floor", 100*c.Burst)
	}
}

func TestRecordings(t *testing.T) {
	if all, err := recordings(""); all != nil || err != nil {
		t.Errorf("no folder: %v, %v", all, err)
	}
	all, err := recordings("../../../../examples/speech")
	if err != nil || len(all) != 4 {
		t.Fatalf("%d recordings: %v", len(all), err)
	}
	for i, x := range all {
		if d := time.Duration(len(x)) * sim.Slot; d < 9*time.Second || d > 11*time.Second {
			t.Errorf("recording %d lasts %v", i, d)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.wav"), []byte("no sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := recordings(dir); err == nil {
		t.Error("a file that is no sound was read")
	}
}
