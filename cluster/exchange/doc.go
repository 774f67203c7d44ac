// Package exchange decides, slot by slot, which streams a conference server
// sends to the other domains of a conference and which at most N_max streams
// (the set F) all of them hear.
//
// Every domain's master conference server runs one [Server]. In each slot it
// ranks its own streams (by activity, loudness number, SSRC: [mixer.Rank]) and
// takes the best N_max; a policy says which of those go out:
//
//   - [Full]: all of them (the paper's algorithm 1, P 6.4);
//   - [Pessimistic]: those that rank above LNT, and one more (algorithm 2, P 8.1);
//   - [Optimistic]: those that rank above LNT, and those that were in F a slot
//     ago (algorithm 3, P 8.2);
//
// where LNT is the lowest rank in the F of the slot before, the one that a
// newcomer has to beat. What was sent (DB1) and what came from others (DB2)
// together hold the best N_max of all, which are F. Nobody asks anybody: since
// all servers rank by the same numbers, they come to the same F once the news
// has travelled. The paper is Prasad, Hurni, Jamadagni and Shankar, "Deployment
// Issues of a VoIP Conferencing System in a Virtual Conferencing Environment"
// (ACM VRST 2003); P 8.1 cites its section 8.1. What is ours beside it (expiry,
// header-only packets, the factor 0.8, the rule for an F that is not full, the
// LNT told to a joiner) is from DESIGN 6.
//
// A server of a conference in one domain only is the same thing with nothing
// ever received: then a slot is one [mixer.Select] over its legs.
//
// The package is pure: slots are numbers that the caller counts, packets are
// values in and values out. Nothing allocates per slot. A Server belongs to one
// goroutine.
package exchange
