// Package loudness computes the loudness number, the figure by which a
// conference server decides who is heard.
//
// A participant's packets give one amplitude each (x, the RMS of the samples
// as a 16-bit fraction of full scale). A [Meter] remembers the amplitudes of
// the last few seconds, one per slot of 20 ms, and weighs three things: how
// loud the participant is now (the recent past), how loud he was just before
// (the distant past), and in what share of the last seconds he said anything
// at all (the activity horizon):
//
//	L1 = mean of x over the latest RecentPast slots
//	L2 = mean of x over the DistantPast slots before those
//	L3 = Theta * (share of the latest Horizon slots with x >= Theta)
//	lambda = a1*L1 + a2*L2 + a3*L3
//
// So a cough does not take the floor from somebody who is speaking, and
// somebody who speaks up and goes on speaking gets it. The method is that of
// Prasad, Hurni, Jamadagni and Shankar, "Deployment Issues of a VoIP
// Conferencing System in a Virtual Conferencing Environment" (ACM VRST 2003),
// section 6.2; it is cited as P 6.2.
//
// Three things are ours (DESIGN 5): a noise gate that follows each leg's own
// noise floor and acts on x, so that a fan is not a voice; a cap on x, so that
// a slammed door is not a speech; and the activity flag, true until Hang slots
// after the last sound above the gate, which ranks before the number.
//
// Two servers that are given the same amplitudes must get the same numbers on
// every processor, so all arithmetic here is on integers, with one floor
// division at the end. A Meter does constant work per slot, never drifts
// (its sums are exact) and never allocates after [NewMeter].
//
// The package is pure: it opens nothing, reads no clock and logs nothing. A
// Meter belongs to one goroutine.
package loudness
