package conference

import (
	"context"
	"errors"
	"testing"
	"time"

	"trivox/media"
)

// Calls that were refused before anybody knew of their ports leave them free at once: the ports of a call that was
// answered rest, and a flood of offers that cannot be read must not put all of them to rest.
func TestRefusedCallsKeepNoPort(t *testing.T) {
	s, _ := live(t, nil)
	ports, err := media.NewPorts(20000, 59999, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s.ports = ports
	enter := func(offer string) error {
		l, err := s.Enter(context.Background(), request("tea"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.End(Cause{})
		_, err = l.Answer([]byte(offer))
		return err
	}
	free := ports.Free()
	for range 20 {
		if err := enter("v=garbage"); err == nil {
			t.Error("garbage was answered")
		}
	}
	if got := ports.Free(); got != free {
		t.Errorf("%d of %d pairs are free after calls that were refused", got, free)
	}
	if err := enter(string(offerOf(9, 0, "sendrecv"))); err != nil {
		t.Fatal(err)
	}
	l, err := s.Enter(context.Background(), request("tea"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Offer(); err != nil {
		t.Fatal(err)
	}
	l.End(Cause{})
	s.Close()
	if got := ports.Free(); got != free-2 {
		t.Errorf("%d of %d pairs are free after two calls whose ports were told", got, free)
	}
	if _, err := s.Enter(context.Background(), request("tea")); !errors.Is(err, ErrShuttingDown) {
		t.Error(err)
	}
}
