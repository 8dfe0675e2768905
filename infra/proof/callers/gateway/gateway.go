// Package gateway stands in for API Gateway in front of the ledger.
package gateway

import (
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
)

// Messages are the messages in an HTTP API's own answers, by status.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html
var Messages = map[int]string{
	http.StatusUnauthorized:          "Unauthorized",
	http.StatusForbidden:             "Forbidden",
	http.StatusNotFound:              "Not Found",
	http.StatusRequestEntityTooLarge: "Request Entity Too Large",
	http.StatusTooManyRequests:       "Too Many Requests",
	http.StatusInternalServerError:   "Internal Server Error",
	http.StatusBadGateway:            "Bad Gateway",
	http.StatusServiceUnavailable:    "Service Unavailable",
	http.StatusGatewayTimeout:        "Gateway Timeout",
}

// New returns a gateway that passes calls on to the ledger at this URL. If a path begins
// with a status, as in /429/transactions, the gateway sends its own answer with that
// status.
func New(ledger string) (http.Handler, error) {
	target, err := url.Parse(ledger)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", httputil.NewSingleHostReverseProxy(target))
	for status := range Messages {
		mux.HandleFunc("/"+strconv.Itoa(status)+"/", func(w http.ResponseWriter, _ *http.Request) { Answer(w, status) })
	}
	return mux, nil
}

// Answer sends API Gateway's own answer with this status.
func Answer(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Apigw-Requestid", "bxOpVjE1oAMEPNw=")
	if status == http.StatusUnauthorized {
		w.Header().Set("Www-Authenticate", "Bearer")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"message":"`+Messages[status]+`"}`)
}
