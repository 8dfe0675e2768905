package exhaustive_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// call is one call to the ledger.
type call struct {
	name string
	post *ledger.Request // or an end, of the request's hold
	hold *ledger.Request
	end  ledger.End
	take string // a capture's amount; "" is all

	refund *ledger.Request // the refunded transaction's, under a key, in parts or as a whole
	key    string
	parts  []string

	change *ledger.RulesRequest // to rules

	after error // the error if the caller's previous call was answered
	never error // an error that is always wrong
}

// make makes the call.
func (c call) make(ctx context.Context, t *testing.T, l *ledger.Ledger) told {
	if c.post != nil {
		result, err := l.Post(ctx, *c.post)
		return told{result, err}
	}
	if c.change != nil {
		result, err := l.ChangeRules(ctx, *c.change)
		return told{result, err}
	}
	if c.refund != nil {
		o, err := l.Original(ctx, c.refund.TransactionID())
		if err != nil {
			return told{err: err}
		}
		result, err := l.Post(ctx, infratest.Refund(t, o, c.key, c.parts...))
		return told{result, err}
	}
	r := ledger.EndRequest{TransactionID: c.hold.TransactionID()}
	if c.end == ledger.Void {
		result, err := l.Void(ctx, r)
		return told{result, err}
	}
	var amount ledger.Amount
	if c.take != "" {
		var err error
		amount, err = ledger.ParseAmount(c.take)
		assert.NoError(t, err)
	}
	result, err := l.Capture(ctx, r, amount)
	return told{result, err}
}

// told is the answer that a caller received.
type told struct {
	result ledger.Result
	err    error
}

// unknown reports whether the caller received no outcome.
func (o told) unknown() bool { return errors.Is(o.err, ledger.ErrTryAgain) }

// outcome returns the part of an answer that must stay the same forever, or "" for answers that
// store nothing and leave the key unused.
func (o told) outcome(t *testing.T) string {
	declined, isDeclined := errors.AsType[*ledger.DeclinedError](o.err)
	ended, isEnded := errors.AsType[*ledger.HoldEndedError](o.err)
	switch {
	case o.err == nil:
		tx := o.result.Transaction
		return string(tx.Status) + " " + tx.Captured.String() + " " + ledger.FormatTime(tx.CreatedAt)
	case isDeclined:
		tx := declined.Result.Transaction
		return "declined on " + tx.BalanceSeen.String() + " " + ledger.FormatTime(tx.CreatedAt)
	case isEnded:
		return "ended by " + string(ended.End.End) + " of " + ended.End.Amount.String()
	case errors.Is(o.err, ledger.ErrKeyReused):
		return "reused"
	case errors.Is(o.err, ledger.ErrRefundLimit): // the rest never grows
		return "at the limit"
	case errors.Is(o.err, ledger.ErrTooManyHolds), errors.Is(o.err, ledger.ErrBalanceLimit),
		errors.Is(o.err, ledger.ErrNotRefundable), errors.Is(o.err, ledger.ErrAccountBlocked):
		return ""
	}
	require.NoError(t, o.err, "a defect")
	return ""
}

// holdFor is how long the scenarios' holds last.
const holdFor = time.Minute

func posts(t *testing.T, key string, entries ...string) call {
	r := infratest.Entries(t, key, entries...)
	return call{name: key, post: &r}
}

func holds(t *testing.T, key string, entries ...string) call {
	c := posts(t, key, entries...)
	c.post.ExpiresIn = holdFor
	return c
}

func refunds(of call, key string, parts ...string) call {
	return call{name: fmt.Sprintf("refund %s of %q of %s", key, parts, of.name), refund: of.post, key: key, parts: parts}
}

func ends(hold call, end ledger.End, take string) call {
	return call{name: string(end) + " " + take + " of " + hold.name, hold: hold.post, end: end, take: take}
}

func changes(t *testing.T, user, key string, rules ...string) call {
	r := infratest.Rules(t, user, key, rules...)
	return call{name: key, change: &r}
}

// concerns reports whether another call ends this hold, or is its replay.
func (c call) concerns(other call) bool {
	return other.hold == c.post || other.post == c.post
}
