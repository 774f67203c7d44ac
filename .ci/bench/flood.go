package main

import (
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// flooder is where the flood comes from: not where the load does.
const flooder = "127.0.0.2:0"

// flood sends INVITEs and REGISTERs with made-up proofs in turn, so many a second, until end is called, which tells on
// standard error how many they were and how many answers came.
func flood(rate float64) (end func(), err error) {
	from, err := net.ResolveUDPAddr("udp", flooder)
	if err != nil {
		return nil, err
	}
	to, err := net.ResolveUDPAddr("udp", signalAddress)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialUDP("udp", from, to)
	if err != nil {
		return nil, fmt.Errorf("flood: %w", err)
	}
	var running sync.WaitGroup
	over := make(chan struct{})
	sent, heard, began := 0, 0, time.Now()
	running.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case now := <-tick.C:
				for due := int(rate * now.Sub(began).Seconds()); sent < due; sent++ {
					_, _ = conn.Write(forged(conn.LocalAddr(), sent)) // what the kernel does not take is not missed
				}
			}
		}
	})
	running.Go(func() {
		for buf := make([]byte, 65536); ; heard++ {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	})
	return func() {
		close(over)
		took := time.Since(began).Seconds()
		_ = conn.Close()
		running.Wait()
		fmt.Fprintf(os.Stderr, "note: the flood was %.0f requests a second for %.0f s, and had %d answers, repetitions included\n", float64(sent)/took, took, heard)
	}, nil
}

// forged is request n of the flood.
func forged(at net.Addr, n int) []byte {
	method, uri := "INVITE", "sip:room@"+signalDomain
	if n%2 == 1 {
		method, uri = "REGISTER", "sip:"+signalDomain
	}
	user := fmt.Sprintf("load%d", 1+n%1000)
	return fmt.Appendf(nil, "%[1]s %[2]s SIP/2.0\r\nVia: SIP/2.0/UDP %[3]s;branch=z9hG4bKflood%[5]d;rport\r\nFrom: <sip:%[4]s@%[6]s>;tag=%[5]d\r\n"+
		"To: <sip:%[4]s@%[6]s>\r\nCall-ID: flood-%[5]d\r\nCSeq: 1 %[1]s\r\nMax-Forwards: 70\r\nContact: <sip:%[4]s@%[3]s>\r\n"+
		"Authorization: Digest username=\"%[4]s\", realm=\"%[6]s\", nonce=\"%[5]d\", uri=\"%[2]s\", algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"x\", response=\"%064[5]d\"\r\n"+
		"Content-Length: 0\r\n\r\n", method, uri, at, user, n, signalDomain)
}
