package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	_ "embed"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"onewrite/handler"
	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

//go:embed prices.json
var pricesToday []byte

// prices are in dollars, of one region, on a date.
type prices struct {
	Region                 string   `json:"region"`
	Date                   string   `json:"date"`
	Sources                []string `json:"sources"`
	PerMillionWriteUnits   float64  `json:"perMillionWriteUnits"`
	PerMillionReadUnits    float64  `json:"perMillionReadUnits"`
	PerMillionInvocations  float64  `json:"perMillionInvocations"`
	PerGBSecond            float64  `json:"perGBSecond"` // of arm64
	PerMillionHTTPRequests float64  `json:"perMillionHTTPRequests"`
	PerGBLogged            float64  `json:"perGBLogged"`
	PerMillionTraces       float64  `json:"perMillionTraces"`
	MemoryMB               float64  `json:"memoryMB"`       // the function's, as in template.yaml
	BilledMs               float64  `json:"billedMs"`       // a call's; an assumption
	AccessLogBytes         int      `json:"accessLogBytes"` // a line's, at 20 bytes for each variable
	TracedShare            float64  `json:"tracedShare"`    // of the calls, by X-Ray's default rule
}

// readPrices reads a file of prices, or those of today.
func readPrices(path string) (p prices, err error) {
	text := pricesToday
	if path != "" {
		if text, err = os.ReadFile(path); err != nil {
			return p, err
		}
	}
	return p, json.Unmarshal(text, &p)
}

// bill is what a million calls with one outcome cost, in dollars.
type bill struct {
	Outcome string `json:"outcome"`
	units
	LogBytes int     `json:"logBytes"` // of a call, in both logs
	DynamoDB float64 `json:"dynamodb"`
	Lambda   float64 `json:"lambda"`
	HTTPAPI  float64 `json:"httpAPI"`
	Logs     float64 `json:"logs"` // and traces
	Total    float64 `json:"total"`
}

func (p prices) bill(outcome string, u units, logBytes int) bill {
	b := bill{
		Outcome:  outcome,
		units:    u,
		LogBytes: logBytes,
		DynamoDB: u.Writes*p.PerMillionWriteUnits + u.Reads*p.PerMillionReadUnits,
		Lambda:   p.PerMillionInvocations + 1e6*p.MemoryMB/1024*p.BilledMs/1000*p.PerGBSecond,
		HTTPAPI:  p.PerMillionHTTPRequests,
		Logs:     float64(logBytes)/1000*p.PerGBLogged + p.TracedShare*p.PerMillionTraces,
	}
	b.Total = b.DynamoDB + b.Lambda + b.HTTPAPI + b.Logs
	return b
}

// measureCost makes one call of every outcome, and bills what it takes.
func (sub *subject) measureCost(ctx context.Context, p prices) ([]bill, error) {
	log := &bytes.Buffer{}
	m := &meter{}
	client := infra.NewClient(sub.Config, func(o *dynamodb.Options) { m.client, o.HTTPClient = o.HTTPClient, m })
	till := &till{newHandler(infra.NewStore(client, sub.Config), log), m, log, p}

	var bills []bill
	for _, step := range sub.costSteps() {
		if step.before != nil {
			if err := step.before(ctx); err != nil {
				return nil, err
			}
		}
		for _, c := range step.postedBefore {
			if _, err := till.pay(ctx, outcome{name: step.name, status: "201"}, c); err != nil {
				return nil, err
			}
		}
		b, err := till.pay(ctx, outcome{name: step.name, status: step.status}, step.call)
		if err != nil {
			return nil, err
		}
		bills = append(bills, b)
	}
	return bills, nil
}

// costStep is a call to bill, after postings that are not.
type costStep struct {
	name, status string
	call         call
	postedBefore []call
	before       request // what else must be there; nil: nothing
}

