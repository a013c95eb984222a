//go:build !linux

package live

import "syscall"

// attributes: elsewhere a test that is ended by a time limit leaves its server behind.
func attributes() *syscall.SysProcAttr { return nil }
