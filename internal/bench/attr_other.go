//go:build !linux

package bench

import "syscall"

// apart: elsewhere Ctrl-C may end the server first, and its last counts are missing.
func apart() *syscall.SysProcAttr { return nil }
