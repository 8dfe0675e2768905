package soak

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

// entry is one change to a user's balance.
type entry struct {
	user, cents int
	credit      bool
}

// posting is a key's use.
type posting struct {
	entries   []entry
	expiresIn int // seconds that it is pending; 0 if it is not
}

// batchMost bounds a batch's entries.
const batchMost = 10

// posting returns the posting with a number, always the same one: one entry, a payment to the next
// user in a circle, one with a fee, a batch for one user, a hold, or a payment on hold. Holds last
// for a second or two, so that many expire.
func (tr *traffic) posting(n int) posting {
	r := rand.New(rand.NewPCG(tr.seed, uint64(n)))
	user, cents := r.IntN(users), 2+r.IntN(20_000)
	next, shop := (user+1)%users, (user+2)%users
	payment := []entry{{user, cents, false}, {next, cents, true}}
	switch r.IntN(8) {
	case 0, 1:
		return posting{entries: payment}
	case 2:
		fee := 1 + r.IntN(cents-1)
		return posting{entries: []entry{{user, cents, false}, {next, cents - fee, true}, {shop, fee, true}}}
	case 3:
		batch := make([]entry, 2+r.IntN(batchMost-1))
		for i := range batch {
			batch[i] = entry{user, 1 + r.IntN(2_000), r.IntN(2) == 0}
		}
		return posting{entries: batch}
	case 4:
		return posting{payment[:1], 1 + r.IntN(2)}
	case 5:
		return posting{payment, 1 + r.IntN(2)}
	default:
		return posting{entries: []entry{{user, cents, r.IntN(2) == 0}}}
	}
}

// event returns the event for a posting with the key n: a short body, or the long one with several
// entries.
func (p posting) event(n int) []byte {
	texts := make([]string, len(p.entries))
	for i, e := range p.entries {
		kind := "debit"
		if e.credit {
			kind = "credit"
		}
		texts[i] = fmt.Sprintf(`{"userId":"%d","ammount":"%s","type":"%s"}`, e.user, dollars(e.cents), kind)
	}
	body := texts[0]
	if len(texts) > 1 {
		body = `{"entries":[` + strings.Join(texts, ",") + `]}`
	}
	if p.expiresIn > 0 {
		body = fmt.Sprintf(`%s,"expiresIn":%d}`, strings.TrimSuffix(body, "}"), p.expiresIn)
	}
	return fmt.Appendf(nil, `{"headers":{"Idempotent-Key":"%d"},"body":%s}`, n, body)
}

func dollars(cents int) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

// outcome returns how many rows all postings have by their answers and their holds' ends, and the
// cents that they brought in or took out.
func (tr *traffic) outcome(ctx context.Context, books *infratest.Books) (rows, minted int, err error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for n, a := range tr.answers {
		p := tr.posting(n)
		switch {
		case a.StatusCode == 0: // too many holds, to the end
		case a.StatusCode != http.StatusCreated:
			rows++ // a decline, as a whole
		case p.expiresIn > 0:
			ended, captured, err := tr.ended(ctx, books, n)
			if err != nil {
				return 0, 0, err
			}
			rows += 1 + ended
			if minted -= captured; captured > 0 && len(p.entries) > 1 {
				rows++
				minted += captured
			}
		default:
			for _, e := range p.entries {
				rows++
				if minted += e.cents; !e.credit {
					minted -= 2 * e.cents
				}
			}
		}
	}
	return rows, minted, nil
}

// checkBooks fails the test if a posting's rows don't match its answer, or if the users together
// have another sum, holds included, than their opening balances and the money brought in. It
// returns an error if it can't read the books.
func (tr *traffic) checkBooks(ctx context.Context, books *infratest.Books) error {
	rows, err := books.CountRows(ctx)
	if err != nil {
		return err
	}
	want, minted, err := tr.outcome(ctx, books)
	if err != nil {
		return err
	}
	tr.expect(rows == want, "%d rows, and the answers to %d postings come to %d", rows, tr.postings(), want)
	sum := 0
	for user := range users {
		cents, err := money(ctx, books, strconv.Itoa(user))
		if err != nil {
			return err
		}
		sum += cents - 100_00
	}
	tr.expect(sum == minted, "the users have %d cents more than at first, and %d were brought in", sum, minted)
	return nil
}

// money returns a user's balance and held money, in cents.
func money(ctx context.Context, books *infratest.Books, user string) (sum int, err error) {
	id, err := ledger.ParseUserID(user)
	if err != nil {
		return 0, err
	}
	funds, err := books.Ledger.Balance(ctx, id)
	if err != nil {
		return 0, err
	}
	balance, balanceErr := cents(funds.Balance)
	held, heldErr := cents(funds.Held)
	return balance + held, errors.Join(balanceErr, heldErr)
}

// cents returns a dollar sum in cents.
func cents(sum fmt.Stringer) (int, error) {
	whole, fraction, _ := strings.Cut(sum.String(), ".")
	return strconv.Atoi(whole + (fraction + "00")[:2])
}
