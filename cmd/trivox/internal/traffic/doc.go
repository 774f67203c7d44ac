// Package traffic is `trivox load register` and `trivox load signal`: REGISTERs of many users, or calls without sound,
// at a given rate or as fast as the server answers, with a report of how many were done and how long they took.
//
// It speaks SIP over UDP with messages of its own making, so cheaply that it is not itself what limits: no stack, no
// dialog layer, one goroutine a socket. It is no phone: what a server may ask of one beyond digest authentication,
// retransmission and the route set it does not do.
package traffic
