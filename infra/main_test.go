package infra_test

import (
	"testing"

	"onewrite/infra/infratest"
)

func TestMain(m *testing.M) { infratest.Main(m) }
