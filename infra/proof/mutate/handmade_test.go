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
	{"a posting does not request the old row", "infra TestRequestsPerOutcome", []edit{
		{"infra/store.go", "ConditionExpression:                 &idIsNew,\n\t\t\tReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,\n\t\t}})",
			"ConditionExpression:                 &idIsNew,\n\t\t}})"}}},
	{"the returned balance is ignored", simulation, []edit{
		{"infra/cancelled.go", `account, err := s.decodeAccount(row)`, `account, err := s.decodeAccount(nil)`}}},
	{"a conflict is reported as a decline", simulation, []edit{
		{"infra/cancelled.go", `case Transient(err):`, `case false:`},
		{"infra/cancelled.go", `aws.ToString(reason.Code) == conditionFailed`, `aws.ToString(reason.Code) != "None"`},
		{"infra/transient.go", `return transientReasons[aws.ToString(reason.Code)]`, `return false`}}},
	{"a conflict is reported as a defect", simulation, []edit{
		{"infra/transient.go", `transactionConflict:             true,`, ``}}},
	{"a storm is never detected", "infra TestTurns", []edit{
		{"infra/storm.go", `if waited > patience && `, `if waited > 100*patience && `}}},
	{"a lost answer is reported as a defect", simulation, []edit{
		{"infra/transient.go", `	return lost(err)`, `	return false && lost(err)`}}},
	{"a balance is checked before a taken id", "infra TestStore/a_taken_id_returns_its_row", []edit{
		{"infra/cancelled.go", `case failed(puts[0]):`, `case failed(puts[0]) && !slices.ContainsFunc(moves, failed):`},
		{"infra/cancelled.go", `case slices.ContainsFunc(puts, failed):`, `case false:`}}},
	{"a retry has a new id", simulation, []edit{
		{"ledger/posting.go", `id, created := r.TransactionID()`, `id, created := TransactionID([]byte(now.Format("0102150405.00000")))`}}},
	{"all users share the same keys", "ledger TestTransactionIDNeverChanges", []edit{
		{"ledger/id.go", `[]byte(user.text), []byte{0},`, `[]byte{0},`}}},
	{"an amount is rounded to dollars", simulation, []edit{
		{"infra/move.go", `":amount":  number(m.Sum.Abs()),`, `":amount":  &types.AttributeValueMemberN{Value: strings.Split(m.Sum.Abs().String(), ".")[0]},`}}},
	{"the first debit starts from zero", simulation, []edit{
		{"infra/store.go", `number(c.Settings.Opening)`, `&types.AttributeValueMemberN{Value: "0"}`}}},
	{"the first debit is declined", simulation, []edit{
		{"infra/move.go", `" OR " + newUser`, `""`}}},
	{"a balance is read with eventual consistency", simulation, []edit{
		{"infra/store.go", `ConsistentRead: aws.Bool(true)`, `ConsistentRead: aws.Bool(false)`}}},
	{"a version does not count the rows", simulation, []edit{
		{"infra/move.go", `addRows    = " ADD version :one"`, `addRows    = " ADD version :opening"`}}},
	{"a used key with another amount is a replay", simulation, []edit{
		{"ledger/ledger.go", `!recorded.Amount.Equal(asked.Amount)`, `false`}}},
	{"a replay returns the time of the repeated call", simulation, []edit{
		{"ledger/ledger.go", `Result{Transaction: recorded, Replayed: true}`, `Result{Transaction: asked, Replayed: true}`}}},
	{"a stored decline is reported as posted", simulation, []edit{
		{"ledger/ledger.go", `	case Declined:
		return Result{}`, `	case Declined:
		if r.Replayed {
			return r, nil
		}
		return Result{}`}}},
	{"a posting reads the balance first", "infra TestRequestsPerOutcome", []edit{
		{"ledger/ledger.go", `		err := l.store.Post(ctx, p)`, `		_, _ = l.store.Account(ctx, r.UserID())
		err := l.store.Post(ctx, p)`}}},

	// Transactions with several entries.
	{"only the net sum must fit the balance", "ledger TestPostingEqualsItsEntries", []edit{
		{"ledger/posting.go", `least.Cmp(&m.MinBefore.d) > 0`, `true`}}},
	{"only the net sum must fit the ceiling", "ledger TestPostingEqualsItsEntries", []edit{
		{"ledger/posting.go", `most.Cmp(&m.MaxBefore.d) < 0`, `true`}}},
	{"only the lower of two bounds is checked", "infra TestStore/entries_applied_in_order", []edit{
		{"infra/move.go", `if !m.MaxBefore.Equal(ledger.HighestBalance()) {`, `if u.rules == nil {`}}},
	{"a further row has no condition", "infra TestFurtherRowWithoutItsFirst", []edit{
		{"infra/store.go", `	for _, m := range p.Moves {`, `	for _, further := range writes[1:] {
		further.Put.ConditionExpression = nil
		further.Put.ReturnValuesOnConditionCheckFailure = ""
	}
	for _, m := range p.Moves {`}}},
	{"only the first user's balance changes", "infra TestStore/entries_move_balances", []edit{
		{"ledger/posting.go", `		p.move(row.UserID).add(row)
	}
`, `		p.move(row.UserID).add(row)
	}
	p.Moves = p.Moves[:1]
`}}},
	{"a user's second entry does not change the balance", "infra TestStore/most_entries", []edit{
		{"ledger/posting.go", `		p.move(row.UserID).add(row)`, `		if p.move(row.UserID).Rows == 0 {
			p.move(row.UserID).add(row)
		}`}}},
	{"a further row is not written", "infra TestStore/entries_move_balances", []edit{
		{"infra/store.go", `	for _, t := range p.Rows {`, `	for _, t := range p.Rows[:1] {`}}},
	{"a version counts postings instead of rows", "infra TestStore/most_entries", []edit{
		{"infra/move.go", `integer(m.Rows)`, `integer(min(m.Rows, 1))`}}},
	{"a decline ignores the earlier entries", "ledger TestPostingEqualsItsEntries", []edit{
		{"ledger/attempt.go", `		balances[e.UserID] = after`, `		_ = after`}}},
	{"an unreported balance causes a decline", "ledger TestPostingEqualsItsEntries", []edit{
		{"ledger/attempt.go", `		if !known {
			continue
		}`, `		if !known {
			before = DefaultSettings().Opening
		}`}}},
	{"a decline always names the first entry", "infra TestStore/declined_as_a_whole", []edit{
		{"ledger/ledger.go", `first.BalanceSeen = Declined, misfit.place, misfit.seen`, `first.BalanceSeen = Declined, misfit.place*0, misfit.seen`}}},
	{"a taken further row is handled before contention", "infra TestFailedConditionsWithContention", []edit{
		{"infra/cancelled.go", `	case Transient(err):`, `	case slices.ContainsFunc(puts, failed):
		return s.explainTakenRow(ctx, p, puts, err)
	case Transient(err):`}}},
	{"a taken further row is ignored", "infra TestReplayByReports/a_transfer", []edit{
		{"infra/cancelled.go", `	case slices.ContainsFunc(puts, failed):`, `	case false:`}}},
	{"a further row without its first is reported as a decline", "infra TestFurtherRowWithoutItsFirst", []edit{
		{"infra/cancelled.go", `	case slices.ContainsFunc(puts, failed):`, `	case slices.ContainsFunc(puts, failed) && !slices.ContainsFunc(moves, failed):`}}},
	{"a further row without its first is reported as transient", "infra TestFurtherRowWithoutItsFirst", []edit{
		{"infra/cancelled.go", `		return fmt.Errorf("transaction %s has a row but no first row: %w", p.Rows[0].ID, cause)`,
			`		return fmt.Errorf("%w: transaction %s has a row but no first row: %w", ledger.ErrTryAgain, p.Rows[0].ID, cause)`}}},
	{"a replay is compared only in its first entry", "infra TestStore/entries_replayed", []edit{
		{"ledger/ledger.go", `!slices.EqualFunc(recorded.Entries, asked.Entries, Entry.Equal)`, `!slices.EqualFunc(recorded.Entries[:min(1, len(recorded.Entries))], asked.Entries[:min(1, len(asked.Entries))], Entry.Equal)`}}},
	{"a replay may reorder the entries", "ledger TestRepeatedKey", []edit{
		{"ledger/ledger.go", `!slices.EqualFunc(recorded.Entries, asked.Entries, Entry.Equal)`, `len(recorded.Entries) != len(asked.Entries) || slices.ContainsFunc(recorded.Entries, func(e Entry) bool { return !slices.ContainsFunc(asked.Entries, e.Equal) })`}}},
	{"metadata is not compared", "infra TestStore/entries_replayed", []edit{
		{"ledger/ledger.go", `recorded.Metadata != asked.Metadata`, `false`}}},
	{"a further row contains the metadata", "ledger TestRowsOfPosting", []edit{
		{"ledger/posting.go", `			TransactionID: id,`, `			TransactionID: id,
			Metadata:      r.Metadata,`}}},
	{"a bearer may debit others after the first entry", "handler TestTokenAndEntries", []edit{
		{"handler/rights.go", `return ownDebits(user, about) && !mints(about.entries)`, `return !mints(about.entries)`}}},
	{"a bearer may put another user's entry first", "handler TestTokenAndEntries", []edit{
		{"handler/rights.go", `if len(about.entries) > 0 && isAnother(user, about.entries[0]) {`, `if false {`}}},
	{"a bearer with the scope may debit others", "handler TestTokenAndEntries", []edit{
		{"handler/rights.go", `{ownAndCovered, ownDebits}`, `{ownAndCovered, anything}`}}},
	{"a bearer may credit more than it debits", "handler TestTokenAndEntries", []edit{
		{"handler/rights.go", `(!debits || ledger.Mints(entries))`, `!debits`}}},
	{"a bearer sees another user's balance", "handler TestTokenSeesOnlyItsOwnBalance", []edit{
		{"handler/problem.go", `case caller.mayReadBalance(declined.Entry().UserID):`, `case caller.mayReadBalance(t.UserID):`}}},
	{"a payer may void its payment", "handler TestRights", []edit{
		{"handler/rights.go", `{received, received}, // a payer`, `{ownOrReceived, ownOrReceived}, // a payer`}}},
	{"a receiver sees the payer's metadata", "handler TestReceiverSeesThePayment", []edit{
		{"handler/rights.go", `t.Metadata = ledger.Metadata{}`, `t.Metadata = t.Metadata`}}},
	{"a forbidden lookup of a payment reads its end", "handler TestRights", []edit{
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
	{"a forbidden transaction differs from a missing one", "handler TestRights", []edit{
		{"handler/rights.go", `about.stored && !ownOrReceived(c.user, about)`, `false`}}},
	{"a route without rights is open to tokens", "handler TestRightsNameExistingRoutes", []edit{
		{"handler/routes.go", `if c.caller.rule(c.route) == nil {`, `if c.caller.kind == 0 {`}}},
	{"an event may have both a token and an IAM caller", "handler TestAuthorizers", []edit{
		{"handler/authorization.go", `, signed && claims != nil:`, `:`}}},
	{"an IAM call is rejected if tokens are configured", "handler TestAuthorizers", []edit{
		{"handler/authorization.go", `case e.direct, arn != "":`, `case e.direct, authorization == IAM && arn != "":`}}},

	// Holds.
	{"a hold may end twice", "infra TestStore/a_hold_ends_once", append([]edit{
		{"infra/move.go", `"attribute_exists("+ends[i]+")"`, `"attribute_exists(user_id)"`}}, endIDs...)},
	{"an end does not check that the hold is open", "infra TestRequestsStayTheSame", []edit{
		{"infra/move.go", `"attribute_exists("+ends[i]+")"`, `"attribute_exists(user_id)"`}}},
	{"each kind of end has its own id", "ledger TestPostingOfEnds", endIDs},
	{"an expired hold is released without the grace", "ledger TestRefusals", []edit{
		{"ledger/hold.go", `!now.Before(h.ExpiresAt.Add(grace))`, `!now.Before(h.ExpiresAt)`}}},
	{"a late capture is posted", "infra TestStore/end_after_the_expiry", []edit{
		{"ledger/end.go", `	if left <= 0 {
		return l.postEnd(ctx, ctx, t.ending(expiry, now))`, `	if left <= 0 {
		return l.postEnd(ctx, ctx, t.ending(asked, now))`}}},
	{"a late capture is reported as captured", "infra TestStore/end_after_the_expiry", []edit{
		{"ledger/end.go", `end.End != asked.End ||`, `end.End != asked.End && end.End != Expiry ||`}}},
	{"a capture is sent after the expiry", "ledger TestEndsByTime", []edit{
		{"ledger/end.go", `context.WithTimeout(ctx, left)`, `context.WithTimeout(ctx, left+grace)`}}},
	{"the number of holds is not limited", "infra TestStore/at_most_sixteen_holds", []edit{
		{"infra/move.go", `"(attribute_not_exists(holds) OR holds < :most)"`, `"(attribute_not_exists(holds) OR holds < :most OR holds >= :most)"`}}},
	{"a hold does not reduce the balance", "infra TestStore/a_hold_reserves_money", []edit{
		{"ledger/posting.go", `	m.Sum.move(row.Type, row.Amount)`, `	if row.Status != Pending {
		m.Sum.move(row.Type, row.Amount)
	}`}}},
	{"an end does not reduce the held amount", "infra TestStore/a_hold_ends_once", []edit{
		{"ledger/posting.go", `	m.Held.subtract(h.Amount)`, ``}}},
	{"the uncaptured remainder is not returned", "infra TestStore/a_hold_reserves_money", []edit{
		{"ledger/posting.go", `m.Sum.subtract(row.Amount)`, `m.Sum.subtract(h.Amount)`}}},
	{"the receiver gets the whole held amount", "infra TestStore/payment_on_hold", []edit{
		{"ledger/end.go", `			Amount:        end.Amount,`, `			Amount:        e.Amount,`}}},
	{"a balance read counts expired holds as held", "infra TestStore/expired_holds_are_released", []edit{
		{"ledger/hold.go", `		if h.spendable(now) {
			f.Balance.d = plus(`, `		if false {
			f.Balance.d = plus(`}}},
	{"a capture of another amount is a replay", "infra TestStore/a_hold_ends_once", []edit{
		{"ledger/end.go", `|| !end.Amount.Equal(asked.Amount)`, ``}}},
	{"a hold with another expiry is a replay", "infra TestStore/a_pending_transaction_is_replayed", []edit{
		{"ledger/ledger.go", `recorded.ExpiresIn() != asked.ExpiresIn()`, `false`}}},
	{"a replay returns too many holds", "infra TestReplayByReports/a_voided_hold", []edit{
		{"ledger/ledger.go", `return l.unlessRecorded(ctx, id, answer)`, `return cmp.Or(answer, l.unlessRecorded(ctx, id, nil))`},
		{"ledger/ledger.go", `import (`, `import (
	"cmp"`}}},
	{"a replay returns the receiver's limit", "infra TestReplayByReports/a_capture_that_reaches_the_balance_limit", []edit{
		{"ledger/end.go", `return end, l.notStored(ctx, end.ID, err, refused.Unknown)`, `return end, err`}}},
	{"a release can't lift a balance over the limit", "infra TestStore/release_over_the_limit", []edit{
		{"ledger/posting.go", `MaxBefore: HighestBalance()`, `MaxBefore: Balance{maxBalance}`}}},
	{"a release is dropped when another user is reported", "infra TestReleasesByReports/a_release_needed_later", []edit{
		{"ledger/attempt.go", `	maps.Copy(next.accounts, a.accounts)
`, ``}}},
	{"releases that do not fit get no write of their own", "infra TestStore/releases_that_do_not_fit", []edit{
		{"ledger/ledger.go", `		if p.Items() > MaxItems {`, `		if false {`}}},
	{"another caller's end is reported as damage", "infra TestReleasesByReports/captured", []edit{
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
	{"the default limit is 51", "handler TestHistory", []edit{
		{"handler/query.go", `defaultLimit = 50`, `defaultLimit = 51`}}},
	{"only the first value of a header counts", "handler TestKeySentTwice", []edit{
		{"handler/event_headers.go", `header[name] = slices.Concat(all, last)`, `header[name] = append(slices.Concat(all, last)[:0:0], slices.Concat(all, last)[:min(1, len(all)+len(last))]...)`}}},
	{"only the last spelling of a header counts", "handler TestKeySentTwice", []edit{
		{"handler/event_headers.go", `h[name] = append(h[name], values...)`, `h[name] = values`}}},
	{"a key may contain a comma", "handler TestKeyHeader", []edit{
		{"handler/key.go", `if strings.Contains(value, ",") {`, `if false {`}}},
	{"a stage is removed from a path twice", "handler TestEventPaths", []edit{
		{"handler/event_path.go", `			return rest
`, `			return strings.TrimPrefix(rest, "/"+e.RequestContext.Stage)
`}}},
	{"a bare event with an empty object is a read", "handler TestDirectInvocations", []edit{
		{"handler/event.go", "string(e.Body) != `\"\"`", "string(e.Body) != `\"\"` && string(e.Body) != `{}`"}}},
	{"a body with invalid base64 counts as absent", "handler TestBodyNotBase64", []edit{
		{"handler/event.go", `return nil, invalidField(bodyField, "must be base64, as isBase64Encoded says: "+err.Error())`, `return nil, nil`}}},
	{"a body is checked before the caller", "handler TestBodyNotBase64", []edit{
		{"handler/invoke.go", `	if c.caller, err = h.callerOf(e); err != nil {`, `	if bodyErr != nil {
		return bodyErr
	}
	if c.caller, err = h.callerOf(e); err != nil {`}}},
	{"Lambda's request id is preferred to the gateway's", "handler TestRequestID", []edit{
		{"handler/invoke.go", `if e.RequestContext.RequestID != "" {`, `if _, ok := lambdacontext.FromContext(ctx); !ok {`}}},
	{"a panic crashes the function", "handler TestPanicIsA500", []edit{
		{"handler/handler.go", `cause := recover(); cause != nil`, `cause := any(nil); cause != nil`}}},

	// Decoding of rows.
	{"a row without a balance has the opening balance", "infra TestDamagedRows", []edit{
		{"infra/account.go", `	if len(row) == 0 {`, `	if row["balance"] == nil {`}}},
	{"a declined row may lack its balance", "infra TestDamagedRows", []edit{
		{"infra/rows.go", `	t.BalanceSeen = decodeNumber(d, "balance", ledger.ParseBalance)
	if`, `	t.BalanceSeen = decodeNumber(&decoder{row: d.row}, "balance", ledger.ParseBalance)
	if`}}},
	{"numbers must be stored in plain notation", "infra TestDecodeByValue", []edit{
		{"infra/rows.go", `parse(value.Text('f'))`, `parse(n.Value)`}}},

	// Refunds.
	{"a refund is not counted", "infra TestStore/partial_refunds", []edit{
		{"infra/store.go", `writes = append(writes, types.TransactWriteItem{Update: s.countRefund(p.Refund, p.Rows[0].CreatedAt)})`, ``}}},
	{"a refund has no limit", simulation, []edit{
		{"infra/refunds.go", `rules = append(rules, rule)`, `rules = append(rules[:0], "attribute_not_exists(nothing)")`}}},
	{"a refund limit is reported without a read", simulation, []edit{
		{"ledger/ledger.go", `return first, l.notStored(ctx, first.ID, misfit.err, next.unknown)`, `return first, misfit.err`}}},
	{"a refund's balances are checked before its limit", "infra TestStore/refund_limit_before_balances", []edit{
		{"infra/cancelled.go", `case slices.ContainsFunc(refund, failed):`, `case slices.ContainsFunc(refund, failed) && !slices.ContainsFunc(moves, failed):`}}},
	{"a refund of another transaction is a replay", "infra TestStore/a_refund_is_replayed", []edit{
		{"ledger/ledger.go", `RefundOfDiffers:  recorded.RefundOf != asked.RefundOf,`, ``}}},
	{"a refund of a capture may reach the held amount", "infra TestStore/refund_of_a_capture", []edit{
		{"ledger/refund.go", `o.Entries[i].Amount = t.Captured`, `o.Entries[i].Amount = t.Amount`}}},
	{"a null amount refunds everything", "handler TestRefundRejected", []edit{
		{"handler/refunds.go", "Ammount  jsontext.Value `json:\"ammount\"`", "Ammount  member         `json:\"ammount\"`"}}},
	{"a bearer may refund", "handler TestRights", []edit{
		{"handler/rights.go", `	"POST /transactions/{id}/void":    {received, received},`, `	"POST /transactions/{id}/refunds": {anything, anything},
	"POST /transactions/{id}/void":    {received, received},`}}},
	{"the audit does not compare refund accounts", "infra/audit TestDamage", []edit{
		{"infra/audit/audit.go", `described == made {`, `described != "" {`}}},
	{"a refund may be older than the capture", "infra/audit TestDamage", []edit{
		{"infra/internal/books/refunds.go", `t.Status, o.Since = end.Status, end.CreatedAt`, `t.Status = end.Status`}}},
	{"a rebuild keeps refunds of missing transactions", "infra/audit TestTornTransactions", []edit{
		{"infra/internal/books/whole.go", `case w.Lacks != ledger.TransactionID{}:`, `case false:`}}},
	{"a rebuild loses a concurrent refund", "infra/audit TestRebuildDuringWrites", []edit{
		{"infra/audit/write.go", `	condition, names, values := asStored(stored)`, `	_, names, values := asStored(nil)
	condition := "attribute_exists(user_id) OR attribute_not_exists(user_id)"`}}},

	// Account rules.
	{"a block does not stop debits", "infra TestStore/blocked_debits_are_declined", []edit{
		{"infra/move.go", `u.rules = append(u.rules, debitsAllowed)`, ``}}},
	{"a block does not stop captures", "infra TestStore/blocked_credits_are_declined", []edit{
		{"infra/move.go", `u.rules = append(u.rules, creditsAllowed)`, ``}}},
	{"a block is reported as insufficient funds", "infra TestStore/a_block_is_reported_first", []edit{
		{"ledger/attempt.go", `return misfit{place: i, seen: before, blocked: true}, true`, `return misfit{place: i, seen: before}, true`}}},
	{"a concurrent change of a limit is lost", "infra TestStore/concurrent_limits", []edit{
		{"infra/move.go", `sameChanges = "rule_changes = :seen"`, `sameChanges = "rule_changes >= :seen"`}}},
	{"a limit in use may be lowered", "infra TestStore/a_credit_limit_raises_the_balance", []edit{
		{"ledger/rules.go", `m.MinBefore.d = minus(apd.Decimal{}, m.Sum.d)`, `m.MinBefore.d = apd.Decimal{}`}}},
	{"a credit limit may exceed the ceiling", "infra TestStore/a_credit_limit_and_the_ceiling", []edit{
		{"ledger/rules.go", `m.MaxBefore.d = minus(maxBalance, m.Sum.d)`, ``}}},
	{"a repeated rule change is not a replay", "infra TestStore/a_rule_change_is_replayed", []edit{
		{"ledger/rules.go", `c.CreditLimit != nil && !c.CreditLimit.Equal(*other.CreditLimit)`, `c.CreditLimit != nil && c.CreditLimit != other.CreditLimit`}}},

	{"a declined rule change is not stored", "infra TestReplayByReports/a_rule_change", []edit{
		{"ledger/rules.go", `return row, l.store.Decline(ctx, row)`, `return row, nil`}}},
	{"the audit does not compare rules", "infra/audit TestDamage", []edit{
		{"infra/internal/books/rules.go", `problem == "" && sameRules(rules, after.Rules)`, `problem == "" && sameRules(rules, rules)`}}},
	{"a lost rule change does not block the account", "infra/audit TestRebuild", []edit{
		{"infra/internal/books/rules.go", `ledger.RuleChange{Debits: ledger.Blocked, Credits: ledger.Blocked, Number: n}`, `ledger.RuleChange{Debits: ledger.Allowed, Number: n}`}}},

	// The settings.
	{"a process with other settings starts", "infra TestStartRejectsOtherSettings", []edit{
		{"infra/settings.go", `if !tables.Equal(s.settings) {`, `if false {`}}},
	{"a start mistakes another start's row for a transaction", "infra TestStartsAtOnce", []edit{
		{"infra/settings.go", `	row, err := s.readSettings(ctx)
	if err == nil && row == nil {`, `	var row item
	if err == nil && row == nil {`}}},
	{"calls trust settings that the start could not confirm", "infra TestCallsReadTheSettings", []edit{
		{"infra/settings.go", `s.unconfirmed.Store(err != nil)`, `s.unconfirmed.Store(false)`}}},

	// The audit.
	{"the audit scans with eventual consistency", "infra/audit TestDamageDuringWrites", []edit{
		{"infra/audit/read.go", `TableName:              &table,
		ConsistentRead:         aws.Bool(true),`, `TableName:              &table,`}}},
	{"the audit does not wait for postings to settle", "infra/audit TestDamageDuringWrites", []edit{
		{"infra/audit/settle.go", `	if err := a.rest(ctx); err != nil {
		return err
	}
	err = a.scan(ctx, a.config.TransactionsTable, "transactions, again"`, `	err = a.scan(ctx, a.config.TransactionsTable, "transactions, again"`}}},
}
