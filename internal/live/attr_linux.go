package live

import "syscall"

// attributes make the kernel end a server whose test was ended without its clean-up, by a time limit for one.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
