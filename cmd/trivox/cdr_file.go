package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"trivox/cmd/trivox/internal/api"
	"trivox/cmd/trivox/internal/store"
)

// recordFile is cdr.file: one line of JSON for each record. The zero value has no file and takes nothing.
type recordFile struct {
	mu     sync.Mutex
	path   string
	file   *os.File
	failed bool // since the last line that was written
}

// open opens path, or closes the file when it is empty. A file that is open is opened anew: whoever rotates logs has
// moved it away. After an error all is as it was.
func (f *recordFile) open(path string) error {
	var next *os.File
	if path != "" {
		var err error
		if next, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600); err != nil {
			return fmt.Errorf("cdr.file %q: %w; name a file in a directory that this user may write", path, err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		_ = f.file.Close() // every line was written when it was added
	}
	f.path, f.file = path, next
	return nil
}

// name is the file's.
func (f *recordFile) name() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.path
}

// write adds a line; done is false when there is no file. The line goes in one piece, and survives the process.
func (f *recordFile) write(r store.Record) (done bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return false, nil
	}
	b, err := json.Marshal(apiRecord(r))
	if err != nil {
		return false, err
	}
	if _, err := f.file.Write(append(b, '\n')); err != nil {
		return false, err
	}
	f.failed = false
	return true, nil
}

// firstFailure tells, once, that lines fail.
func (f *recordFile) firstFailure() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := !f.failed
	f.failed = true
	return first
}

// apiRecord is a record as the API and cdr.file show it.
func apiRecord(r store.Record) api.Record {
	out := api.Record{
		ID: r.ID, CallID: r.Call, Room: r.Room, Kind: r.Kind, Direction: r.Direction, User: r.User, URI: r.URI, Display: r.Display,
		Transport: r.Network, Codec: r.Codec, Encryption: r.Encryption, Started: r.Started, Ended: r.Ended,
		Received: r.Received, Sent: r.Sent, Lost: r.Lost, Late: r.Late, JitterMS: r.JitterMS, DelayMS: r.DelayMS, RTTMS: r.RTTMS,
		RemoteLost: r.RemoteLost, MOS: r.MOS, Code: r.Code, Reason: r.Reason, EndedBy: r.EndedBy,
	}
	if r.Source.IsValid() {
		out.Source = r.Source.String()
	}
	if !r.Answered.IsZero() {
		out.Answered = &r.Answered
		out.Seconds = max(0, r.Ended.Sub(r.Answered).Seconds())
	}
	return out
}
