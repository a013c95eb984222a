package gate_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Whatever was started has ended when the tests have: watchdogs, stand-ins.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
