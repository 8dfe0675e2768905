package mutate

// defect is a named set of edits that break the code. The field kills holds the folder and the
// name of the test that must then fail.
type defect struct {
	name, kills string
	edits       []edit
}

// edit replaces the text in before, which occurs exactly once in the file, with that in after.
type edit struct{ file, before, after string }

const (
	simulation = "infra/proof/simulation TestSimulation"
	inTime     = "handler TestAnswersInTime"
)

// endIDs gives the capture, void and expiry of a hold different row ids, so that a shared id can't
// prevent a second end.
var endIDs = []edit{
	{"ledger/id.go", `func (id TransactionID) End() TransactionID {
	return newID([]byte{0}, id[:], []byte("end"))`, `func (id TransactionID) End() TransactionID {
	return id.end("")
}

func (id TransactionID) end(kind End) TransactionID {
	return newID([]byte{0}, id[:], []byte("end"+kind))`},
	{"ledger/hold.go", `h.TransactionID.End(),`, `h.TransactionID.end(end),`},
}

// defects are the kinds of bugs that real ledgers have.
var defects = []defect{
	{"a debit has no condition", simulation, []edit{
		{"infra/move.go", `u.rules = append(u.rules, amountRule)`, `u.rules = append(u.rules, "attribute_exists(user_id)")`}}},
	{"a credit has no ceiling", "infra TestStore/balance_limit", []edit{
		{"infra/move.go", `"balance <= :headroom"`, `"balance <= :headroom OR attribute_exists(user_id)"`}}},
	{"a row may be written again", simulation, []edit{
		{"infra/store.go", `"attribute_not_exists(id)"`, `"attribute_not_exists(id) OR attribute_exists(id)"`}}},
	{"a decline may overwrite a row", simulation, []edit{
		{"infra/store.go", "PutItemInput{\n\t\tTableName:                           &s.transactions,\n\t\tItem:                                row,\n\t\tConditionExpression:                 &idIsNew,",
			"PutItemInput{\n\t\tTableName:                           &s.transactions,\n\t\tItem:                                row,"}}},
	{"a decline is not stored", simulation, []edit{
		{"ledger/ledger.go", `return first, l.store.Decline(ctx, first)`, `return first, nil`}}},
	{"the old row is not asked for", "infra TestRequestsPerOutcome", []edit{
		{"infra/store.go", "ConditionExpression:                 &idIsNew,\n\t\t\tReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,\n\t\t}})",
			"ConditionExpression:                 &idIsNew,\n\t\t}})"}}},
	{"the old balance is not asked for", simulation, []edit{
		{"infra/cancelled.go", `account, err := s.decodeAccount(row)`, `account, err := s.decodeAccount(nil)`}}},
	{"a conflict is reported as a decline", simulation, []edit{
		{"infra/cancelled.go", `case Transient(err):`, `case false:`},
		{"infra/cancelled.go", `aws.ToString(reason.Code) == conditionFailed`, `aws.ToString(reason.Code) != "None"`},
		{"infra/transient.go", `return transientReasons[aws.ToString(reason.Code)]`, `return false`}}},
	{"a conflict is reported as a defect", simulation, []edit{
		{"infra/transient.go", `transactionConflict:             true,`, ``}}},
	{"a storm is never noticed", "infra TestTurns", []edit{
		{"infra/storm.go", `if waited > patience && `, `if waited > 100*patience && `}}},
	{"a lost answer is reported as a defect", simulation, []edit{
		{"infra/transient.go", `	return lost(err)`, `	return false && lost(err)`}}},
	{"the balance comes before the taken id", "infra TestStore/recorded_whatever_the_balance", []edit{
		{"infra/cancelled.go", `case failed(puts[0]):`, `case failed(puts[0]) && !slices.ContainsFunc(moves, failed):`},
		{"infra/cancelled.go", `case slices.ContainsFunc(puts, failed):`, `case false:`}}},
	{"a retry has a new id", simulation, []edit{
		{"ledger/posting.go", `id, created := r.TransactionID()`, `id, created := TransactionID([]byte(now.Format("0102150405.00000")))`}}},
	{"a key is not its user's", "ledger TestTransactionIDNeverChanges", []edit{
		{"ledger/id.go", `[]byte(user.text), []byte{0},`, `[]byte{0},`}}},
	{"an amount is rounded to dollars", simulation, []edit{
		{"infra/move.go", `":amount":  number(m.Sum.Abs()),`, `":amount":  &types.AttributeValueMemberN{Value: strings.Split(m.Sum.Abs().String(), ".")[0]},`}}},
	{"the first debit starts from nothing", simulation, []edit{
		{"infra/store.go", `number(c.Settings.Opening)`, `&types.AttributeValueMemberN{Value: "0"}`}}},
	{"the first debit is declined", simulation, []edit{
		{"infra/move.go", `" OR " + newUser`, `""`}}},
	{"a balance is read before it is consistent", simulation, []edit{
		{"infra/store.go", `ConsistentRead: aws.Bool(true)`, `ConsistentRead: aws.Bool(false)`}}},
	{"a debit is not counted", simulation, []edit{
		{"infra/move.go", `addRows    = " ADD version :one"`, `addRows    = " ADD version :opening"`}}},
	{"another amount under a key is a replay", simulation, []edit{
		{"ledger/ledger.go", `!recorded.Amount.Equal(asked.Amount)`, `false`}}},
	{"a replay is reported with its own time", simulation, []edit{
		{"ledger/ledger.go", `Result{Transaction: recorded, Replayed: true}`, `Result{Transaction: asked, Replayed: true}`}}},
	{"a stored decline is reported as posted", simulation, []edit{
		{"ledger/ledger.go", `	case Declined:
		return Result{}`, `	case Declined:
		if r.Replayed {
			return r, nil
		}
		return Result{}`}}},
	{"a balance is read first", "infra TestRequestsPerOutcome", []edit{
		{"ledger/ledger.go", `		err := l.store.Post(ctx, p)`, `		_, _ = l.store.Account(ctx, r.UserID())
		err := l.store.Post(ctx, p)`}}},

	// Transactions with several entries.
	{"a balance is held to the net sum only", "ledger TestPostingCountsAsItsEntries", []edit{
		{"ledger/posting.go", `least.Cmp(&m.MinBefore.d) > 0`, `true`}}},
	{"a ceiling is held to the net sum only", "ledger TestPostingCountsAsItsEntries", []edit{
		{"ledger/posting.go", `most.Cmp(&m.MaxBefore.d) < 0`, `true`}}},
	{"only a range's least counts", "infra TestStore/entries_in_their_order", []edit{
		{"infra/move.go", `if !m.MaxBefore.Equal(ledger.HighestBalance()) {`, `if u.rules == nil {`}}},
	{"a further row has no condition", "infra TestFurtherRowWithoutItsFirst", []edit{
		{"infra/store.go", `	for _, m := range p.Moves {`, `	for _, further := range writes[1:] {
		further.Put.ConditionExpression = nil
		further.Put.ReturnValuesOnConditionCheckFailure = ""
	}
	for _, m := range p.Moves {`}}},
	{"the last user is not moved", "infra TestStore/entries_move_balances", []edit{
		{"ledger/posting.go", `		p.move(row.UserID).add(row)
	}
`, `		p.move(row.UserID).add(row)
	}
	p.Moves = p.Moves[:1]
`}}},
	{"a user's second entry is not moved", "infra TestStore/most_entries", []edit{
		{"ledger/posting.go", `		p.move(row.UserID).add(row)`, `		if p.move(row.UserID).Rows == 0 {
			p.move(row.UserID).add(row)
		}`}}},
	{"a further row is not written", "infra TestStore/entries_move_balances", []edit{
		{"infra/store.go", `	for _, t := range p.Rows {`, `	for _, t := range p.Rows[:1] {`}}},
	{"a version counts postings and not rows", "infra TestStore/most_entries", []edit{
		{"infra/move.go", `integer(m.Rows)`, `integer(min(m.Rows, 1))`}}},
	{"a decline forgets the entries before", "ledger TestPostingCountsAsItsEntries", []edit{
		{"ledger/attempt.go", `		balances[e.UserID] = after`, `		_ = after`}}},
	{"a balance that is not reported declines", "ledger TestPostingCountsAsItsEntries", []edit{
		{"ledger/attempt.go", `		if !known {
			continue
		}`, `		if !known {
			before = DefaultSettings().Opening
		}`}}},
	{"a decline names the first entry", "infra TestStore/declined_as_a_whole", []edit{
		{"ledger/ledger.go", `first.BalanceSeen = Declined, misfit.place, misfit.seen`, `first.BalanceSeen = Declined, misfit.place*0, misfit.seen`}}},
	{"a further row that is taken comes before contention", "infra TestConditionsBesideContention", []edit{
		{"infra/cancelled.go", `	case Transient(err):`, `	case slices.ContainsFunc(puts, failed):
		return s.explainTakenRow(ctx, p, puts, err)
	case Transient(err):`}}},
	{"a further row that is taken is not looked into", "infra TestReplayByReports/a_transfer", []edit{
		{"infra/cancelled.go", `	case slices.ContainsFunc(puts, failed):`, `	case false:`}}},
	{"a further row without its first is reported as a decline", "infra TestFurtherRowWithoutItsFirst", []edit{
		{"infra/cancelled.go", `	case slices.ContainsFunc(puts, failed):`, `	case slices.ContainsFunc(puts, failed) && !slices.ContainsFunc(moves, failed):`}}},
	{"a further row without its first is to be tried again", "infra TestFurtherRowWithoutItsFirst", []edit{
		{"infra/cancelled.go", `		return fmt.Errorf("transaction %s has a row but no first row: %w", p.Rows[0].ID, cause)`,
			`		return fmt.Errorf("%w: transaction %s has a row but no first row: %w", ledger.ErrTryAgain, p.Rows[0].ID, cause)`}}},
	{"a replay is compared by its first entry", "infra TestStore/entries_replayed", []edit{
		{"ledger/ledger.go", `!slices.EqualFunc(recorded.Entries, asked.Entries, Entry.Equal)`, `!slices.EqualFunc(recorded.Entries[:min(1, len(recorded.Entries))], asked.Entries[:min(1, len(asked.Entries))], Entry.Equal)`}}},
	{"a replay's entries may stand in any order", "ledger TestKeyAgain", []edit{
		{"ledger/ledger.go", `!slices.EqualFunc(recorded.Entries, asked.Entries, Entry.Equal)`, `len(recorded.Entries) != len(asked.Entries) || slices.ContainsFunc(recorded.Entries, func(e Entry) bool { return !slices.ContainsFunc(asked.Entries, e.Equal) })`}}},
	{"metadata is not compared", "infra TestStore/entries_replayed", []edit{
		{"ledger/ledger.go", `recorded.Metadata != asked.Metadata`, `false`}}},
	{"a further row shows the metadata", "ledger TestRowsOfPosting", []edit{
		{"ledger/posting.go", `			TransactionID: id,`, `			TransactionID: id,
			Metadata:      r.Metadata,`}}},
	{"a bearer may debit others after the first entry", "handler TestTokenAndEntries", []edit{
		{"handler/rights.go", `return ownDebits(user, about) && !mints(about.entries)`, `return !mints(about.entries)`}}},
	{"a bearer may put another's entry first", "handler TestTokenAndEntries", []edit{
		{"handler/rights.go", `if len(about.entries) > 0 && isAnother(user, about.entries[0]) {`, `if false {`}}},
	{"a bearer with the scope may debit others", "handler TestTokenAndEntries", []edit{
		{"handler/rights.go", `{ownAndCovered, ownDebits}`, `{ownAndCovered, anything}`}}},
	{"a bearer may credit more than it debits", "handler TestTokenAndEntries", []edit{
		{"handler/rights.go", `(!debits || ledger.Mints(entries))`, `!debits`}}},
	{"a bearer hears another's balance", "handler TestTokenSeesOnlyItsOwnBalance", []edit{
		{"handler/problem.go", `case caller.mayReadBalance(declined.Entry().UserID):`, `case caller.mayReadBalance(t.UserID):`}}},
	{"a payer may void its payment", "handler TestRights", []edit{
		{"handler/rights.go", `{received, received}, // a payer`, `{ownOrReceived, ownOrReceived}, // a payer`}}},
	{"a receiver sees the payer's metadata", "handler TestReceiverSeesThePayment", []edit{
		{"handler/rights.go", `t.Metadata = ledger.Metadata{}`, `t.Metadata = t.Metadata`}}},
	{"a stranger's lookup of a payment reads its end", "handler TestRights", []edit{
		{"ledger/ledger.go", `	if err := allow.check(t); err != nil {
		return Transaction{}, err
	}
	if t.Status != Pending {
		return t, nil
	}
`, `	if t.Status != Pending {
		return t, allow.check(t)
	}
`},
		{"ledger/ledger.go", `		t.Status = Expired
	}
	return t, nil`, `		t.Status = Expired
	}
	return t, allow.check(t)`}}},
	{"another's transaction is told from one that is not there", "handler TestRights", []edit{
		{"handler/rights.go", `about.stored && !ownOrReceived(c.user, about)`, `false`}}},
	{"a route without rights is open to tokens", "handler TestRightsNameExistingRoutes", []edit{
		{"handler/routes.go", `if c.caller.rule(c.route) == nil {`, `if c.caller.kind == 0 {`}}},
	{"an event may be of a token and of IAM's caller at once", "handler TestAuthorizers", []edit{
		{"handler/authorization.go", `, signed && claims != nil:`, `:`}}},
	{"a call by IAM is nothing where tokens decide", "handler TestAuthorizers", []edit{
		{"handler/authorization.go", `case e.direct, arn != "":`, `case e.direct, authorization == IAM && arn != "":`}}},

	// Holds.
	{"a hold may end twice", "infra TestStore/a_hold_ends_once", append([]edit{
		{"infra/move.go", `"attribute_exists("+ends[i]+")"`, `"attribute_exists(user_id)"`}}, endIDs...)},
	{"an end does not ask whether the hold is open", "infra TestRequestsStayTheSame", []edit{
		{"infra/move.go", `"attribute_exists("+ends[i]+")"`, `"attribute_exists(user_id)"`}}},
	{"each kind of end has an id", "ledger TestPostingOfEnds", endIDs},
	{"what has expired is released at once", "ledger TestRefusals", []edit{
		{"ledger/hold.go", `!now.Before(h.ExpiresAt.Add(grace))`, `!now.Before(h.ExpiresAt)`}}},
	{"what is captured too late is posted", "infra TestStore/end_after_the_expiry", []edit{
		{"ledger/end.go", `	if left <= 0 {
		return l.postEnd(ctx, ctx, t.ending(expiry, now))`, `	if left <= 0 {
		return l.postEnd(ctx, ctx, t.ending(asked, now))`}}},
	{"what is captured too late is told as captured", "infra TestStore/end_after_the_expiry", []edit{
		{"ledger/end.go", `end.End != asked.End ||`, `end.End != asked.End && end.End != Expiry ||`}}},
	{"a capture is sent after the expiry", "ledger TestEndsByTime", []edit{
		{"ledger/end.go", `context.WithTimeout(ctx, left)`, `context.WithTimeout(ctx, left+grace)`}}},
	{"the number of holds is not asked", "infra TestStore/at_most_sixteen_holds", []edit{
		{"infra/move.go", `"(attribute_not_exists(holds) OR holds < :most)"`, `"(attribute_not_exists(holds) OR holds < :most OR holds >= :most)"`}}},
	{"what is held is not taken from the balance", "infra TestStore/a_hold_keeps_money_aside", []edit{
		{"ledger/posting.go", `	m.Sum.move(row.Type, row.Amount)`, `	if row.Status != Pending {
		m.Sum.move(row.Type, row.Amount)
	}`}}},
	{"held is not counted down", "infra TestStore/a_hold_ends_once", []edit{
		{"ledger/posting.go", `	m.Held.subtract(h.Amount)`, ``}}},
	{"what was not captured is kept", "infra TestStore/a_hold_keeps_money_aside", []edit{
		{"ledger/posting.go", `m.Sum.subtract(row.Amount)`, `m.Sum.subtract(h.Amount)`}}},
	{"the receiver gets what was held", "infra TestStore/payment_on_hold", []edit{
		{"ledger/end.go", `			Amount:        end.Amount,`, `			Amount:        e.Amount,`}}},
	{"a reading counts what has expired as held", "infra TestStore/what_has_expired_is_released", []edit{
		{"ledger/hold.go", `		if h.spendable(now) {
			f.Balance.d = plus(`, `		if false {
			f.Balance.d = plus(`}}},
	{"another amount captured is a replay", "infra TestStore/a_hold_ends_once", []edit{
		{"ledger/end.go", `|| !end.Amount.Equal(asked.Amount)`, ``}}},
	{"another time to expire is a replay", "infra TestStore/a_pending_transaction_is_replayed", []edit{
		{"ledger/ledger.go", `recorded.ExpiresIn() != asked.ExpiresIn()`, `false`}}},
	{"a replay hears that there are too many holds", "infra TestReplayByReports/a_voided_hold", []edit{
		{"ledger/ledger.go", `return l.unlessRecorded(ctx, id, answer)`, `return cmp.Or(answer, l.unlessRecorded(ctx, id, nil))`},
		{"ledger/ledger.go", `import (`, `import (
	"cmp"`}}},
	{"a replay hears of the receiver's limit", "infra TestReplayByReports/a_capture_that_fills_the_receiver", []edit{
		{"ledger/end.go", `return end, l.notStored(ctx, end.ID, err, refused.Unknown)`, `return end, err`}}},
	{"a release may lift no balance over the limit", "infra TestStore/release_over_the_limit", []edit{
		{"ledger/posting.go", `MaxBefore: HighestBalance()`, `MaxBefore: Balance{maxBalance}`}}},
	{"a release is forgotten when another user is reported", "infra TestReleasesByReports/one_needed_later", []edit{
		{"ledger/attempt.go", `	maps.Copy(next.accounts, a.accounts)
`, ``}}},
	{"releases that do not fit are not written", "infra TestStore/releases_that_do_not_fit", []edit{
		{"ledger/ledger.go", `		if p.Items() > MaxItems {`, `		if false {`}}},
	{"somebody else's end is damage", "infra TestReleasesByReports/captured", []edit{
		{"infra/cancelled.go", `		if m.Ends != nil {`, `		if false {`}}},

	// The handler.
	{"a call has no deadline of its own", inTime, []edit{
		{"handler/handler.go", `context.WithDeadline(ledger.WithTrace(ctx, &c.trace), deadline)`, `context.WithCancel(ledger.WithTrace(ctx, &c.trace))`}}},
	{"a call may take longer than the function", inTime, []edit{
		{"handler/handler.go", `answerWithin = 8 * time.Second`, `answerWithin = 20 * time.Second`}}},
	{"no margin before Lambda's deadline", inTime, []edit{
		{"handler/handler.go", `		deadline = end.Add(-answerMargin)`, `		deadline = end`}}},
	{"a 503 is logged as a failure", inTime, []edit{
		{"handler/log.go", `		level = slog.LevelError
		if`, `		level = slog.LevelError
		if false &&`}}},
	{"the default limit is another", "handler TestHistory", []edit{
		{"handler/query.go", `defaultLimit = 50`, `defaultLimit = 51`}}},
	{"only the first value of a header counts", "handler TestKeySentTwice", []edit{
		{"handler/event_headers.go", `header[name] = slices.Concat(all, last)`, `header[name] = append(slices.Concat(all, last)[:0:0], slices.Concat(all, last)[:min(1, len(all)+len(last))]...)`}}},
	{"the last of a header's two spellings counts", "handler TestKeySentTwice", []edit{
		{"handler/event_headers.go", `h[name] = append(h[name], values...)`, `h[name] = values`}}},
	{"a comma in a key is part of it", "handler TestKeyHeader", []edit{
		{"handler/key.go", `if strings.Contains(value, ",") {`, `if false {`}}},
	{"a stage is cut off twice", "handler TestEventPaths", []edit{
		{"handler/event_path.go", `			return rest
`, `			return strings.TrimPrefix(rest, "/"+e.RequestContext.Stage)
`}}},
	{"a bare event with an empty object is a read", "handler TestDirectInvocations", []edit{
		{"handler/event.go", "string(e.Body) != `\"\"`", "string(e.Body) != `\"\"` && string(e.Body) != `{}`"}}},
	{"a body that is not base64 is none", "handler TestBodyNotBase64", []edit{
		{"handler/event.go", `return nil, invalidField(bodyField, "must be base64, as isBase64Encoded says: "+err.Error())`, `return nil, nil`}}},
	{"a stranger hears what is wrong with the body", "handler TestBodyNotBase64", []edit{
		{"handler/invoke.go", `	if c.caller, err = h.callerOf(e); err != nil {`, `	if bodyErr != nil {
		return bodyErr
	}
	if c.caller, err = h.callerOf(e); err != nil {`}}},
	{"Lambda's request id comes before the gateway's", "handler TestRequestID", []edit{
		{"handler/invoke.go", `if e.RequestContext.RequestID != "" {`, `if _, ok := lambdacontext.FromContext(ctx); !ok {`}}},
	{"a panic ends the function", "handler TestPanicIsA500", []edit{
		{"handler/handler.go", `cause := recover(); cause != nil`, `cause := any(nil); cause != nil`}}},

	// Decoding of rows.
	{"a row without a balance has the opening balance", "infra TestDamagedRows", []edit{
		{"infra/account.go", `	if len(row) == 0 {`, `	if row["balance"] == nil {`}}},
	{"a declined row may lack its balance", "infra TestDamagedRows", []edit{
		{"infra/rows.go", `	t.BalanceSeen = decodeNumber(d, "balance", ledger.ParseBalance)
	if`, `	t.BalanceSeen = decodeNumber(&decoder{row: d.row}, "balance", ledger.ParseBalance)
	if`}}},
	{"numbers are read by their notation", "infra TestDecodeByValue", []edit{
		{"infra/rows.go", `parse(value.Text('f'))`, `parse(n.Value)`}}},

	// Refunds.
	{"a refund counts nowhere", "infra TestStore/refunds_in_parts", []edit{
		{"infra/store.go", `writes = append(writes, types.TransactWriteItem{Update: s.countRefund(p.Refund, p.Rows[0].CreatedAt)})`, ``}}},
	{"a refund has no limit", simulation, []edit{
		{"infra/refunds.go", `rules = append(rules, rule)`, `rules = append(rules[:0], "attribute_not_exists(nothing)")`}}},
	{"a refund's limit is answered without a read", simulation, []edit{
		{"ledger/ledger.go", `return first, l.notStored(ctx, first.ID, misfit.err, next.unknown)`, `return first, misfit.err`}}},
	{"a balance declines a refund before its limit", "infra TestStore/refund_account_before_balances", []edit{
		{"infra/cancelled.go", `case slices.ContainsFunc(refund, failed):`, `case slices.ContainsFunc(refund, failed) && !slices.ContainsFunc(moves, failed):`}}},
	{"a refund of another transaction is a replay", "infra TestStore/a_refund_is_replayed", []edit{
		{"ledger/ledger.go", `RefundOfDiffers:  recorded.RefundOf != asked.RefundOf,`, ``}}},
	{"a capture is refunded by what was held", "infra TestStore/refund_of_a_capture", []edit{
		{"ledger/refund.go", `o.Entries[i].Amount = t.Captured`, `o.Entries[i].Amount = t.Amount`}}},
	{"a null refunds the whole", "handler TestRefundRejected", []edit{
		{"handler/refunds.go", "Ammount  jsontext.Value `json:\"ammount\"`", "Ammount  member         `json:\"ammount\"`"}}},
	{"a token refunds", "handler TestRights", []edit{
		{"handler/rights.go", `	"POST /transactions/{id}/void":    {received, received},`, `	"POST /transactions/{id}/refunds": {anything, anything},
	"POST /transactions/{id}/void":    {received, received},`}}},
	{"the audit compares no refund accounts", "infra/audit TestDamage", []edit{
		{"infra/audit/audit.go", `described == made {`, `described != "" {`}}},
	{"a refund may be older than the capture", "infra/audit TestDamage", []edit{
		{"infra/internal/books/refunds.go", `t.Status, o.Since = end.Status, end.CreatedAt`, `t.Status = end.Status`}}},
	{"a rebuild keeps refunds of nothing", "infra/audit TestTornTransactions", []edit{
		{"infra/internal/books/whole.go", `case w.Lacks != ledger.TransactionID{}:`, `case false:`}}},
	{"a rebuild loses a refund that is made meanwhile", "infra/audit TestRebuildOfMovingRows", []edit{
		{"infra/audit/write.go", `	condition, names, values := asStored(stored)`, `	_, names, values := asStored(nil)
	condition := "attribute_exists(user_id) OR attribute_not_exists(user_id)"`}}},

	// Account rules.
	{"a block stops no debit", "infra TestStore/blocked_debits_are_declined", []edit{
		{"infra/move.go", `u.rules = append(u.rules, debitsAllowed)`, ``}}},
	{"a block stops no capture", "infra TestStore/blocked_credits_are_declined", []edit{
		{"infra/move.go", `u.rules = append(u.rules, creditsAllowed)`, ``}}},
	{"a block is declined by the balance", "infra TestStore/a_block_is_the_first_reason", []edit{
		{"ledger/attempt.go", `return misfit{place: i, seen: before, blocked: true}, true`, `return misfit{place: i, seen: before}, true`}}},
	{"a limit forgets the change before it", "infra TestStore/limits_at_once", []edit{
		{"infra/move.go", `sameChanges = "rule_changes = :seen"`, `sameChanges = "rule_changes >= :seen"`}}},
	{"a lower limit may be in use", "infra TestStore/a_credit_limit_is_lent", []edit{
		{"ledger/rules.go", `m.MinBefore.d = minus(apd.Decimal{}, m.Sum.d)`, `m.MinBefore.d = apd.Decimal{}`}}},
	{"a lent limit has no ceiling", "infra TestStore/a_credit_limit_and_the_ceiling", []edit{
		{"ledger/rules.go", `m.MaxBefore.d = minus(maxBalance, m.Sum.d)`, ``}}},
	{"a replay of a change is taken for another", "infra TestStore/a_change_of_rules_is_replayed", []edit{
		{"ledger/rules.go", `c.CreditLimit != nil && !c.CreditLimit.Equal(*other.CreditLimit)`, `c.CreditLimit != nil && c.CreditLimit != other.CreditLimit`}}},

	{"a declined change of rules is not stored", "infra TestReplayByReports/a_change_of_rules", []edit{
		{"ledger/rules.go", `return row, l.store.Decline(ctx, row)`, `return row, nil`}}},
	{"the audit compares no rules", "infra/audit TestDamage", []edit{
		{"infra/internal/books/rules.go", `problem == "" && sameRules(rules, after.Rules)`, `problem == "" && sameRules(rules, rules)`}}},
	{"a lost change of rules blocks nothing", "infra/audit TestRebuild", []edit{
		{"infra/internal/books/rules.go", `ledger.RuleChange{Debits: ledger.Blocked, Credits: ledger.Blocked, Number: n}`, `ledger.RuleChange{Debits: ledger.Allowed, Number: n}`}}},

	// The settings.
	{"a version with other settings serves", "infra TestStartRefusesOtherSettings", []edit{
		{"infra/settings.go", `if !tables.Equal(s.settings) {`, `if false {`}}},
	{"a start takes another's row for a transaction", "infra TestStartsAtOnce", []edit{
		{"infra/settings.go", `	row, err := s.readSettings(ctx)
	if err == nil && row == nil {`, `	var row item
	if err == nil && row == nil {`}}},
	{"calls trust settings that the start could not read", "infra TestCallsReadTheSettings", []edit{
		{"infra/settings.go", `s.unconfirmed.Store(err != nil)`, `s.unconfirmed.Store(false)`}}},

	// The audit.
	{"the audit scans what may be old", "infra/audit TestDamageDuringWrites", []edit{
		{"infra/audit/read.go", `TableName:              &table,
		ConsistentRead:         aws.Bool(true),`, `TableName:              &table,`}}},
	{"the audit gives postings no time to settle", "infra/audit TestDamageDuringWrites", []edit{
		{"infra/audit/settle.go", `	if err := a.rest(ctx); err != nil {
		return err
	}
	err = a.scan(ctx, a.config.TransactionsTable, "transactions, again"`, `	err = a.scan(ctx, a.config.TransactionsTable, "transactions, again"`}}},
}
