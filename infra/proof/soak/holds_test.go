package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// end is a call to end a posting's hold.
type end struct {
	n     int
	kind  ledger.End
	cents int // for a capture: the sum, or 0 for all
}

const (
	lately = 20 // the last postings, whose holds are ended
	tries  = 10 // to find a hold among them
)

// endHold ends a hold from the last postings, which others may end, too.
func (tr *traffic) endHold(ctx context.Context, r *rand.Rand) {
	for range tries {
		all := tr.postings()
		n := max(0, all-1-r.IntN(lately))
		p := tr.posting(n)
		if p.expiresIn == 0 || tr.answerTo(n).StatusCode != http.StatusCreated {
			continue
		}
		kinds := []end{{n, ledger.Capture, 0}, {n, ledger.Capture, p.entries[0].cents / 2}, {n, ledger.Void, 0}}
		tr.end(ctx, kinds[r.IntN(len(kinds))])
		return
	}
}

// answerTo returns the first answer to a posting.
func (tr *traffic) answerTo(n int) answer {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if n >= len(tr.answers) {
		return answer{}
	}
	return tr.answers[n]
}

// end makes a call to end a hold, perhaps not for the first time. Its answer is always the same.
func (tr *traffic) end(ctx context.Context, e end) {
	body := "{}"
	if e.cents > 0 {
		body = fmt.Sprintf(`{"ammount":"%s"}`, dollars(e.cents))
	}
	tr.ask(e)
	id, err := tr.posting(e.n).id(e.n)
	tr.expect(err == nil, "posting %d has no id: %v", e.n, err)
	got, ok := tr.insist(ctx, fmt.Appendf(nil, `{"httpMethod":"POST","path":"/transactions/%s/%s","body":%s}`, id, e.kind, body))
	if !ok {
		return
	}
	tr.expect(got.StatusCode == http.StatusOK || strings.Contains(got.Body, "/problems/hold-ended"),
		"%s of %d is answered %d %s", e.kind, e.n, got.StatusCode, got.Body)
	if got.Headers["Idempotent-Replayed"] == "true" {
		tr.replays.Add(1)
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.ends[e].StatusCode == 0 {
		tr.ends[e] = got
	}
	first := tr.ends[e]
	tr.expect(first.StatusCode == got.StatusCode && first.Body == got.Body,
		"%s of %d was answered %d %s, and then %d %s", e.kind, e.n, first.StatusCode, first.Body, got.StatusCode, got.Body)
}

// ask notes a call, answered or not.
func (tr *traffic) ask(e end) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.ends == nil {
		tr.ends = map[end]answer{}
	}
	if _, known := tr.ends[e]; !known {
		tr.ends[e] = answer{}
	}
}

// id returns a posting's id, for the key n.
func (p posting) id(n int) (ledger.TransactionID, error) {
	user, userErr := ledger.ParseUserID(fmt.Sprint(p.entries[0].user))
	key, keyErr := ledger.ParseIdempotencyKey(fmt.Sprint(n))
	return ledger.NewTransactionID(user, key), errors.Join(userErr, keyErr)
}

// asked returns all calls to end a hold.
func (tr *traffic) asked() (all []end) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for e := range tr.ends {
		all = append(all, e)
	}
	return all
}

// ended returns how often a hold has ended and the captured sum. It fails the test unless the
// stored end is the only one that callers received, or an expiry that no caller asked for. The
// caller holds the lock.
func (tr *traffic) ended(ctx context.Context, books *infratest.Books, n int) (ends, captured int, err error) {
	p := tr.posting(n)
	id, err := p.id(n)
	if err != nil {
		return 0, 0, err
	}
	row, err := books.Store.Transaction(ctx, id.End())
	if errors.Is(err, ledger.ErrNotFound) {
		row, err = ledger.Transaction{}, nil
	}
	if err != nil {
		return 0, 0, err
	}
	if row.End != "" {
		ends = 1
	}
	if row.End == ledger.Capture {
		if captured, err = cents(row.Amount); err != nil {
			return 0, 0, err
		}
	}
	held, answered := p.entries[0].cents, 0
	for _, e := range []end{{n, ledger.Capture, 0}, {n, ledger.Capture, held / 2}, {n, ledger.Void, 0}} {
		if tr.ends[e].StatusCode != http.StatusOK {
			continue
		}
		answered++
		want := e.cents
		if e.kind == ledger.Capture && want == 0 {
			want = held
		}
		tr.expect(row.End == e.kind && captured == want, "the hold of %d ended by %s of %d cents, and was answered %s of %d", n, row.End, captured, e.kind, want)
	}
	tr.expect(answered == 1 || answered == 0 && (row.End == "" || row.End == ledger.Expiry),
		"the hold of %d ended by %q, and %d ends were answered", n, row.End, answered)
	if tr.held == nil {
		tr.held = map[ledger.End]int{}
	}
	tr.held[row.End]++
	return ends, captured, nil
}

// holds reports how the holds ended that checkBooks has seen.
func (tr *traffic) holds() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	h := tr.held
	return fmt.Sprintf("%d holds captured, %d voided, %d expired and ended so, %d not ended",
		h[ledger.Capture], h[ledger.Void], h[ledger.Expiry], h[""])
}
