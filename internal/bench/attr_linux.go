package bench

import "syscall"

// apart: Ctrl-C at a terminal goes to a whole group, and the server must outlive what still reads it; but not this process.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
