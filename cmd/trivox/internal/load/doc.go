// Package load is `trivox load`: any number of callers against any SIP
// conference server, with a report of what they heard.
//
// Each caller sends 50 packets a second all the time, as desk phones do. One
// or two OS threads send for all callers, at absolute deadlines, the callers'
// phases spread evenly over the 20 ms; what is sent was encoded before. Arrivals are
// stamped by the kernel, so the sockets are read seldom and in batches.
package load
