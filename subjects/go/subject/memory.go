package main

import (
	"fmt"
	"syscall"
)

// Beyond the heaps: stacks, the runtime's own. Per worker, and of the process.
const (
	workerOverhead  = 16 << 10
	processOverhead = 16 << 20
)

// checkMemory refuses heaps for which there is no room: Go's runtime would end the process in many lines, or the kernel
// without one. How much garbage there may be in all with the collector off is returned.
func checkMemory(j *job) (garbageMost uint64, err error) {
	heaps, err := j.heapBytes()
	if err != nil {
		return 0, err
	}
	records := uint64(room(j.Workers, j.LinesPerRequest))*16 + uint64(j.Windows)*32 + workerOverhead
	asked := heaps + uint64(j.Workers)*records + processOverhead
	words := fmt.Sprintf("%d x %d private, %d shared, %d of records", j.Workers, j.PrivateBytes, j.SharedBytes, asked-heaps)
	available, source, known := availableBytes()
	if known && asked > available {
		return 0, fmt.Errorf("%d bytes asked (%s), %d available (%s); shrink private_bytes or shared_bytes",
			asked, words, available, source)
	}
	// What limits address space (ulimit -v) or refuses to overcommit says so now.
	trial, err := syscall.Mmap(-1, 0, int(asked), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return 0, fmt.Errorf("%d bytes asked (%s), mmap: %w; check ulimit -v and vm.overcommit_memory", asked, words, err)
	}
	if err := syscall.Munmap(trial); err != nil {
		return 0, fmt.Errorf("munmap: %w", err)
	}
	if !known {
		return 0, nil
	}
	// Half of what is left: the rest of the host needs some, too.
	return (available - asked) / 2, nil
}

// checkGarbage refuses what a run without a collector would need, where that is known in advance.
func checkGarbage(j *job, most uint64) error {
	if *j.Gogc >= 0 || j.GarbageBytes == 0 || most == 0 || j.Operations == nil {
		return nil
	}
	if each := most / uint64(j.Workers) / j.GarbageBytes; *j.Operations > each {
		return fmt.Errorf("gogc -1: %d workers x %d operations x %d bytes of garbage are never freed, %d bytes may be used; "+
			"at most %d operations, or let the collector run", j.Workers, *j.Operations, j.GarbageBytes, most, each)
	}
	return nil
}
