// Package conference is the conference server (CS): it owns the legs of conferences and, every slot, receives
// their packets, chooses who is heard, mixes, encodes once per format and sends (DESIGN 3, 6 and 7).
//
// A Server runs workers. A worker is one OS thread that owns some conferences wholly: their sockets, meters,
// playouts and encoders. Nobody else touches these; signalling and the HTTP API send functions through the
// worker's bounded inbox. The worker never waits for anybody but the next slot, and allocates nothing while
// sound flows.
//
// A Leg is what signalling holds of one participant's call: it negotiates SDP and forwards what was agreed to
// the worker. Its line is the worker's half: RTP session, playout, meter, encoder.
package conference
