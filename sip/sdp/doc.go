// Package sdp makes and judges session descriptions: the offer/answer model
// of RFC 3264 for a server that takes part with one audio stream in a call.
//
// Everything here is pure. [Answer] takes the bytes of an offer and what we
// are willing to do and gives the bytes of the answer and what was agreed;
// [Offer] and [Accept] are the same for the other direction. No address is
// resolved, no socket opened and no clock read.
//
// Lines are parsed by this package and not by pion/sdp, whose v3.0.20 refuses
// a whole description for a missing last line end, for lines out of order,
// for an unknown line, media, profile or network type and for a missing s= or
// t= line. Phones send the first three, and RFC 3264, 6 wants the others
// refused stream by stream.
package sdp
