package cli

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var terminal bytes.Buffer
		p := showProgress(&terminal, true)
		time.Sleep(1100 * time.Millisecond) // no stage, no line
		p.Begin("transactions", 1000)
		for i, rows := range []int{0, 250, 500, 251} {
			p.Add(rows)
			if i == 1 {
				p.Note("%d wrong", 2)
			}
			time.Sleep(1100 * time.Millisecond)
		}
		p.Println(&terminal, "a row")
		p.Stop()
		assert.Equal(t, clearLine+"transactions: 1s"+
			clearLine+"transactions: [#######                       ] 250 of 1000, 6s left; 2 wrong"+
			clearLine+"transactions: [######################        ] 750 of 1000, 1s left; 2 wrong"+
			clearLine+"transactions: 1001, 4s; 2 wrong"+
			clearLine+"a row\n"+clearLine, terminal.String())
	})
}

func TestProgressElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := showProgress(&log, false)
		p.Begin("downloading", 0)
		time.Sleep(61 * time.Second)
		p.Println(&log, "a row")
		p.Begin("trying", 10)
		p.Add(5)
		time.Sleep(30 * time.Second)
		p.Stop()
		assert.Equal(t, "downloading: 30s\ndownloading: 1m0s\na row\ntrying: [###############               ] 5 of 10, 29s left\n", log.String())
	})
}

func TestZeroProgressTellsNobody(t *testing.T) {
	t.Parallel()
	var p Progress
	var out bytes.Buffer
	p.Begin("trying", 10)
	p.Add(1)
	p.Note("well")
	p.Println(&out, "a row")
	p.Stop()
	assert.Equal(t, "a row\n", out.String())
}
