package sip

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	noon   = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	phoneA = netip.MustParseAddr("198.51.100.1")
	phoneB = netip.MustParseAddr("198.51.100.2")
)

func TestNonceValid(t *testing.T) {
	n := newNonces([]byte("key"), 10)
	nonce := n.issue(noon, [8]byte{1}, phoneA)
	six := n.issue(noon, [8]byte{1}, netip.MustParseAddr("2001:db8::1"))
	for _, tt := range []struct {
		name, nonce string
		after       time.Duration
		source      netip.Addr
		want        bool
	}{
		{"at once", nonce, 0, phoneA, true},
		{"mapped address", nonce, time.Minute, netip.MustParseAddr("::ffff:198.51.100.1"), true},
		{"at the end", nonce, nonceLife - 1, phoneA, true},
		{"too old", nonce, nonceLife, phoneA, false},
		{"of the future", nonce, -1, phoneA, false},
		{"given to another", nonce, 0, phoneB, false},
		{"same IPv6 network", six, 0, netip.MustParseAddr("2001:db8::2"), true},
		{"other IPv6 network", six, 0, netip.MustParseAddr("2001:db8:0:1::1"), false},
		{"empty", "", 0, phoneA, false},
		{"not base64", "!" + nonce[1:], 0, phoneA, false},
		{"too long", nonce + "AAAA", 0, phoneA, false},
		{"of another process", newNonces([]byte("other"), 10).issue(noon, [8]byte{1}, phoneA), 0, phoneA, false},
	} {
		if _, ok := n.valid(noon.Add(tt.after), tt.nonce, tt.source); ok != tt.want {
			t.Errorf("%s: valid %v", tt.name, ok)
		}
	}
	for i := range nonce { // no letter may be changed; the last one has bits that do not count
		c := "A"
		if nonce[i] == 'A' {
			c = "B"
		}
		if _, ok := n.valid(noon, nonce[:i]+c+nonce[i+1:], phoneA); ok && i < len(nonce)-1 {
			t.Errorf("valid with letter %d changed", i)
		}
	}
	if strings.ContainsAny(nonce, `"\ `) {
		t.Errorf("nonce %q has to be escaped", nonce)
	}
}

// Each count is taken once: like a set of all that were used, but for those far below the highest. (RG-5)
func TestNonceCounts(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 3))
		n := newNonces([]byte("key"), 10)
		id, _ := n.valid(noon, n.issue(noon, [8]byte{byte(seed)}, phoneA), phoneA)
		used, highest := map[uint32]bool{}, uint32(0)
		for range 500 {
			count := uint32(max(1, int(highest)+r.IntN(90)-80))
			if r.IntN(50) == 0 {
				count = highest + uint32(r.IntN(200))
			}
			want := !used[count] && (len(used) == 0 || count > highest || highest-count < nonceAhead)
			if got := n.use(id, count); got != want {
				t.Fatalf("seed %d: count %d, highest %d: %v, want %v", seed, count, highest, got, want)
			}
			if want {
				used[count] = true
				highest = max(highest, count)
			}
		}
	}
}

// A nonce that had to be forgotten is taken no more, for nobody knows its counts; newer ones are. (STYLE 16)
func TestNoncesAreBounded(t *testing.T) {
	const most = 50
	n := newNonces([]byte("key"), most)
	var ids []nonceID
	for i := range 10 * most {
		at := noon.Add(time.Duration(i) * time.Millisecond)
		id, _ := n.valid(at, n.issue(at, [8]byte{byte(i), byte(i >> 8)}, phoneA), phoneA)
		if !n.use(id, 1) {
			t.Fatalf("nonce %d is refused", i)
		}
		if n.len() > 2*most {
			t.Fatalf("%d nonces are kept", n.len())
		}
		ids = append(ids, id)
	}
	for i, id := range ids {
		if n.use(id, 1) {
			t.Fatalf("nonce %d was used twice", i)
		}
	}
	if n.use(ids[0], 2) {
		t.Error("a forgotten nonce is taken")
	}
	if !n.use(ids[len(ids)-1], 2) {
		t.Error("the newest nonce is not taken")
	}
}

func TestRecent(t *testing.T) {
	r := newRecent[int, string](3)
	for i := range 3 {
		r.set(i, "x")
	}
	if got := r.set(3, "x"); len(got) != 0 {
		t.Errorf("forgot %v", got)
	}
	if v, ok := r.get(0); !ok || v != "x" {
		t.Error("0 is gone too soon")
	}
	r.set(0, "y") // and is kept longer by it
	r.set(4, "x")
	got := r.set(5, "x")
	if len(got) != 2 {
		t.Errorf("forgot %v, want 1 and 2", got)
	}
	if v, ok := r.get(0); !ok || v != "y" {
		t.Error("0 was set again and is gone")
	}
	r.delete(0)
	if _, ok := r.get(0); ok || r.len() > 6 {
		t.Errorf("0 is there, %d entries", r.len())
	}
}
