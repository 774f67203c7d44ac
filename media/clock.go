package media

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epoch joins Go's monotonic clock to the kernel's: Now is read by Go, without a system call, and
// SleepUntil tells the kernel a CLOCK_MONOTONIC time. It never changes after it is made.
var epoch = newEpoch()

type clockEpoch struct {
	started time.Time
	kernel  time.Duration // CLOCK_MONOTONIC at started
}

// newEpoch reads both clocks several times and keeps the closest pair.
func newEpoch() clockEpoch {
	var best clockEpoch
	narrow := time.Duration(1<<63 - 1)
	for range 5 {
		before := time.Now()
		kernel := readClock(unix.CLOCK_MONOTONIC)
		if width := time.Since(before); width < narrow {
			narrow = width
			best = clockEpoch{started: before.Add(width / 2), kernel: kernel}
		}
	}
	return best
}

func readClock(id int32) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		panic("media: the kernel has no clock " + err.Error()) // cannot fail for the clocks we read
	}
	return time.Duration(ts.Nano())
}

// Now is the time since an arbitrary epoch, by CLOCK_MONOTONIC. It does not allocate.
func Now() time.Duration { return epoch.kernel + time.Since(epoch.started) }

// SleepUntil returns at d, a time of Now, or at once when d has passed. The thread sleeps in the
// kernel to an absolute deadline, so that lateness does not add up; lock the thread to have one
// of its own. It tells the Go scheduler that it blocks: collection goes on meanwhile.
func SleepUntil(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	for {
		_, _, e := syscall.Syscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME,
			uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
		if e != syscall.EINTR {
			return
		}
	}
}

// Wall is the wall-clock time at which Now was zero, as of this moment. A Session's reports use it
// as their NTP time (SessionConfig.Epoch), a Stamps to place the kernel's receive times.
func Wall() time.Time { return time.Now().Add(-Now()) }

// oldestStamp bounds how long a packet may have lain in a socket: an older stamp means that the
// wall clock was set meanwhile.
const oldestStamp = 2 * time.Second

// Stamps turns the receive times of SO_TIMESTAMPNS, which are wall-clock times, into times of Now.
type Stamps struct {
	now    time.Duration
	offset int64 // wall clock minus Now, ns
}

// ReadStamps reads both clocks; read again for every sweep, because the wall clock may be set.
func ReadStamps() Stamps {
	now := Now()
	return Stamps{now: now, offset: time.Now().UnixNano() - int64(now)}
}

// Arrival is the time of Now at which the kernel took a packet in. A stamp of 0 (none), of the
// future or of more than two seconds ago is the time at which the stamps were read.
func (s Stamps) Arrival(stamp int64) time.Duration {
	d := time.Duration(stamp - s.offset)
	if stamp == 0 || d > s.now || d < s.now-oldestStamp {
		return s.now
	}
	return d
}
