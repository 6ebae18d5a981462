package main

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

const prSetPdeathsig = 1

// dieWithParent asks for SIGKILL at the death of the parent's thread that started this process, and makes sure that it is
// still there: host::child does the same. The attribute is the calling thread's; main's thread lives as long as the process.
func dieWithParent(parent int) error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetPdeathsig, uintptr(syscall.SIGKILL), 0); errno != 0 {
		return fmt.Errorf("prctl PR_SET_PDEATHSIG: %w", errno)
	}
	if found := os.Getppid(); found != parent {
		return fmt.Errorf("parent is process %d, the job says %d: it has died meanwhile", found, parent)
	}
	return nil
}

// puReader asks which PU this M runs on.
type puReader struct{ pu uint32 }

// read calls the kernel past the scheduler: an M that waits for nothing keeps its P. -1 where the kernel refuses.
func (r *puReader) read() int32 {
	_, _, errno := syscall.RawSyscall(sysGetcpu, uintptr(unsafe.Pointer(&r.pu)), 0, 0)
	if errno != 0 {
		return unknown
	}
	return int32(r.pu)
}

// costNs is the median cost of one read.
func (r *puReader) costNs() float64 {
	const batches, calls = 9, 500
	var ns [batches]float64
	for batch := range ns {
		begun := time.Now()
		for call := 0; call < calls; call++ {
			r.read()
		}
		ns[batch] = float64(time.Since(begun).Nanoseconds()) / calls
	}
	sort.Float64s(ns[:])
	return ns[batches/2]
}

// usage is what the kernel counted of the whole process.
type usage struct {
	UserNs              int64 `json:"user_ns"`
	SystemNs            int64 `json:"system_ns"`
	MinorFaults         int64 `json:"minor_faults"`
	MajorFaults         int64 `json:"major_faults"`
	VoluntarySwitches   int64 `json:"voluntary_switches"`
	InvoluntarySwitches int64 `json:"involuntary_switches"`
}

func readUsage() (usage, error) {
	var raw syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &raw); err != nil {
		return usage{}, fmt.Errorf("getrusage: %w", err)
	}
	return usage{
		raw.Utime.Nano(), raw.Stime.Nano(), int64(raw.Minflt), int64(raw.Majflt), int64(raw.Nvcsw), int64(raw.Nivcsw),
	}, nil
}

func (u usage) since(before usage) usage {
	return usage{
		u.UserNs - before.UserNs, u.SystemNs - before.SystemNs, u.MinorFaults - before.MinorFaults,
		u.MajorFaults - before.MajorFaults, u.VoluntarySwitches - before.VoluntarySwitches,
		u.InvoluntarySwitches - before.InvoluntarySwitches,
	}
}

// availableBytes is what this process may still take, and who says so: the host, or a control group (v2) above it.
func availableBytes() (bytes uint64, source string, found bool) {
	if kib, ok := field("/proc/meminfo", "MemAvailable:"); ok {
		bytes, source, found = kib*1024, "MemAvailable", true
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return bytes, source, found
	}
	for _, line := range strings.Split(string(groups), "\n") {
		path, ok := cutPrefix(line, "0::")
		for ; ok && path != "" && path != "/"; path = path[:strings.LastIndexByte(path, '/')] {
			folder := "/sys/fs/cgroup" + path
			most, limited := number(folder + "/memory.max")
			now, known := number(folder + "/memory.current")
			if limited && known && (!found || most-least(now, most) < bytes) {
				bytes, source, found = most-least(now, most), folder+"/memory.max", true
			}
		}
	}
	return bytes, source, found
}

func least(a, b uint64) uint64 {
	if a < b {
		return a
	}
	return b
}

func cutPrefix(text, prefix string) (string, bool) {
	return strings.TrimPrefix(text, prefix), strings.HasPrefix(text, prefix)
}

func number(path string) (uint64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	found, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return found, err == nil
}

// field is the number behind a name in a file of the kernel's.
func field(path, name string) (uint64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		if len(words) >= 2 && words[0] == name {
			found, err := strconv.ParseUint(words[1], 10, 64)
			return found, err == nil
		}
	}
	return 0, false
}
