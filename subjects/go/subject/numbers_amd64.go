package main

import "syscall"

// Numbers of system calls. The syscall package's table for amd64 ends before getcpu: arch/x86/entry/syscalls/syscall_64.tbl.
const (
	sysGetcpu    = 309
	sysMovePages = syscall.SYS_MOVE_PAGES
)
