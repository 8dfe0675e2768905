package main

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

func TestCallLines(t *testing.T) {
	t.Parallel()
	books, _ := infratest.NewOnModel(t, dynamodbmodel.Moment{})
	var log bytes.Buffer
	h := handler.New(ledger.New(books.Store, time.Now), handler.NewLogger(callLines{&log}, "local", "local"), handler.Access{Authorization: handler.None})
	const moment = `\d\d:\d\d:\d\d  `
	for _, c := range []struct {
		method, target, key, body string
		fault                     faults.Fault
		want                      string
	}{
		{"GET", "/balance?userId=1", "", "", nil, moment + `200  GET /balance             read +\d+ ms  user "1"`},
		{"POST", "/transactions", "1", `{"userId":"1","ammount":"10","type":"credit"}`, nil, moment + `201  POST /transactions       posted +\d+ ms  user "1"`},
		{"POST", "/transactions", "2", `{"userId":"1","ammount":"10","type":"credit"}`, faults.Conflict, moment + `201  POST /transactions       posted +\d+ ms  user "1"  after 1 retries`},
		{"GET", "/nothing", "", "", nil, moment + `404  \(no route\)               \w+ +\d+ ms`},
		{"GET", "/balance?userId=1", "", "", faults.Exception(400, "ValidationException", "no such thing"),
			moment + `500  GET /balance             failed +\d+ ms  user "1"\n          .*no such thing`},
	} {
		log.Reset()
		if c.fault != nil {
			books.Network.Next(c.fault)
		}
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.target, strings.NewReader(c.body))
		if c.key != "" {
			r.Header.Set("Idempotent-Key", c.key)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		assert.Regexp(t, "^"+c.want+"\n$", log.String(), "%s %s", c.method, c.target)
	}

	log.Reset()
	n, err := callLines{&log}.Write([]byte("something else\n"))
	require.NoError(t, err)
	assert.Equal(t, 15, n)
	assert.Equal(t, "something else\n", log.String())
	_, err = callLines{broken{}}.Write([]byte(`{"status":200}`))
	assert.Error(t, err)
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken") }

// Only a character device, such as a terminal, gets short lines.
func TestCallLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	assert.Same(t, &log, callLog(&log))
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer file.Close()
	assert.Same(t, file, callLog(file))
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer device.Close()
	assert.Equal(t, callLines{device}, callLog(device))
}
