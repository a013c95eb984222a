//go:build !unix

package standinkafka

import "os"

// lock: elsewhere only the fixed port keeps a second process out.
func lock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
}
