#!/bin/sh
# Makes the four WAVs again. Needs espeak-ng (1.51 made those here) and sox.
set -e
cd "$(dirname "$0")"
raw=$(mktemp --suffix=.wav)
trap 'rm -f "$raw"' EXIT

# say NAME VOICE PITCH WORDS-A-MINUTE GAIN-DB TEXT
say() {
	espeak-ng -v "$2" -p "$3" -s "$4" -w "$raw" "$6"
	sox -R "$raw" -c 1 -b 16 -r 16000 "$1.wav" gain "$5" rate highpass 80
}

say anna en-us+f2 70 175 -6.9 "Good morning, everybody, this is Anna. I have put the tea on the table, and the minutes of the last meeting lie next to it. Shall we begin with the budget, or with the weather?"
say boris en-gb+m3 25 165 -5 "Hello, Boris speaking, from the office by the harbour. The ships are late again today. I would like to talk about the new warehouse before we all run out of patience."
say clara en-gb-scotland+f4 90 170 -9.5 "And this is Clara, on a train. If you cannot hear me, wave your hands. I agree with nearly all of it, but seven boxes are three too many for one small car."
say david en-us+m7 50 165 -6 "David here. Numbers first: eleven, twenty two, thirty three, and ninety nine. Whoever finds the mistake in them may choose the restaurant tonight."
