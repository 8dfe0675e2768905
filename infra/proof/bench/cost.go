package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"

	_ "embed"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"onewrite/infra"
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
	MemoryMB               float64  `json:"memoryMB"` // the function's, as in template.yaml
	BilledMs               float64  `json:"billedMs"` // a call's; an assumption
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
	DynamoDB float64 `json:"dynamodb"`
	Lambda   float64 `json:"lambda"`
	HTTPAPI  float64 `json:"httpAPI"`
	Total    float64 `json:"total"`
}

func (p prices) bill(outcome string, u units) bill {
	b := bill{
		Outcome:  outcome,
		units:    u,
		DynamoDB: u.Writes*p.PerMillionWriteUnits + u.Reads*p.PerMillionReadUnits,
		Lambda:   p.PerMillionInvocations + 1e6*p.MemoryMB/1024*p.BilledMs/1000*p.PerGBSecond,
		HTTPAPI:  p.PerMillionHTTPRequests,
	}
	b.Total = b.DynamoDB + b.Lambda + b.HTTPAPI
	return b
}

// measureCost makes one call of every outcome, and bills its requests.
func (sub *subject) measureCost(ctx context.Context, p prices) ([]bill, error) {
	m := &meter{}
	client := infra.NewClient(sub.Config, func(o *dynamodb.Options) { m.client, o.HTTPClient = o.HTTPClient, m })
	h := newHandler(infra.NewStore(client, sub.Config), io.Discard)
	user := fmt.Sprintf("payer-%d", sub.calls.Add(1))
	get := func(path, query string) call { return call{method: http.MethodGet, path: path, query: query} }
	key := func(i int) names { return names{user, fmt.Sprintf("key-%d", i)} }
	reused := post(key(0), "credit", "2")
	var bills []bill
	for _, step := range []struct {
		name, status string
		call         call
	}{
		{"posted", "201", posted.call(key(0))},
		{"posted, replayed", "201", posted.call(key(0))},
		{"key reused", "422", reused},
		{"declined", "422", declined.call(key(1))},
		{"declined, replayed", "422", declined.call(key(1))},
		{"balance read", "200", balance.call(key(0))},
		{"transaction read", "200", get("/transactions/"+key(0).id(), "")},
		{"history of 50 read", "200", get("/transactions", "userId="+user)},
	} {
		if step.call.path == "/transactions" && step.call.method == http.MethodGet {
			for i := range 48 { // two rows are there
				if err := sub.overEvents(posted, key(2+i))(ctx); err != nil {
					return nil, err
				}
			}
		}
		m.units = units{}
		answer, err := h.Invoke(ctx, step.call.event())
		if err != nil {
			return nil, err
		}
		if err := (outcome{name: step.name, status: step.status}).check(answer); err != nil {
			return nil, err
		}
		bills = append(bills, p.bill(step.name, m.units))
	}
	return bills, nil
}
