package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// onHold are outcomes of calls that open and end holds.
var onHold = []outcome{held, captured, voided, released(1), released(ledger.MaxHolds)}

// heldFor is how long a hold is open.
const heldFor = time.Hour

var (
	held = outcome{"hold", "201",
		func(n names) call {
			return postBody(n, entryBody(n.user, "debit", "1", fmt.Sprintf(`,"expiresIn":%d`, int(heldFor.Seconds()))))
		},
		func(f *floor, n names) request { return f.hold(n) }, nil}
	captured = outcome{"capture", "200", endCall("/capture"),
		func(f *floor, n names) request { return f.end(n, "capture", "posted") },
		func(sub *subject, n names) request { return sub.overEvents(held, n) }}
	voided = outcome{"void", "200", endCall("/void"),
		func(f *floor, n names) request { return f.end(n, "void", "voided") }, captured.before}
)

// endCall ends the hold of the names.
func endCall(path string) func(names) call {
	return func(n names) call {
		return call{method: http.MethodPost, path: "/transactions/" + n.id().String() + path}
	}
}

// released debits all that a new user has, of which so many dollars are in holds
// that have expired.
func released(holds int) outcome {
	return outcome{fmt.Sprintf("debit, releases %d", holds), "201",
		func(n names) call { return post(n, "debit", "100") },
		func(f *floor, n names) request {
			return oneAfterOther(refused(f.write(n, "debit", "100")), f.release(n, holds))
		},
		func(sub *subject, n names) request {
			return func(ctx context.Context) error { return sub.holdLongAgo(ctx, n, holds) }
		}}
}

// expiring returns the names of a hold that has expired.
func (n names) expiring(i int) names { return names{n.user, fmt.Sprintf("%s-hold-%d", n.key, i)} }

// holdLongAgo opens that many holds of the user, which have expired since.
func (sub *subject) holdLongAgo(ctx context.Context, n names, holds int) error {
	longAgo := ledger.New(sub.Store, func() time.Time { return time.Now().Add(-2 * heldFor) })
	for i := range holds {
		r, err := infratest.NewRequest(n.user, n.expiring(i).key, ledger.Debit, "1")
		if err != nil {
			return err
		}
		r.ExpiresIn = heldFor
		if _, err := longAgo.Post(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// holdName returns the name that the open hold of a transaction has in its user's row.
func holdName(id ledger.TransactionID) string {
	return "hold:" + base64.RawURLEncoding.EncodeToString(id[:])
}

// hold makes the write of a hold.
func (f *floor) hold(n names) request {
	created, err := ledger.ParseTime(createdAt)
	if err != nil {
		panic(err) // our own time
	}
	expires := created.Add(heldFor)
	pending := row(n, "debit", "1", "pending", "")
	pending.ExpiresAt = ledger.FormatTime(expires)
	m := moveOf(n.user, "debit", "1", 1).orNew()
	m.rule = "(" + m.rule + ") AND (attribute_not_exists(holds) OR holds < :most)"
	m.update += ", #hold = :hold"
	m.names = map[string]string{"#hold": holdName(n.id())}
	m.numbers[":most"], m.numbers[":held"], m.numbers[":holds"] = strconv.Itoa(ledger.MaxHolds), "1", "1"
	m.opens = []string{"1", strconv.FormatInt(expires.UnixMilli(), 10)}
	return f.transact([]infratest.Row{pending}, m)
}

// end makes the read of a hold of a dollar, and the write that ends it.
func (f *floor) end(n names, kind, status string) request {
	end, back := endRow(n, kind, status), "1"
	if kind == "capture" {
		end.Held, back = "1", "0"
	}
	m := moveOf(n.user, "credit", back, 1)
	delete(m.numbers, ":headroom")
	m.rule = ""
	return oneAfterOther(
		f.read(f.config.TransactionsTable, item{"id": text(n.id().String())}),
		f.transact([]infratest.Row{end}, m.ending([]names{n})))
}

// endRow returns the row that ends a hold of a dollar.
func endRow(n names, kind, status string) infratest.Row {
	return infratest.Row{
		ID: n.id().End().String(), UserID: n.user, Ammount: "1", Type: kind, Status: status,
		CreatedAt: createdAt, TransactionID: n.id().String(),
	}
}

// release makes the write of a debit that releases holds.
func (f *floor) release(n names, holds int) request {
	var expired []names
	for i := range holds {
		expired = append(expired, n.expiring(i))
	}
	slices.SortFunc(expired, func(a, b names) int { return strings.Compare(a.id().String(), b.id().String()) })
	rows := []infratest.Row{row(n, "debit", "100", "posted", "")}
	for _, one := range expired {
		rows = append(rows, endRow(one, "expiry", "expired"))
	}
	m := moveOf(n.user, "debit", strconv.Itoa(100-holds), len(rows))
	return f.transact(rows, m.ending(expired))
}

// ending lets a move end holds of a dollar each, which must be open.
func (m move) ending(holds []names) move {
	rules, ended := []string{}, []string{}
	if m.rule != "" {
		rules = append(rules, m.rule)
	}
	m.names = map[string]string{}
	for i, n := range holds {
		name := fmt.Sprintf("#end%d", i)
		m.names[name] = holdName(n.id())
		rules, ended = append(rules, "attribute_exists("+name+")"), append(ended, name)
	}
	m.rule = strings.Join(rules, " AND ")
	m.update += " REMOVE " + strings.Join(ended, ", ")
	m.numbers[":held"] = strconv.Itoa(-len(holds))
	m.numbers[":holds"] = m.numbers[":held"]
	return m
}
