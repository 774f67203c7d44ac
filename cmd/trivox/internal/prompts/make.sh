#!/bin/sh
# Makes the prompts again: "make prompts". Needs espeak-ng (1.51 made those here) and sox.
set -e
cd "$(dirname "$0")"
raw=$(mktemp --suffix=.wav)
cut=$(mktemp --suffix=.wav)
trap 'rm -f "$raw" "$cut"' EXIT

# gain FILE: how many dB it is from -20 dBov of RMS.
gain() { sox "$1" -n stat 2>&1 | awk '/RMS.*amplitude/ { print -20 - 20*log($3)/log(10) }'; }

# say LANGUAGE VOICE NAME TEXT: 16 kHz, mono, 16 bit, at -20 dBov of RMS, without silence before and after.
say() {
	mkdir -p "$1"
	espeak-ng -v "$2" -p 45 -s 155 -w "$raw" "$4"
	sox -R "$raw" -c 1 -b 16 -r 16000 "$cut" gain -6 rate highpass 80 silence 1 0.01 0.2% reverse silence 1 0.01 0.2% reverse
	sox -R "$cut" "$raw" gain -l "$(gain "$cut")" # its peaks rounded off
	sox -R "$raw" "$1/$3.wav" gain "$(gain "$raw")"
}

en() { say en en-gb+f2 "$@"; }
de() { say de de+f2 "$@"; }

en enter-pin "Please enter your PIN, and then press the hash key."
en enter-pin-or-hash "If you are the host, enter your PIN, and then press the hash key. All others: just press the hash key."
en wrong-pin "This PIN is wrong."
en wait-host "The conference begins when the host is here. Please wait."
en not-open "The conference has not begun yet. Please call again later."
en locked "The conference is locked."
en full "The conference is full."
en goodbye "Goodbye."

de enter-pin "Bitte geben Sie Ihre Pinn ein, und drücken Sie dann die Rautetaste."
de enter-pin-or-hash "Als Gastgeber geben Sie bitte Ihre Pinn ein, und drücken dann die Rautetaste. Alle anderen drücken nur die Rautetaste."
de wrong-pin "Diese Pinn ist falsch."
de wait-host "Die Konferenz beginnt, sobald der Gastgeber da ist. Bitte warten Sie."
de not-open "Die Konferenz hat noch nicht begonnen. Bitte rufen Sie später wieder an."
de locked "Die Konferenz ist gesperrt."
de full "Die Konferenz ist voll."
de goodbye "Auf Wiederhören."
