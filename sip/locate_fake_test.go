package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// dns knows names as a test has them: "_sip._udp.example.com" leads to "10 60 5060 gw.example.com" (priority, weight, port, target; in
// the order in which they are to be tried), "gw.example.com" to addresses. "fails" in place of either is a server that does
// not answer. There is nothing else.
type dns map[string][]string

func (d dns) lookup(name string) ([]string, error) {
	found := d[strings.ToLower(strings.TrimSuffix(name, "."))]
	switch {
	case len(found) == 0:
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	case found[0] == "fails":
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	}
	return found, nil
}

func (d dns) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	found, err := d.lookup("_" + service + "._" + proto + "." + name)
	var records []*net.SRV
	for _, f := range found {
		records = append(records, readSRV(f))
	}
	return name, records, errors.Join(err, ctx.Err())
}

func (d dns) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	found, err := d.lookup(host)
	var addrs []netip.Addr
	for _, f := range found {
		addrs = append(addrs, netip.MustParseAddr(f))
	}
	return addrs, errors.Join(err, ctx.Err())
}

func readSRV(text string) *net.SRV {
	r := &net.SRV{}
	if _, err := fmt.Sscan(text, &r.Priority, &r.Weight, &r.Port, &r.Target); err != nil {
		panic(text + ": " + err.Error())
	}
	return r
}
