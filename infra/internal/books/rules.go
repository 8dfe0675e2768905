package books

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"onewrite/infra"
	"onewrite/ledger"
)

// RuleTallies holds a tally for each user with rule changes.
type RuleTallies map[ledger.UserID]*RuleTally

// RuleTally collects one user's posted rule changes.
type RuleTally struct {
	Seen    bool // set by the caller once the user's balance was read
	changes []*ledger.RuleChange
}

// Add counts a row if it is a posted rule change.
func (t RuleTallies) Add(row ledger.Transaction) {
	if row.Kind() != ledger.RulesRow || row.Status != ledger.Posted {
		return
	}
	if t[row.UserID] == nil {
		t[row.UserID] = &RuleTally{}
	}
	t[row.UserID].changes = append(t[row.UserID].changes, row.Rules)
}

// Of returns a user's tally. If there is none, it returns an empty one without storing it.
func (t RuleTallies) Of(user ledger.UserID) *RuleTally {
	if found := t[user]; found != nil {
		return found
	}
	return &RuleTally{}
}

// Len returns the number of changes.
func (t *RuleTally) Len() int { return len(t.changes) }

// Rules applies the changes in the order of their numbers and returns the resulting rules.
// problem describes the first gap or contradiction between the changes, or is "".
func (t *RuleTally) Rules() (rules ledger.Rules, problem string) {
	slices.SortFunc(t.changes, func(a, b *ledger.RuleChange) int { return cmp.Compare(a.Number, b.Number) })
	for i, c := range t.changes {
		if c.Number != i+1 && problem == "" {
			problem = fmt.Sprintf("rule change %d is missing, or two have the same number", i+1)
		}
		if c.Debits != "" {
			rules.DebitsBlocked = c.Debits == ledger.Blocked
		}
		if c.Credits != "" {
			rules.CreditsBlocked = c.Credits == ledger.Blocked
		}
		if c.CreditLimit != nil {
			if !c.LimitBefore.Equal(rules.CreditLimit) && problem == "" {
				problem = fmt.Sprintf("rule change %d records a previous limit of %s, but the limit was %s", c.Number, c.LimitBefore, rules.CreditLimit)
			}
			rules.CreditLimit = *c.CreditLimit
		}
		rules.Changes = c.Number
	}
	return rules, problem
}

// maxLost limits the changes that [RuleTally.Lost] replaces. A restore loses fewer changes.
const maxLost = 100

// Lost returns replacements for the missing changes; counted is the balance's number of
// changes. Each replacement blocks debits and credits, because the lost change may have
// done so. If a known change starts from another limit than the known change before it set,
// a lost change between the two set that limit. A limit is never less than the amount in
// use. So if the last known limit is less than inUse, the last lost change after it is
// taken to have set inUse.
//
// If more than maxLost changes are missing, a number is damaged. Lost then returns the
// problem and no changes.
func (t *RuleTally) Lost(counted int, inUse Sum) (lost []ledger.RuleChange, problem string) {
	byNumber := map[int]*ledger.RuleChange{}
	for _, c := range t.changes {
		byNumber[c.Number] = c
		counted = max(counted, c.Number)
	}
	if missing := counted - len(byNumber); missing > maxLost {
		return nil, fmt.Sprintf("%d rule changes are missing, more than a restore loses: rule_changes in the balance or rule_change in a row is damaged", missing)
	}
	var limit ledger.Balance
	since := 0 // lost[since:] are the lost changes after the last known limit
	for n := 1; n <= counted; n++ {
		switch c := byNumber[n]; {
		case c == nil:
			lost = append(lost, ledger.RuleChange{Debits: ledger.Blocked, Credits: ledger.Blocked, Number: n})
		case c.CreditLimit != nil:
			if since < len(lost) && !c.LimitBefore.Equal(limit) {
				lost[since].CreditLimit, lost[since].LimitBefore = &c.LimitBefore, limit
			}
			limit, since = *c.CreditLimit, len(lost)
		}
	}
	if since < len(lost) && inUse.Exceeds(SumOf(limit)) {
		if least, err := ledger.ParseCreditLimit(inUse.String()); err == nil {
			last := &lost[len(lost)-1]
			last.CreditLimit, last.LimitBefore = &least, limit
		}
	}
	return lost, ""
}

// Judge compares the changes with a balance that was read after them. floor is the number
// of changes that the balance already counted before they were read. Each change has its
// own number, so if the counts are equal, the changes are the same.
func (t *RuleTally) Judge(floor int, after infra.Aggregate) Verdict {
	rules, problem := t.Rules()
	return judge(len(t.changes), floor, after.Changes, problem == "" && sameRules(rules, after.Rules))
}

func sameRules(r, q ledger.Rules) bool {
	return r.DebitsBlocked == q.DebitsBlocked && r.CreditsBlocked == q.CreditsBlocked && r.CreditLimit.Equal(q.CreditLimit) && r.Changes == q.Changes
}

// Differs returns the finding that a user's rules differ from the rule changes.
func (t *RuleTally) Differs(user ledger.UserID, balance infra.Aggregate) Finding {
	rules, problem := t.Rules()
	if problem == "" {
		problem = fmt.Sprintf("the balance has %s, but the history has %s", DescribeRules(balance.Rules), DescribeRules(rules))
	}
	return Finding{UserID: user.String(), Kind: KindRules, Detail: problem}
}

// DescribeRules describes rules for people.
func DescribeRules(r ledger.Rules) string {
	text := Count(r.Changes, "rule change")
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

// LostRow returns the row to write for a change from [RuleTally.Lost].
func LostRow(user ledger.UserID, change ledger.RuleChange, now time.Time) ledger.Transaction {
	key, err := ledger.ParseIdempotencyKey(fmt.Sprintf("rebuild: in place of rule change %d", change.Number))
	if err != nil {
		panic(err) // cannot happen: the key is valid
	}
	return ledger.Transaction{
		ID: ledger.NewTransactionID(user, key), UserID: user, Status: ledger.Posted, CreatedAt: now.UTC().Truncate(time.Millisecond),
		IdempotencyKey: key, Rules: &change, PostedBy: ledger.NewCaller("rebuild"),
	}
}
