package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"onewrite/ledger"
)

// An outcome is a way in which a call can end, with its floor: the bare
// requests to DynamoDB that it can't do without.
type outcome struct {
	name   string
	status string
	call   func(names) call
	floor  func(*floor, names) request
	before func(*subject, names) request // makes what the call needs; nil: nothing
}

// check tells whether an event's answer is the outcome's.
func (o outcome) check(answer []byte) error {
	status, isAnswer := bytes.CutPrefix(answer, []byte(`{"statusCode":`))
	if !isAnswer || string(status[:3]) != o.status {
		return fmt.Errorf("%s: answered %s", o.name, answer)
	}
	return nil
}

// request is prepared: calling it is all that is measured.
type request func(context.Context) error

// names are the user of a call and its key.
type names struct{ user, key string }

func (n names) id() ledger.TransactionID {
	user, err := ledger.ParseUserID(n.user)
	if err != nil {
		panic(err) // our own names
	}
	key, err := ledger.ParseIdempotencyKey(n.key)
	if err != nil {
		panic(err)
	}
	return ledger.NewTransactionID(user, key)
}

// beyond is an amount that no balance here reaches.
const beyond = "1000000"

var (
	balance = outcome{"balance", "200",
		func(n names) call { return call{method: http.MethodGet, path: "/balance", query: "userId=" + n.user} },
		func(f *floor, n names) request {
			return f.read(f.config.AggregateTable, item{"user_id": text(n.user)})
		}, nil}
	posted = outcome{"posted", "201",
		func(n names) call { return post(n, "credit", "1") },
		func(f *floor, n names) request { return f.write(n, "credit", "1") }, nil}
	replayed = outcome{"replayed", "201", posted.call,
		func(f *floor, n names) request { return refused(posted.floor(f, n)) },
		func(sub *subject, n names) request { return sub.overEvents(posted, n) }}
	declined = outcome{"declined", "422",
		func(n names) call { return post(n, "debit", beyond) },
		func(f *floor, n names) request {
			account := f.read(f.config.AggregateTable, item{"user_id": text(n.user)}) // it has no row
			return oneAfterOther(refused(f.write(n, "debit", beyond)), account, f.put(n, "debit", beyond))
		}, nil}
	outcomes = []outcome{balance, posted, replayed, declined}
)

// call is what a caller sends.
type call struct{ method, path, query, key, body string }

// post makes a posting of one entry.
func post(n names, kind, amount string) call {
	return postBody(n, entryBody(n.user, kind, amount, ""))
}

// entryBody returns an entry as a body has it, with more members or none.
func entryBody(user, kind, amount, more string) string {
	return fmt.Sprintf(`{"userId":%q,"ammount":%q,"type":%q%s}`, user, amount, kind, more)
}

func postBody(n names, body string) call {
	return call{method: http.MethodPost, path: "/transactions", key: n.key, body: body}
}

// event returns the call as an HTTP API sends it that checks callers by IAM.
func (c call) event() []byte {
	type object = map[string]any
	headers := object{
		"accept":            "*/*",
		"accept-encoding":   "gzip, deflate, br",
		"content-length":    fmt.Sprint(len(c.body)),
		"content-type":      "application/json",
		"host":              "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
		"user-agent":        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		"x-amzn-trace-id":   "Root=1-6921a0b8-0123456789abcdef01234567",
		"x-forwarded-for":   "192.0.2.1",
		"x-forwarded-port":  "443",
		"x-forwarded-proto": "https",
	}
	if c.key != "" {
		headers["idempotent-key"] = c.key
	}
	e := object{
		"version": "2.0", "routeKey": c.method + " " + c.path,
		"rawPath": c.path, "rawQueryString": c.query, "headers": headers,
		"requestContext": object{
			"accountId": "123456789012", "apiId": "a1b2c3d4e5", "stage": "$default",
			"domainName": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
			"requestId":  "JKJaXmPLvHcESHA=", "time": "22/Nov/2026:12:00:00 +0000", "timeEpoch": 1795348800000,
			"authorizer": object{"iam": object{
				"accessKey": "AKIAIOSFODNN7EXAMPLE", "accountId": "123456789012", "callerId": "AIDACKCEVSQ6C2EXAMPLE",
				"cognitoIdentity": nil, "principalOrgId": "aws:PrincipalOrgID",
				"userArn": "arn:aws:iam::123456789012:user/caller", "userId": "AIDACKCEVSQ6C2EXAMPLE",
			}},
			"http": object{"method": c.method, "path": c.path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
		},
		"isBase64Encoded": false,
	}
	if c.body != "" {
		e["body"] = c.body
	}
	payload, err := json.Marshal(e)
	if err != nil {
		panic(err) // our own types
	}
	return payload
}
