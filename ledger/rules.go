package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// Permission allows or blocks the debits or credits of an account. It is stored and sent as
// this string.
type Permission string

// Blocked debits include new holds. A block does not stop captures, voids or releases of
// the account's own holds.
const (
	Blocked Permission = "blocked"
	Allowed Permission = "allowed"
)

// ParsePermission parses a permission in lower case. Anything else is an [*InvalidError].
func ParsePermission(s string) (Permission, error) {
	return oneOf("rules", `must be "blocked" or "allowed"`, s, Blocked, Allowed)
}

// Rules are an account's blocks and credit limit. Only [Ledger.ChangeRules] changes them.
type Rules struct {
	DebitsBlocked  bool
	CreditsBlocked bool
	CreditLimit    Balance // lent money, included in the account's balance
	Changes        int     // the number of changes so far
}

func (r Rules) block(t Type) bool {
	return t == Debit && r.DebitsBlocked || t == Credit && r.CreditsBlocked
}

// RuleChange is one change to an account's rules.
type RuleChange struct {
	Debits, Credits Permission // "" for no change
	CreditLimit     *Balance   // nil for no change

	// These fields are set only in rows, not in requests.
	LimitBefore Balance // the limit before the change, if CreditLimit is set
	Number      int     // 1 for the account's first change; 0 if declined
}

// Check returns an [*InvalidError] if the change is empty.
func (c RuleChange) Check() error {
	if c.Debits == "" && c.Credits == "" && c.CreditLimit == nil {
		return &InvalidError{"rules", "must have debits, credits or creditLimit"}
	}
	return nil
}

// lent returns how much the change adds to the balance, which includes the credit limit.
// The sum is negative for a lower limit.
func (c RuleChange) lent() (sum Sum) {
	if c.CreditLimit != nil {
		sum.d = minus(c.CreditLimit.d, c.LimitBefore.d)
	}
	return sum
}

// RulesRequest describes a change to an account's rules.
type RulesRequest struct {
	IdempotencyKey IdempotencyKey // rule changes and transactions share the user's keys
	UserID         UserID
	Change         RuleChange
	Metadata       Metadata
	PostedBy       Caller // the sender of this call, which may differ in a replay
}

// TransactionID returns the id of the request's row.
func (r RulesRequest) TransactionID() TransactionID {
	return NewTransactionID(r.UserID, r.IdempotencyKey)
}

// row returns the row that records the change; the parameter from has the old rules.
func (r RulesRequest) row(from Rules, now time.Time) Transaction {
	change := r.Change
	change.Number = from.Changes + 1
	if change.CreditLimit != nil {
		change.LimitBefore = Balance{plus(from.CreditLimit.d, decimal("0"))} // adding 0 gives it the exponent of a parsed balance
	}
	return Transaction{
		ID:             r.TransactionID(),
		UserID:         r.UserID,
		Rules:          &change,
		Status:         Posted,
		CreatedAt:      timeOf(now),
		IdempotencyKey: r.IdempotencyKey,
		Metadata:       r.Metadata,
		PostedBy:       r.PostedBy,
	}
}

// ChangeRules changes an account's rules and returns the change's row. Once it has
// returned, the ledger posts no entry that the new rules block. Sending the same request
// again changes nothing and returns the first result, with Replayed set. The error is
//   - a *[DeclinedError] if the balance did not allow the new credit limit, in this call or
//     in the first one with the key;
//   - a *[KeyReusedError] if an earlier call used the key for another change or for a
//     transaction;
//   - an [*InvalidError] if the change is empty;
//   - [ErrTryAgain] if the outcome is unknown or nothing was written;
//   - another error in case of a defect.
func (l *Ledger) ChangeRules(ctx context.Context, r RulesRequest) (Result, error) {
	return l.result(l.writeRules(ctx, r))
}

// maxRuleAttempts bounds the attempts for one change. Each refusal is caused by another
// change or by expired holds.
const maxRuleAttempts = 100

// writeRules writes a rule change or declines it, and returns its row as written. The write
// succeeds only if the rules have not changed since they were read.
func (l *Ledger) writeRules(ctx context.Context, r RulesRequest) (row Transaction, err error) {
	row.ID = r.TransactionID()
	if err := r.Change.Check(); err != nil {
		return row, err
	}
	account, err := l.store.Account(ctx, r.UserID)
	if err != nil {
		return row, err
	}
	for range maxRuleAttempts {
		now := l.now()
		row = r.row(account.Rules, now)
		p := row.ruling()
		err := l.store.Post(ctx, p)
		refused, ok := errors.AsType[*RefusedError](err)
		if !ok {
			return row, err
		}
		before, arrived := account.Rules, l.now()
		if account, ok = refused.Accounts[r.UserID]; !ok {
			return row, fmt.Errorf("store refused a change of rules without the account: %w", refused)
		}
		spendable, expired := account.Funds(arrived).Balance, account.expired(arrived)
		switch {
		case refused.ReadLater || account.Changes != before.Changes:
		case !p.Moves[0].Allows(spendable) && !account.expires(now, arrived):
			row.Status, row.BalanceSeen, row.Rules.Number = Declined, spendable, 0
			return row, l.store.Decline(ctx, row)
		case expired == nil:
			return row, fmt.Errorf("store refused a change of rules that the account allows: %w", refused)
		default: // only a release shows whether an expired hold was captured
			if err := l.release(ctx, r.UserID, expired, arrived); err != nil {
				return row, err
			}
		}
	}
	return row, ErrTryAgain
}

// ruling returns the posting for a rule change. A higher limit adds to the balance, which
// must stay within [MaxBalance]. A lower limit takes money from the balance.
func (t Transaction) ruling() Posting {
	m := Move{UserID: t.UserID, MaxBefore: HighestBalance(), Rules: t.Rules, Sum: t.Rules.lent()}
	switch m.Sum.d.Sign() {
	case -1:
		m.MinBefore.d = minus(apd.Decimal{}, m.Sum.d)
	case 1:
		m.MaxBefore.d = minus(maxBalance, m.Sum.d)
	}
	return Posting{Rows: []Transaction{t}, Moves: []Move{m}}
}

// addDifferences sets the field of the error for each member in which c and other differ.
func (c RuleChange) addDifferences(other RuleChange, to *KeyReusedError) {
	to.DebitsDiffer = c.Debits != other.Debits
	to.CreditsDiffer = c.Credits != other.Credits
	to.CreditLimitDiffers = (c.CreditLimit == nil) != (other.CreditLimit == nil) ||
		c.CreditLimit != nil && !c.CreditLimit.Equal(*other.CreditLimit)
}
