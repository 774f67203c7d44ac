package media

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// realtimePriority is above every ordinary thread and below those that the kernel itself runs so (50).
const realtimePriority = 10

// Realtime asks that the calling thread, which must be locked to its goroutine, run before ordinary ones
// (SCHED_FIFO): of a machine that is busy, the sound is late last. It needs CAP_SYS_NICE or a limit RLIMIT_RTPRIO;
// without it the error says so, and the thread goes on as it was. Threads that it starts are ordinary.
func Realtime() error {
	a := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: realtimePriority, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	if err := unix.SchedSetAttr(0, &a, 0); err != nil {
		return fmt.Errorf("media: no real-time priority: %w (give CAP_SYS_NICE, or LimitRTPRIO=%d)", err, realtimePriority)
	}
	return nil
}
