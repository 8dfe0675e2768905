package infratest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// Findings is the error that [Books.Check] returns if an invariant is broken.
type Findings []books.Finding

// Error returns the findings, one per line.
func (f Findings) Error() string {
	lines := []string{"the books are wrong:"}
	for _, one := range f {
		lines = append(lines, "  "+one.String())
	}
	return strings.Join(lines, "\n")
}

// Check reads both tables completely and checks every invariant. It returns [Findings] if one is
// broken, and another error if the tables can't be read.
//
// Package books adds up the rows, as it does for the audit. Check compares the sums with all
// accounts at once, so no ledger call may run at the same time. It also compares the rows with
// Answered.
func (b *Books) Check(ctx context.Context) error {
	transactions, err := scan(ctx, b.direct, b.opened.TransactionsTable)
	if err != nil {
		return err
	}
	accounts, err := scan(ctx, b.direct, b.opened.AggregateTable)
	if err != nil {
		return err
	}
	c := check{
		settings: b.opened.Settings,
		fold:     books.NewFold(b.opened.Settings, books.Everything),
		rows:     map[ledger.TransactionID]ledger.Transaction{},
		wholes:   books.Wholes{},
		refunds:  books.RefundTallies{},
		refunded: map[ledger.TransactionID][]time.Time{},
		blocks:   map[block]bool{},
	}
	c.begun(transactions)
	for _, row := range transactions {
		if !infra.IsSettings(row) {
			c.transaction(row)
		}
	}
	for _, filled := range b.filled {
		c.fold.Tallies.Of(filled.UserID).Add(filled)
	}
	c.related()
	for _, row := range accounts {
		if infra.IsRefundAccount(row) {
			c.refundAccount(row)
		} else {
			c.account(row)
		}
	}
	c.withoutAccount()
	for _, want := range b.Answered {
		if got := c.rows[want.ID]; !reflect.DeepEqual(got, want) {
			c.find(want.UserID, want.ID, kindAnswer, "the answer was %+v, but the stored row is %+v", want, got)
		}
	}
	if c.found == nil {
		return nil
	}
	slices.SortFunc(c.found, func(a, b books.Finding) int { return strings.Compare(a.String(), b.String()) })
	return c.found
}

// kindAnswer is the kind of finding for a row that differs from its transaction in Answered.
const kindAnswer = "answer"

// check is the state of one [Books.Check]. Comparing an account removes its user's tally, so the
// tallies left at the end have no account.
type check struct {
	settings ledger.Settings
	fold     *books.Fold
	rows     map[ledger.TransactionID]ledger.Transaction
	wholes   books.Wholes
	refunds  books.RefundTallies // each is removed when its refund account is read
	refunded map[ledger.TransactionID][]time.Time
	blocks   map[block]bool
	found    Findings
}

// block identifies a block on one user's debits or credits.
type block struct {
	user ledger.UserID
	of   ledger.Type
}

func (c *check) find(user ledger.UserID, id ledger.TransactionID, kind, format string, args ...any) {
	f := books.Finding{UserID: user.String(), Kind: kind, Detail: fmt.Sprintf(format, args...)}
	if id != (ledger.TransactionID{}) {
		f.TransactionID = id.String()
	}
	c.found = append(c.found, f)
}

// add adds findings. It ignores times in the future, because tests set their own clocks.
func (c *check) add(found []books.Finding) {
	for _, f := range found {
		if f.Kind != books.KindTime {
			c.found = append(c.found, f)
		}
	}
}

// begun compares the settings row with the books' settings.
func (c *check) begun(transactions []books.Row) {
	i := slices.IndexFunc(transactions, infra.IsSettings)
	if i < 0 {
		c.find(ledger.UserID{}, ledger.TransactionID{}, books.KindSettings, "the settings row is missing")
		return
	}
	if s, err := infra.DecodeSettings(transactions[i]); err != nil || !s.Equal(c.settings) {
		c.find(ledger.UserID{}, ledger.TransactionID{}, books.KindSettings, "the row has %s (%v), but the tables were created with %s", s, err, c.settings)
	}
}