// stepOf returns the step that makes an outcome with new names.
func (sub *subject) stepOf(o outcome) costStep {
	n := sub.names(fresh)
	step := costStep{name: o.name, status: o.status, call: o.call(n)}
	if o.before != nil {
		step.before = o.before(sub, n)
	}
	return step
}

// sale pays a seller and a fee.
func sale(n names) []infratest.Entry {
	return []infratest.Entry{
		entry(n.user, "debit", 10), entry(n.user+"-seller", "credit", 9), entry(n.user+"-fees", "credit", 1),
	}
}

// postings returns that many calls of a user, with keys of a format for their number.
func postings(user, key string, count int, post func(names) call) (calls []call) {
	for i := range count {
		calls = append(calls, post(names{user, fmt.Sprintf(key, 100+i)}))
	}
	return calls
}

func (sub *subject) costSteps() []costStep {
	number := sub.calls.Add(1)
	short := fmt.Sprintf("payer-%d", number)
	uuid := fmt.Sprintf("5f0c8a52-9d3e-4b71-8f26-%012d", number)
	longest := strings.Repeat("\U0001D11E", 127) + fmt.Sprint(number%10)
	payer := fmt.Sprintf("payroll-%d", number)
	pay := func(n names) call { return postEntries(n, append(credits(1)(n), payroll(49)(n)[1:]...)) }
	n := names{short, "key-0"}
	get := func(path, query string) call { return call{method: http.MethodGet, path: path, query: query} }
	history := func(user, limit string) call {
		return get("/transactions", url.Values{"userId": {user}, "limit": {limit}}.Encode())
	}
	return []costStep{
		{name: "posted", status: "201", call: posted.call(n)},
		{name: "posted, replayed", status: "201", call: posted.call(n)},
		{name: "key reused", status: "422", call: post(n, "credit", "2")},
		{name: "declined", status: "422", call: declined.call(names{short, "key-1"})},
		{name: "declined, replayed", status: "422", call: declined.call(names{short, "key-1"})},
		{name: "invalid", status: "400", call: post(n, "credit", "0")},
		{name: "balance read", status: "200", call: balance.call(n)},
		{name: "transaction read", status: "200", call: get("/transactions/"+n.id().String(), "")},
		{name: "history of 50, short names", status: "200", call: history(short, "50"), postedBefore: postings(short, "key-%d", 50, posted.call)},
		{name: "history of 50, UUIDs", status: "200", call: history(uuid, "50"), postedBefore: postings(uuid, "0c9f7d1e-3a44-4c58-b1e0-%012d", 50, posted.call)},
		{name: "history of 100, longest names", status: "200", call: history(longest, "100"), postedBefore: postings(longest, strings.Repeat("k", 252)+"%d", 100, posted.call)},
		sub.stepOf(transferred),
		sub.stepOf(postedAll("sale with a fee", sale)),
		sub.stepOf(postedAll("50 credits of one user", credits(50))),
		{name: "history of 50, of 50 entries", status: "200", call: history(payer, "50"), postedBefore: postings(payer, "pay-%d", 50, pay)},
		sub.stepOf(held),
		sub.stepOf(captured),
		sub.stepOf(voided),
		sub.stepOf(released(1)),
		sub.stepOf(released(ledger.MaxHolds)),
	}
}

// till is the ledger with meters on it.
type till struct {
	handler *handler.Handler
	meter   *meter
	log     *bytes.Buffer
	prices  prices
}

// pay makes a call that must have the outcome, and bills it.
func (t *till) pay(ctx context.Context, want outcome, c call) (bill, error) {
	t.meter.units = units{}
	t.log.Reset()
	answer, err := t.handler.Invoke(ctx, c.event())
	if err != nil {
		return bill{}, err
	}
	if err := want.check(answer); err != nil {
		return bill{}, err
	}
	return t.prices.bill(want.name, t.meter.units, t.log.Len()+t.prices.AccessLogBytes), nil
}
