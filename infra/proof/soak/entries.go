package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// entry is one movement of a user's balance.
type entry struct {
	user, cents int
	credit      bool
}

// batchMost bounds the entries of a batch.
const batchMost = 10

// entries returns the entries of a posting. The same number always has the same
// ones: one entry, a payment to the next user in a circle, one with a fee, or a
// batch of one user's.
func (tr *traffic) entries(n int) []entry {
	r := rand.New(rand.NewPCG(tr.seed, uint64(n)))
	user, cents := r.IntN(users), 2+r.IntN(20_000)
	next, shop := (user+1)%users, (user+2)%users
	switch r.IntN(6) {
	case 0, 1:
		return []entry{{user, cents, false}, {next, cents, true}}
	case 2:
		fee := 1 + r.IntN(cents-1)
		return []entry{{user, cents, false}, {next, cents - fee, true}, {shop, fee, true}}
	case 3:
		batch := make([]entry, 2+r.IntN(batchMost-1))
		for i := range batch {
			batch[i] = entry{user, 1 + r.IntN(2_000), r.IntN(2) == 0}
		}
		return batch
	default:
		return []entry{{user, cents, r.IntN(2) == 0}}
	}
}

// event returns the event of a posting with the key n: a short body, or the long
// one of several entries.
func event(n int, entries []entry) []byte {
	texts := make([]string, len(entries))
	for i, e := range entries {
		kind := "debit"
		if e.credit {
			kind = "credit"
		}
		texts[i] = fmt.Sprintf(`{"userId":"%d","ammount":"%d.%02d","type":"%s"}`, e.user, e.cents/100, e.cents%100, kind)
	}
	body := texts[0]
	if len(entries) > 1 {
		body = `{"entries":[` + strings.Join(texts, ",") + `]}`
	}
	return fmt.Appendf(nil, `{"headers":{"Idempotent-Key":"%d"},"body":%s}`, n, body)
}

// outcome returns how many rows all postings have by their answers, and the
// cents that they brought in or took out.
func (tr *traffic) outcome() (rows, minted int) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for n, a := range tr.answers {
		if a.StatusCode != http.StatusCreated {
			rows++ // a declined one, as a whole
			continue
		}
		for _, e := range tr.entries(n) {
			rows++
			if minted += e.cents; !e.credit {
				minted -= 2 * e.cents
			}
		}
	}
	return rows, minted
}

// checkBooks notes what is wrong with the books: each posting has the rows that
// its answer says, the users have together what they began with and what was
// brought in, and every invariant holds. The error is that they can't be read.
func (tr *traffic) checkBooks(ctx context.Context, books *infratest.Books) error {
	rows, err := books.CountRows(ctx)
	if err != nil {
		return err
	}
	want, minted := tr.outcome()
	tr.expect(rows == want, "%d rows, and the answers to %d postings come to %d", rows, tr.postings(), want)
	sum := 0
	for user := range users {
		cents, err := balance(ctx, books, strconv.Itoa(user))
		if err != nil {
			return err
		}
		sum += cents - 100_00
	}
	tr.expect(sum == minted, "the users have %d cents more than at first, and %d were brought in", sum, minted)
	err = books.Check(ctx)
	if findings, ok := errors.AsType[infratest.Findings](err); ok {
		tr.expect(false, "%v", findings)
		return nil
	}
	return err
}

// balance returns a user's balance in cents.
func balance(ctx context.Context, books *infratest.Books, user string) (cents int, err error) {
	id, err := ledger.ParseUserID(user)
	if err != nil {
		return 0, err
	}
	funds, err := books.Ledger.Balance(ctx, id)
	if err != nil {
		return 0, err
	}
	whole, fraction, _ := strings.Cut(funds.Balance.String(), ".")
	return strconv.Atoi(whole + (fraction + "00")[:2])
}
