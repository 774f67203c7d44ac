// Package sim plays conferences of many domains in virtual time: who has the
// floor, what crosses the network between the domains, what is lost.
//
// It runs the code that production runs: [loudness.Meter] measures, and
// [exchange.Server], with mixer.Select in it, chooses and withholds. What is
// made up is the world around them: conversations ([Conversation]), a network
// with delay, jitter, loss and partitions, slot clocks that are not aligned and
// drift, domains that crash. Everything follows from one seed; the same seed
// gives the same result to the last bit.
//
//   - [Plan]: how many domains and clients a capacity allows (P 7).
//   - [Floor]: one domain: who gets the floor, and who should.
//   - [RunWAN]: what the three policies send, and what it costs in speech.
//
// P 7 is section 7 of the paper named in package exchange. The package is pure:
// it opens nothing and reads no clock.
package sim
