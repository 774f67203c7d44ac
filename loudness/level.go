package loudness

// FromLevel returns the amplitude of an audio level of RFC 6464, 3: -level
// dBov, 0 to 127. 127 is digital silence, 0. Higher bits are ignored (the top
// bit of that octet is the voice activity flag).
func FromLevel(level uint8) uint16 { return levels[level&0x7f] }

// levels is floor(65535 * 10^(-level/20)), as integers so that every server
// has the same.
var levels = [128]uint16{
	65535, 58408, 52056, 46395, 41349, 36853, 32845, 29273, 26089, 23252, 20723, 18470,
	16461, 14671, 13075, 11653, 10386, 9257, 8250, 7353, 6553, 5840, 5205, 4639,
	4134, 3685, 3284, 2927, 2608, 2325, 2072, 1847, 1646, 1467, 1307, 1165,
	1038, 925, 825, 735, 655, 584, 520, 463, 413, 368, 328, 292,
	260, 232, 207, 184, 164, 146, 130, 116, 103, 92, 82, 73,
	65, 58, 52, 46, 41, 36, 32, 29, 26, 23, 20, 18,
	16, 14, 13, 11, 10, 9, 8, 7, 6, 5, 5, 4,
	4, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 1,
	1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0,
}
