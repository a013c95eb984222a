package accountstest_test

import (
	"testing"

	"rostrum/accounts/accountstest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	accountstest.Run(t, func(*testing.T) accountstest.Ports { return &accountstest.Memory{} })
}
