package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/api"
	"trivox/cmd/trivox/internal/phone"
	"trivox/cmd/trivox/internal/store"
	"trivox/cmd/trivox/internal/store/storetest"
	"trivox/media/codec"
)

// serveOn starts a server of example.test whose users, registrations and records are in a database.
func serveOn(t *testing.T, c store.Config) *domain {
	t.Helper()
	return &domain{server: serve(t, fmt.Sprintf("domains = [\"example.test\"]\ndata = %q\ndatabase = %q\n", c.Data, c.Database))}
}

// account opens a phone of a user, with the password of the tests.
func account(t *testing.T, user string) *phone.Agent {
	t.Helper()
	a, err := phone.Open(phone.Config{Local: netip.MustParseAddrPort("127.0.0.1:0"), User: user + "@example.test", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// register registers a phone for an hour. An answer other than 200 is an error.
func (d *domain) register(ctx context.Context, a *phone.Agent, user string) error {
	res, err := a.Register(ctx, "sip:"+d.sip().String(), "sip:"+user+"@example.test", time.Hour)
	if err == nil && res.StatusCode != 200 {
		err = fmt.Errorf("REGISTER of %s got %d %s", user, res.StatusCode, res.Reason)
	}
	return err
}

// call calls a room, in which nothing is said.
func (d *domain) call(ctx context.Context, a *phone.Agent, room string) (*phone.Dialog, error) {
	return a.Dial(ctx, phone.Call{URI: d.room(room), Offer: offer(netip.AddrPortFrom(a.Addr().Addr(), 9), codec.PCMU, 1, "inactive")})
}

// hangUp ends a call by a BYE that is answered with 200.
func hangUp(ctx context.Context, call *phone.Dialog) error {
	err := call.Bye(ctx, "")
	if end := call.End(); err == nil && end.ByPeer {
		err = fmt.Errorf("the server had ended it: %d %s", end.Code, end.Text)
	}
	return err
}

// contact is what a phone of a user registers.
func contact(a *phone.Agent, user string) string { return "sip:" + user + "@" + a.Addr().String() }

// fetch reads what the API answers.
func (d *domain) fetch(path string, into any) {
	d.t.Helper()
	status, body := d.ask(http.MethodGet, path, "")
	if err := json.Unmarshal([]byte(body), into); err != nil || status != http.StatusOK {
		d.t.Fatalf("%s: %d %v %s", path, status, err, body)
	}
}

// kept is what the server has in its database: the user of each contact that is registered, and the record of each Call-ID.
func (d *domain) kept() (contacts map[string]string, records map[string]api.Record) {
	d.t.Helper()
	var registered struct{ Registrations []api.Registration }
	var ended struct{ Records []api.Record }
	d.fetch("/v1/registrations?limit=10000", &registered)
	d.fetch("/v1/records?limit=1000", &ended)
	contacts, records = map[string]string{}, map[string]api.Record{}
	for _, r := range registered.Registrations {
		contacts[r.Contact] = r.User
	}
	for _, r := range ended.Records {
		records[r.CallID] = r
	}
	return contacts, records
}

// A user who was added from outside registers and calls, and there is a record of it, whatever the database.
func TestEachDatabase(t *testing.T) {
	t.Parallel()
	storetest.EachDurable(t, func(t *testing.T, c store.Config) {
		d := serveOn(t, c)
		d.user("anna")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		a := account(t, "anna")
		if err := d.register(ctx, a, "anna"); err != nil {
			t.Fatal(err)
		}
		call, err := d.call(ctx, a, "tea")
		if err != nil {
			t.Fatal(err)
		}
		if err := hangUp(ctx, call); err != nil {
			t.Error(err)
		}
		contacts, records := d.kept()
		if len(contacts) != 1 || contacts[contact(a, "anna")] != "anna@example.test" {
			t.Errorf("registered: %v", contacts)
		}
		if r := records[call.CallID()]; len(records) != 1 || r.User != "anna@example.test" || r.Room != "tea" || r.EndedBy != "caller" {
			t.Errorf("records: %+v", records)
		}
	})
}

// deed is what a server has to remember once it has answered it.
type deed struct {
	what string
	do   func(ctx context.Context) error // nil when it was answered with 200
	kept func(contacts map[string]string, records map[string]api.Record) bool
}

// killAmid does deeds, 50 at a time, and kills the server at the moment when half of them are answered. It gives how many
// had been begun, and those that were answered; answers that were on their way count.
func (d *domain) killAmid(ctx context.Context, deeds []deed) (begun int, answered []deed) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	killed := false
	next := func() (deed, bool) {
		mu.Lock()
		defer mu.Unlock()
		if killed || begun == len(deeds) {
			return deed{}, false
		}
		begun++
		return deeds[begun-1], true
	}
	note := func(one deed, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			if !killed {
				d.t.Errorf("%s: %v", one.what, err)
			}
			return
		}
		if answered = append(answered, one); len(answered) == len(deeds)/2 {
			killed = true
			d.signal(syscall.SIGKILL)
		}
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for one, ok := next(); ok; one, ok = next() {
				note(one, one.do(ctx))
			}
		})
	}
	d.ended.Do(func() { // in place of an orderly end
		select {
		case <-d.read:
			time.AfterFunc(time.Second, cancel) // what it sent before it died is here; the rest waits in vain
		case <-ctx.Done():
		}
	})
	all.Wait()
	return begun, answered
}

