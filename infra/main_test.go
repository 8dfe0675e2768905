package infra_test

import (
	"testing"

	"onewrite/infra/booktest"
)

func TestMain(m *testing.M) { booktest.Main(m) }