func (c *check) transaction(row books.Row) {
	t, found, ok := c.fold.Add(row)
	c.add(found)
	if !ok {
		return
	}
	c.rows[t.ID] = t
	c.wholes.Add(t)
	c.refunds.Add(t)
	if t.Rules != nil && t.Status == ledger.Posted {
		for of, permission := range map[ledger.Type]ledger.Permission{ledger.Debit: t.Rules.Debits, ledger.Credit: t.Rules.Credits} {
			c.blocks[block{t.UserID, of}] = c.blocks[block{t.UserID, of}] || permission == ledger.Blocked
		}
	}
}

// related checks the rows that depend on others: entries, ends, refunds, and declines by a block.
func (c *check) related() {
	c.add(c.wholes.Findings())
	c.add(c.fold.Orphans())
	for _, t := range c.rows {
		if t.DeclinedByBlock {
			if e := t.AllEntries()[t.DeclinedEntry]; !c.blocks[block{e.UserID, e.Type}] {
				c.find(t.UserID, t.ID, books.KindRules, "a block declined it, but no rule change set that block")
			}
		}
		if t.IsRefund() && t.Kind() == ledger.FirstRow {
			o, problem := c.original(t.RefundOf)
			o.Since = time.Time{} // a test's clocks may differ by more than the audit allows
			if problem == "" {
				problem = books.CompareRefund(t, o)
			}
			if problem != "" {
				c.find(t.UserID, t.ID, books.KindRefund, "%s", problem)
			}
			c.refunded[t.RefundOf] = append(c.refunded[t.RefundOf], t.CreatedAt)
		}
	}
}

// original returns the transaction that a refund names. If it is missing or can't be refunded,
// problem is the reason.
func (c *check) original(id ledger.TransactionID) (o books.Original, problem string) {
	whole := c.wholes[id]
	if whole == nil {
		whole = &books.Whole{}
	}
	o, problem, _ = books.OriginalOf(id, whole.First, whole.End)
	return o, problem
}

func (c *check) refundAccount(row books.Row) {
	a, found, ok := books.ExamineRefundAccount(c.settings, row)
	c.add(found)
	if !ok {
		return
	}
	rows := c.refunds.Of(a.Of)
	delete(c.refunds, a.Of)
	if got, want := books.DescribeRefunds(a), rows.String(); got != want {
		c.find(ledger.UserID{}, a.Of, books.KindRefund, "the refund account has %s, but the history has %s", got, want)
	}
	if !slices.ContainsFunc(c.refunded[a.Of], a.RefundedAt.Equal) {
		c.find(ledger.UserID{}, a.Of, books.KindRefund, "the refund account has the time %s, but no refund has it", ledger.FormatTime(a.RefundedAt))
	}
	if o, problem := c.original(a.Of); problem == "" {
		if problem = books.CompareRefunded(a, o); problem != "" {
			c.find(ledger.UserID{}, a.Of, books.KindRefund, "%s", problem)
		}
	}
}

func (c *check) account(row books.Row) {
	user, a, found, ok := books.ExamineAggregate(c.settings, row)
	c.add(found)
	tally, rules := c.fold.Tallies.Of(user), c.fold.Rules.Of(user)
	delete(c.fold.Tallies, user)
	delete(c.fold.Rules, user)
	if !ok {
		return
	}
	if tally.Judge(c.settings, 0, a) != books.Right {
		c.add([]books.Finding{tally.Differs(c.settings, user, a)})
	}
	if rules.Judge(0, a) != books.Right {
		c.add([]books.Finding{rules.Differs(user, a)})
	}
	c.add(c.fold.CompareHolds(user, a.Holds))
	if first := c.rows[a.TransactionID]; a.TransactionID != (ledger.TransactionID{}) && !books.CanMove(user, first, c.rows[first.TransactionID]) {
		c.add([]books.Finding{books.WrongMover(user, a.TransactionID)})
	}
}

// withoutAccount finds the users and refunds with rows but without an account.
func (c *check) withoutAccount() {
	for user, tally := range c.fold.Tallies {
		if tally.Posted > 0 {
			c.add([]books.Finding{tally.Differs(c.settings, user, infra.Aggregate{})})
		}
	}
	for user, rules := range c.fold.Rules {
		c.add([]books.Finding{rules.Differs(user, infra.Aggregate{})})
	}
	for of := range c.refunds {
		c.find(ledger.UserID{}, of, books.KindRefund, "it was refunded, but has no refund account")
	}
}

func scan(ctx context.Context, client *dynamodb.Client, table string) (rows []books.Row, err error) {
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", table, err)
		}
		rows = append(rows, page.Items...)
	}
	return rows, nil
}