// Killed in the middle of 200 REGISTERs of 100 users and of the ends of 50 calls: whatever was answered with 200 is there
// when the server is started again, but for records that the log says were late.
func TestAnsweredSurvivesKill(t *testing.T) {
	t.Parallel()
	const users, registers, calls = 100, 200, 50
	storetest.EachDurable(t, func(t *testing.T, c store.Config) {
		addUsers(t, c, users)
		d := serveOn(t, c)
		ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
		defer cancel()
		var deeds []deed
		for i := range registers {
			user := fmt.Sprintf("user%d", i%users)
			a := account(t, user)
			deeds = append(deeds, deed{"REGISTER of " + contact(a, user), func(ctx context.Context) error { return d.register(ctx, a, user) },
				func(contacts map[string]string, _ map[string]api.Record) bool {
					return contacts[contact(a, user)] == user+"@example.test"
				}})
			if i%(registers/calls) > 0 {
				continue
			}
			call, err := d.call(ctx, a, "tea")
			if err != nil {
				t.Fatal(err)
			}
			deeds = append(deeds, deed{"BYE of " + call.CallID(), func(ctx context.Context) error { return hangUp(ctx, call) },
				func(_ map[string]string, records map[string]api.Record) bool {
					return records[call.CallID()].User == user+"@example.test"
				}})
		}
		begun, answered := d.killAmid(ctx, deeds)
		late := map[string]bool{} // a call ends all the same when the database takes longer than recordTime
		said, _ := d.events(func(e event) bool { return e["level"] == "ERROR" })
		for _, e := range said {
			if !e.is("a record is not in the database") {
				t.Errorf("the server that was killed had said %v", e)
			}
			late["BYE of "+e.text("call_id")] = true
		}
		contacts, records := serveOn(t, c).kept()
		ends := 0
		for _, one := range answered {
			if !one.kept(contacts, records) && !late[one.what] {
				t.Errorf("%s was answered, and is forgotten", one.what)
			}
			if strings.HasPrefix(one.what, "BYE") {
				ends++
			}
		}
		if ends < 5 || len(answered)-ends < 50 || len(answered) == begun {
			t.Errorf("%d were begun, %d answered, of them %d BYEs: that was not in the middle", begun, len(answered), ends)
		}
		t.Logf("%d REGISTERs and BYEs were begun, %d answered (%d of them BYE); %d contacts and %d records are there, %d records were late",
			begun, len(answered), ends, len(contacts), len(records), len(late))
	})
}

// addUsers puts user0, user1 and so on into a database.
func addUsers(t *testing.T, c store.Config, n int) {
	t.Helper()
	database, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := database.AddUser(t.Context(), fmt.Sprintf("user%d", i), "example.test", password); err != nil {
			t.Fatal(err)
		}
	}
	if err := database.Close(); err != nil {
		t.Fatal(err)
	}
}
