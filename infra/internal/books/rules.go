package books

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"onewrite/infra"
	"onewrite/ledger"
)

// RuleTallies have the rule changes of each user with changes.
type RuleTallies map[ledger.UserID]*RuleTally

// RuleTally has one user's posted rule changes. A change takes 56 bytes.
type RuleTally struct {
	Seen    bool // for the caller: whether the user's balance was read
	changes []ruleChange
}

// ruleChange is what a tally needs from a row.
type ruleChange struct {
	number          int
	debits, credits ledger.Permission
	limit, before   *Sum // nil: no change
}

// Add counts a row, if it changed rules.
func (t RuleTallies) Add(row ledger.Transaction) {
	if row.Kind() != ledger.RulesRow || row.Status != ledger.Posted {
		return
	}
	if t[row.UserID] == nil {
		t[row.UserID] = &RuleTally{}
	}
	c := ruleChange{number: row.Rules.Number, debits: row.Rules.Debits, credits: row.Rules.Credits}
	if row.Rules.CreditLimit != nil {
		c.limit, c.before = new(SumOf(row.Rules.CreditLimit)), new(SumOf(row.Rules.LimitBefore))
	}
	t[row.UserID].changes = append(t[row.UserID].changes, c)
}

// Of returns a user's tally, or a new one.
func (t RuleTallies) Of(user ledger.UserID) *RuleTally {
	if found := t[user]; found != nil {
		return found
	}
	return &RuleTally{}
}

// Len returns how many changes there are.
func (t *RuleTally) Len() int { return len(t.changes) }

// Rules returns the rules that the changes make, in the order of their numbers, and the
// problem if they do not follow each other, or "".
func (t *RuleTally) Rules() (rules ledger.Rules, problem string) {
	slices.SortFunc(t.changes, func(a, b ruleChange) int { return cmp.Compare(a.number, b.number) })
	var limit Sum
	for i, c := range t.changes {
		if c.number != i+1 && problem == "" {
			problem = fmt.Sprintf("change %d of the rules is missing, or another has its number", i+1)
		}
		if c.debits != "" {
			rules.DebitsBlocked = c.debits == ledger.Blocked
		}
		if c.credits != "" {
			rules.CreditsBlocked = c.credits == ledger.Blocked
		}
		if c.limit != nil {
			if *c.before != limit && problem == "" {
				problem = fmt.Sprintf("change %d of the rules has a limit of %s before it, and it was %s", c.number, c.before, limit)
			}
			limit = *c.limit
		}
		rules.Changes = c.number
	}
	rules.CreditLimit = limitOf(limit)
	return rules, problem
}

// maxLost is more changes than a restore can lose for one user.
const maxLost = 100

// Lost returns changes in place of the missing ones, up to the number that a balance
// counts. Each blocks debits and credits, because the lost change may have done so. If
// the next limit does not follow the one before, a lost change set the limit between
// them. A limit is never less than the amount in use, so a lost change after the last
// limit set at least that.
//
// A restore loses few changes. If more than maxLost are missing, a number is damaged:
// then Lost returns the problem and no change.
func (t *RuleTally) Lost(counted int, inUse Sum) (lost []ledger.RuleChange, problem string) {
	byNumber := map[int]ruleChange{}
	for _, c := range t.changes {
		byNumber[c.number] = c
		counted = max(counted, c.number)
	}
	if missing := counted - len(byNumber); missing > maxLost {
		return nil, fmt.Sprintf("%d changes of the rules are missing, more than a restore loses: rule_changes of the balance or rule_change of a row is damaged", missing)
	}
	var limit Sum
	last := 0 // the number of the last known limit
	for n := 1; n <= counted; n++ {
		if c, ok := byNumber[n]; ok {
			if c.limit != nil {
				limit, last = *c.limit, n
			}
			continue
		}
		change := ledger.RuleChange{Debits: ledger.Blocked, Credits: ledger.Blocked, Number: n}
		for next := n + 1; next <= counted; next++ {
			if c := byNumber[next]; c.limit != nil {
				if *c.before != limit {
					change.CreditLimit, change.LimitBefore = new(limitOf(*c.before)), limitOf(limit)
					limit = *c.before
				}
				break
			}
		}
		lost = append(lost, change)
	}
	if i := len(lost) - 1; i >= 0 && lost[i].Number > last && inUse.Exceeds(limit) && !inUse.Exceeds(SumOf(ledger.MaxCreditLimit())) {
		lost[i].CreditLimit, lost[i].LimitBefore = new(limitOf(inUse)), limitOf(limit)
	}
	return lost, ""
}

func limitOf(s Sum) ledger.Balance {
	limit, err := ledger.ParseCreditLimit(s.String())
	if err != nil {
		panic(fmt.Sprintf("books: no limit is %s: %v", s, err))
	}
	return limit
}

// Judge compares the changes with a balance's rules, which were read after them. The
// changes include, at least, the first floor ones. Every change has its own number, so
// equal rules have the same changes.
func (t *RuleTally) Judge(floor int, after infra.Aggregate) Verdict {
	rules, problem := t.Rules()
	switch {
	case t.Len() > after.Changes, t.Len() < floor:
		return Wrong
	case t.Len() < after.Changes:
		return Open
	case problem == "" && sameRules(rules, after.Rules):
		return Right
	default:
		return Wrong
	}
}

func sameRules(r, q ledger.Rules) bool {
	return r.DebitsBlocked == q.DebitsBlocked && r.CreditsBlocked == q.CreditsBlocked && r.CreditLimit.Equal(q.CreditLimit) && r.Changes == q.Changes
}

// Differs returns the finding that a user's rules differ from the changes.
func (t *RuleTally) Differs(user ledger.UserID, balance infra.Aggregate) Finding {
	rules, problem := t.Rules()
	if problem == "" {
		problem = fmt.Sprintf("the balance has %s, and the changes make it %s", DescribeRules(balance.Rules), DescribeRules(rules))
	}
	return Finding{UserID: user.String(), Kind: KindRules, Detail: problem}
}

// DescribeRules describes rules for a person.
func DescribeRules(r ledger.Rules) string {
	text := Count(r.Changes, "change") + " of rules"
	if r.DebitsBlocked {
		text += ", debits blocked"
	}
	if r.CreditsBlocked {
		text += ", credits blocked"
	}
	if !r.CreditLimit.IsZero() {
		text += fmt.Sprintf(", a credit limit of %s", r.CreditLimit)
	}
	return text
}

// LostRow returns a row for a change that [RuleTally.Lost] returned.
func LostRow(user ledger.UserID, change ledger.RuleChange, now time.Time) ledger.Transaction {
	key, err := ledger.ParseIdempotencyKey(fmt.Sprintf("rebuild: in place of rule change %d", change.Number))
	if err != nil {
		panic(err) // it is a valid key
	}
	return ledger.Transaction{
		ID: ledger.NewTransactionID(user, key), UserID: user, Status: ledger.Posted, CreatedAt: now.UTC().Truncate(time.Millisecond),
		IdempotencyKey: key, Rules: &change, PostedBy: ledger.NewCaller("rebuild"),
	}
}
