package main

import "syscall"

// Numbers of system calls.
const (
	sysGetcpu    = syscall.SYS_GETCPU
	sysMovePages = syscall.SYS_MOVE_PAGES
)
