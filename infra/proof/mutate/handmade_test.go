package mutate

// defect is an edit, and the test that must find it.
type defect struct {
	name  string
	edits []edit
	kills test
}

// edit replaces a text that a file has exactly once.
type edit struct{ file, before, after string }

// test is one test in a package, by its path of names.
type test struct{ dir, name string }

var (
	simulation = test{"infra/proof/simulation", "TestSimulation"}
	limit      = test{"infra", "TestStore/balance_limit"}
	taken      = test{"infra", "TestStore/recorded_whatever_the_balance"}
	requests   = test{"infra", "TestRequestsPerOutcome"}
	ids        = test{"ledger", "TestTransactionIDNeverChanges"}
	inTime     = test{"handler", "TestAnswersInTime"}
)

// defects are of the kinds that ledgers really have.
var defects = []defect{
	{"a debit has no condition", []edit{
		{"infra/move.go", `u.rules = append(u.rules, amountRule)`, `u.rules = append(u.rules, "attribute_exists(user_id)")`},
	}, simulation},
	{"a credit has no ceiling", []edit{
		{"infra/move.go", `"balance <= :headroom"`, `"balance <= :headroom OR attribute_exists(user_id)"`},
	}, limit},
	{"a row may be written again", []edit{
		{"infra/store.go", `"attribute_not_exists(id)"`, `"attribute_not_exists(id) OR attribute_exists(id)"`},
	}, simulation},
	{"a decline may overwrite a row", []edit{
		{"infra/store.go", "PutItemInput{\n\t\tTableName:                           &s.transactions,\n\t\tItem:                                row,\n\t\tConditionExpression:                 &idIsNew,",
			"PutItemInput{\n\t\tTableName:                           &s.transactions,\n\t\tItem:                                row,"},
	}, simulation},
	{"a decline is not stored", []edit{
		{"ledger/ledger.go", `return first, l.store.Decline(ctx, first)`, `return first, nil`},
	}, simulation},
	{"the old row is not asked for", []edit{
		{"infra/store.go", "ConditionExpression:                 &idIsNew,\n\t\t\tReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,\n\t\t}})",
			"ConditionExpression:                 &idIsNew,\n\t\t}})"},
	}, test{"infra", "TestRequestsPerOutcome"}},
	{"the old balance is not asked for", []edit{
		{"infra/cancelled.go", `account, err := s.decodeAccount(row)`, `account, err := s.decodeAccount(nil)`},
	}, simulation},
	{"a conflict is reported as a decline", []edit{
		{"infra/cancelled.go", `case Transient(err):`, `case false:`},
		{"infra/cancelled.go", `aws.ToString(reason.Code) == conditionFailed`, `aws.ToString(reason.Code) != "None"`},
		{"infra/transient.go", `return transientReasons[aws.ToString(reason.Code)]`, `return false`},
	}, simulation},
	{"a conflict is reported as a defect", []edit{
		{"infra/transient.go", `transactionConflict:             true,`, ``},
	}, simulation},
	{"a storm is never noticed", []edit{
		{"infra/storm.go", `if waited > patience && `, `if waited > 100*patience && `},
	}, test{"infra", "TestTurns"}},
	{"a lost answer is reported as a defect", []edit{
		{"infra/transient.go", `	return lost(err)`, `	return false && lost(err)`},
	}, simulation},
	{"the balance comes before the taken id", []edit{
		{"infra/cancelled.go", `case failed(puts[0]):`, `case failed(puts[0]) && !slices.ContainsFunc(moves, failed):`},
		{"infra/cancelled.go", `case slices.ContainsFunc(puts, failed):`, `case false:`},
	}, taken},
	{"a retry has a new id", []edit{
		{"ledger/posting.go", `id, created := r.TransactionID(), now.UTC()`, `id, created := TransactionID([]byte(now.Format("0102150405.00000"))), now.UTC()`},
	}, simulation},
	{"a key is not its user's", []edit{
		{"ledger/id.go", `[]byte(user.text), []byte{0},`, `[]byte{0},`},
	}, ids},
	{"an amount is rounded to dollars", []edit{
		{"infra/move.go", `":amount":  number(m.Sum.Abs()),`, `":amount":  &types.AttributeValueMemberN{Value: strings.Split(m.Sum.Abs().String(), ".")[0]},`},
	}, simulation},
	{"the first debit starts from nothing", []edit{
		{"infra/store.go", `number(c.Settings.Opening)`, `&types.AttributeValueMemberN{Value: "0"}`},
	}, simulation},
	{"the first debit is declined", []edit{
		{"infra/move.go", `" OR " + newUser`, `""`},
	}, simulation},
	{"a balance is read before it is consistent", []edit{
		{"infra/store.go", `ConsistentRead: aws.Bool(true)`, `ConsistentRead: aws.Bool(false)`},
	}, simulation},
	{"a debit is not counted", []edit{
		{"infra/move.go", `addRows    = " ADD version :one"`, `addRows    = " ADD version :opening"`},
	}, simulation},
	{"another amount under a key is a replay", []edit{
		{"ledger/ledger.go", `!recorded.Amount.Equal(asked.Amount)`, `false`},
	}, simulation},
	{"a replay is reported with its own time", []edit{
		{"ledger/ledger.go", `Result{Transaction: recorded, Replayed: true}`, `Result{Transaction: asked, Replayed: true}`},
	}, simulation},
	{"a stored decline is reported as posted", []edit{
		{"ledger/ledger.go", `	case Declined:
		return Result{}`, `	case Declined:
		if r.Replayed {
			return r, nil
		}
		return Result{}`},
	}, simulation},
	{"a balance is read first", []edit{
		{"ledger/ledger.go", `		err := l.store.Post(ctx, p)`, `		_, _ = l.store.Account(ctx, r.UserID())
		err := l.store.Post(ctx, p)`},
	}, requests},

	// Several entries.
	{"a balance is held to the net sum only", []edit{
		{"ledger/posting.go", `least.Cmp(&m.MinBefore.d) > 0`, `true`},
	}, test{"ledger", "TestPostingCountsAsItsEntries"}},
	{"a ceiling is held to the net sum only", []edit{
		{"ledger/posting.go", `most.Cmp(&m.MaxBefore.d) < 0`, `true`},
	}, test{"ledger", "TestPostingCountsAsItsEntries"}},
	{"only a range's least counts", []edit{
		{"infra/move.go", `if !m.MaxBefore.Equal(ledger.HighestBalance()) {`, `if u.rules == nil {`},
	}, test{"infra", "TestStore/entries_in_their_order"}},
	{"a further row has no condition", []edit{
		{"infra/store.go", `	for _, m := range p.Moves {`, `	for _, further := range writes[1:] {
		further.Put.ConditionExpression = nil
		further.Put.ReturnValuesOnConditionCheckFailure = ""
	}
	for _, m := range p.Moves {`},
	}, test{"infra", "TestFurtherRowWithoutItsFirst"}},
	{"the last user is not moved", []edit{
		{"ledger/posting.go", `		p.move(row.UserID).add(row)
	}
`, `		p.move(row.UserID).add(row)
	}
	p.Moves = p.Moves[:1]
`},
	}, test{"infra", "TestStore/entries_move_balances"}},
	{"a user's second entry is not moved", []edit{
		{"ledger/posting.go", `		p.move(row.UserID).add(row)`, `		if p.move(row.UserID).Rows == 0 {
			p.move(row.UserID).add(row)
		}`},
	}, test{"infra", "TestStore/most_entries"}},
	{"a further row is not written", []edit{
		{"infra/store.go", `	for _, t := range p.Rows {`, `	for _, t := range p.Rows[:1] {`},
	}, test{"infra", "TestStore/entries_move_balances"}},
	{"a version counts postings and not rows", []edit{
		{"infra/move.go", `integer(m.Rows)`, `integer(min(m.Rows, 1))`},
	}, test{"infra", "TestStore/most_entries"}},
	{"a decline forgets the entries before", []edit{
		{"ledger/attempt.go", `		balances[e.UserID] = after`, `		_ = after`},
	}, test{"ledger", "TestPostingCountsAsItsEntries"}},
	{"a balance that is not reported declines", []edit{
		{"ledger/attempt.go", `		if !known {
			continue
		}`, `		if !known {
			before = DefaultSettings().Opening
		}`},
	}, test{"ledger", "TestPostingCountsAsItsEntries"}},
	{"a decline names the first entry", []edit{
		{"ledger/ledger.go", `first.BalanceSeen = Declined, misfit.place, misfit.seen`, `first.BalanceSeen = Declined, misfit.place*0, misfit.seen`},
	}, test{"infra", "TestStore/declined_as_a_whole"}},
	{"a further row that is taken comes before contention", []edit{
		{"infra/cancelled.go", `	case Transient(err):`, `	case slices.ContainsFunc(puts, failed):
		return s.explainTakenRow(ctx, p, puts, err)
	case Transient(err):`},
	}, test{"infra", "TestConditionsBesideContention"}},
	{"a further row that is taken is not looked into", []edit{
		{"infra/cancelled.go", `	case slices.ContainsFunc(puts, failed):`, `	case false:`},
	}, test{"infra", "TestReplayByReports/a_transfer"}},
	{"a further row without its first is reported as a decline", []edit{
		{"infra/cancelled.go", `	case slices.ContainsFunc(puts, failed):`, `	case slices.ContainsFunc(puts, failed) && !slices.ContainsFunc(moves, failed):`},
	}, test{"infra", "TestFurtherRowWithoutItsFirst"}},
	{"a further row without its first is to be tried again", []edit{
		{"infra/cancelled.go", `		return fmt.Errorf("a row of transaction %s is there without its first: %w", p.Rows[0].ID, cause)`,
			`		return fmt.Errorf("%w: a row of transaction %s is there without its first: %w", ledger.ErrTryAgain, p.Rows[0].ID, cause)`},
	}, test{"infra", "TestFurtherRowWithoutItsFirst"}},
	{"a replay is compared by its first entry", []edit{
		{"ledger/ledger.go", `!slices.EqualFunc(recorded.Entries, asked.Entries, Entry.Equal)`, `!slices.EqualFunc(recorded.Entries[:min(1, len(recorded.Entries))], asked.Entries[:min(1, len(asked.Entries))], Entry.Equal)`},
	}, test{"infra", "TestStore/entries_replayed"}},
	{"a replay's entries may stand in any order", []edit{
		{"ledger/ledger.go", `!slices.EqualFunc(recorded.Entries, asked.Entries, Entry.Equal)`, `len(recorded.Entries) != len(asked.Entries) || slices.ContainsFunc(recorded.Entries, func(e Entry) bool { return !slices.ContainsFunc(asked.Entries, e.Equal) })`},
	}, test{"ledger", "TestKeyAgain"}},
	{"metadata is not compared", []edit{
		{"ledger/ledger.go", `recorded.Metadata != asked.Metadata`, `false`},
	}, test{"infra", "TestStore/entries_replayed"}},
	{"a further row shows the metadata", []edit{
		{"ledger/posting.go", `			TransactionID: id,`, `			TransactionID: id,
			Metadata:      r.Metadata,`},
	}, test{"ledger", "TestRowsOfPosting"}},
	{"a bearer may debit others after the first entry", []edit{
		{"handler/rights.go", `return ownDebits(user, about) && !mints(about.entries)`, `return !mints(about.entries)`},
	}, test{"handler", "TestTokenAndEntries"}},
	{"a bearer may put another's entry first", []edit{
		{"handler/rights.go", `if len(about.entries) > 0 && isAnother(user, about.entries[0]) {`, `if false {`},
	}, test{"handler", "TestTokenAndEntries"}},
	{"a bearer with the scope may debit others", []edit{
		{"handler/rights.go", `{ownAndCovered, ownDebits}`, `{ownAndCovered, anything}`},
	}, test{"handler", "TestTokenAndEntries"}},
	{"a bearer may credit more than it debits", []edit{
		{"handler/rights.go", `(!debits || ledger.Mints(entries))`, `!debits`},
	}, test{"handler", "TestTokenAndEntries"}},
	{"a bearer hears another's balance", []edit{
		{"handler/problem.go", `case caller.mayReadBalance(declined.Entry().UserID):`, `case caller.mayReadBalance(t.UserID):`},
	}, test{"handler", "TestTokenHearsNoBalanceOfAnother"}},
	{"a payer may void its payment", []edit{
		{"handler/rights.go", `{received, received}, // a payer`, `{ownOrReceived, ownOrReceived}, // a payer`},
	}, test{"handler", "TestRights"}},
	{"a receiver sees the payer's metadata", []edit{
		{"handler/rights.go", `t.Metadata = ledger.Metadata{}`, `t.Metadata = t.Metadata`},
	}, test{"handler", "TestReceiverSeesThePayment"}},
	{"a stranger's lookup of a payment reads its end", []edit{
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
	return t, allow.check(t)`},
	}, test{"handler", "TestRights"}},
	{"another's transaction is told from one that is not there", []edit{
		{"handler/rights.go", `about.stored && !ownOrReceived(c.user, about)`, `false`},
	}, test{"handler", "TestRights"}},
	{"a route without rights is open to tokens", []edit{
		{"handler/routes.go", `if c.caller.rule(c.route) == nil {`, `if c.caller.kind == 0 {`},
	}, test{"handler", "TestRightsAreOfRoutes"}},
	{"an event may be of a token and of IAM's caller at once", []edit{
		{"handler/authorization.go", `, signed && claims != nil:`, `:`},
	}, test{"handler", "TestAuthorizers"}},
	{"a call by IAM is nothing where tokens decide", []edit{
		{"handler/authorization.go", `case e.direct, arn != "":`, `case e.direct, authorization == IAM && arn != "":`},
	}, test{"handler", "TestAuthorizers"}},

	// Holds.
	{"a hold may end twice", []edit{
		{"infra/move.go", `"attribute_exists("+ends[i]+")"`, `"attribute_exists(user_id)"`},
		{"ledger/id.go", `func (id TransactionID) End() TransactionID {
	return newID([]byte{0}, id[:], []byte("end"))`, `func (id TransactionID) End() TransactionID {
	return id.end("")
}

func (id TransactionID) end(kind End) TransactionID {
	return newID([]byte{0}, id[:], []byte("end"+kind))`},
		{"ledger/hold.go", `h.TransactionID.End(),`, `h.TransactionID.end(end),`},
	}, test{"infra", "TestStore/a_hold_ends_once"}},
	{"an end does not ask whether the hold is open", []edit{
		{"infra/move.go", `"attribute_exists("+ends[i]+")"`, `"attribute_exists(user_id)"`},
	}, test{"infra", "TestRequestsStayTheSame"}},
	{"each kind of end has an id", []edit{
		{"ledger/id.go", `func (id TransactionID) End() TransactionID {
	return newID([]byte{0}, id[:], []byte("end"))`, `func (id TransactionID) End() TransactionID {
	return id.end("")
}

func (id TransactionID) end(kind End) TransactionID {
	return newID([]byte{0}, id[:], []byte("end"+kind))`},
		{"ledger/hold.go", `h.TransactionID.End(),`, `h.TransactionID.end(end),`},
	}, test{"ledger", "TestPostingOfEnds"}},
	{"what has expired is released at once", []edit{
		{"ledger/hold.go", `!now.Before(h.ExpiresAt.Add(grace))`, `!now.Before(h.ExpiresAt)`},
	}, test{"ledger", "TestRefusals"}},
	{"what is captured too late is posted", []edit{
		{"ledger/end.go", `	if left <= 0 {
		return l.postEnd(ctx, ctx, t.ending(Expiry, Amount{}, by, now))`, `	if left <= 0 {
		return l.postEnd(ctx, ctx, t.ending(asked, captured, by, now))`},
	}, test{"infra", "TestStore/end_after_the_expiry"}},
	{"what is captured too late is told as captured", []edit{
		{"ledger/end.go", `if end.End != asked ||`, `if end.End != asked && end.End != Expiry ||`},
	}, test{"infra", "TestStore/end_after_the_expiry"}},
	{"a capture is sent after the expiry", []edit{
		{"ledger/end.go", `context.WithTimeout(ctx, left)`, `context.WithTimeout(ctx, left+grace)`},
	}, test{"ledger", "TestEndsByTime"}},
	{"the number of holds is not asked", []edit{
		{"infra/move.go", `"(attribute_not_exists(holds) OR holds < :most)"`, `"(attribute_not_exists(holds) OR holds < :most OR holds >= :most)"`},
	}, test{"infra", "TestStore/at_most_sixteen_holds"}},
	{"what is held is not taken from the balance", []edit{
		{"ledger/posting.go", `	m.Sum.move(row.Type, row.Amount)`, `	if row.Status != Pending {
		m.Sum.move(row.Type, row.Amount)
	}`},
	}, test{"infra", "TestStore/a_hold_keeps_money_aside"}},
	{"held is not counted down", []edit{
		{"ledger/posting.go", `	m.Held.subtract(h.Amount)`, ``},
	}, test{"infra", "TestStore/a_hold_ends_once"}},
	{"what was not captured is kept", []edit{
		{"ledger/posting.go", `m.Sum.subtract(row.Amount)`, `m.Sum.subtract(h.Amount)`},
	}, test{"infra", "TestStore/a_hold_keeps_money_aside"}},
	{"the receiver gets what was held", []edit{
		{"ledger/end.go", `			Amount:        captured,`, `			Amount:        e.Amount,`},
	}, test{"infra", "TestStore/payment_on_hold"}},
	{"a reading counts what has expired as held", []edit{
		{"ledger/hold.go", `		if h.spendable(now) {
			f.Balance.d = plus(`, `		if false {
			f.Balance.d = plus(`},
	}, test{"infra", "TestStore/what_has_expired_is_released"}},
	{"another amount captured is a replay", []edit{
		{"ledger/end.go", `asked == Capture && !end.Amount.Equal(captured)`, `false`},
	}, test{"infra", "TestStore/a_hold_ends_once"}},
	{"another time to expire is a replay", []edit{
		{"ledger/ledger.go", `recorded.ExpiresIn() != asked.ExpiresIn()`, `false`},
	}, test{"infra", "TestStore/a_pending_transaction_is_replayed"}},
	{"a replay hears that there are too many holds", []edit{
		{"ledger/ledger.go", `return l.unlessRecorded(ctx, id, answer)`, `return cmp.Or(answer, l.unlessRecorded(ctx, id, nil))`},
		{"ledger/ledger.go", `import (`, `import (
	"cmp"`},
	}, test{"infra", "TestReplayByReports/a_voided_hold"}},
	{"a replay hears of the receiver's limit", []edit{
		{"ledger/end.go", `return end, l.notStored(ctx, end.ID, err, refused.Unknown)`, `return end, err`},
	}, test{"infra", "TestReplayByReports/a_capture_that_fills_the_receiver"}},
	{"a release may lift no balance over the limit", []edit{
		{"ledger/posting.go", `MaxBefore: HighestBalance()`, `MaxBefore: Balance{maxBalance}`},
	}, test{"infra", "TestStore/release_over_the_limit"}},
	{"a release is forgotten when another user is reported", []edit{
		{"ledger/attempt.go", `	maps.Copy(next.accounts, a.accounts)
`, ``},
	}, test{"infra", "TestReleasesByReports/one_needed_later"}},
	{"releases that do not fit are not written", []edit{
		{"ledger/ledger.go", `		if p.Items() > MaxItems {`, `		if false {`},
	}, test{"infra", "TestStore/releases_that_do_not_fit"}},
	{"somebody else's end is damage", []edit{
		{"infra/cancelled.go", `		if m.Ends != nil {`, `		if false {`},
	}, test{"infra", "TestReleasesByReports/captured"}},

	// The edge.
	{"a call has no deadline of its own", []edit{
		{"handler/handler.go", `context.WithDeadline(ledger.WithTrace(ctx, &c.trace), deadline)`, `context.WithCancel(ledger.WithTrace(ctx, &c.trace))`},
	}, inTime},
	{"a call may take longer than the function", []edit{
		{"handler/handler.go", `answerWithin = 8 * time.Second`, `answerWithin = 20 * time.Second`},
	}, inTime},
	{"no margin before Lambda's deadline", []edit{
		{"handler/handler.go", `		deadline = end.Add(-answerMargin)`, `		deadline = end`},
	}, inTime},
	{"a 503 is logged as a failure", []edit{
		{"handler/log.go", `		level = slog.LevelError
		if`, `		level = slog.LevelError
		if false &&`},
	}, inTime},
	{"the default limit is another", []edit{
		{"handler/query.go", `defaultLimit = 50`, `defaultLimit = 51`},
	}, test{"handler", "TestHistoryHasFiftyUnlessAsked"}},
	{"only the first value of a header counts", []edit{
		{"handler/event_headers.go", `header[name] = slices.Concat(all, last)`, `header[name] = append(slices.Concat(all, last)[:0:0], slices.Concat(all, last)[:min(1, len(all)+len(last))]...)`},
	}, test{"handler", "TestKeySentTwice"}},
	{"the last of a header's two spellings counts", []edit{
		{"handler/event_headers.go", `h[name] = append(h[name], values...)`, `h[name] = values`},
	}, test{"handler", "TestKeySentTwice"}},
	{"a comma in a key is part of it", []edit{
		{"handler/key.go", `if strings.Contains(value, ",") {`, `if false {`},
	}, test{"handler", "TestKeyHeader"}},
	{"a stage is cut off twice", []edit{
		{"handler/event_path.go", `			return rest
`, `			return strings.TrimPrefix(rest, "/"+e.RequestContext.Stage)
`},
	}, test{"handler", "TestEventPaths"}},
	{"a bare event with an empty object is a read", []edit{
		{"handler/event.go", "string(e.Body) != `\"\"`", "string(e.Body) != `\"\"` && string(e.Body) != `{}`"},
	}, test{"handler", "TestDirectInvocations"}},
	{"a body that is not base64 is none", []edit{
		{"handler/event.go", `return nil, invalidField(bodyField, "must be base64, as isBase64Encoded says: "+err.Error())`, `return nil, nil`},
	}, test{"handler", "TestBodyNotBase64"}},
	{"a stranger hears what is wrong with the body", []edit{
		{"handler/invoke.go", `	if c.caller, err = h.callerOf(e); err != nil {`, `	if bodyErr != nil {
		return bodyErr
	}
	if c.caller, err = h.callerOf(e); err != nil {`},
	}, test{"handler", "TestBodyNotBase64"}},
	{"Lambda's request id comes before the gateway's", []edit{
		{"handler/invoke.go", `if e.RequestContext.RequestID != "" {`, `if _, ok := lambdacontext.FromContext(ctx); !ok {`},
	}, test{"handler", "TestRequestID"}},
	{"a panic ends the function", []edit{
		{"handler/handler.go", `cause := recover(); cause != nil`, `cause := any(nil); cause != nil`},
	}, test{"handler", "TestPanicIsA500"}},

	// The rows.
	{"a row without a balance has the opening balance", []edit{
		{"infra/account.go", `	if len(row) == 0 {`, `	if row["balance"] == nil {`},
	}, test{"infra", "TestDamagedRows"}},
	{"a declined row may lack its balance", []edit{
		{"infra/rows.go", `	t.BalanceSeen = decodeNumber(d, "balance", ledger.ParseBalance)
	if`, `	t.BalanceSeen = decodeNumber(&decoder{row: d.row}, "balance", ledger.ParseBalance)
	if`},
	}, test{"infra", "TestDamagedRows"}},
	{"numbers are read by their notation", []edit{
		{"infra/rows.go", `parse(value.Text('f'))`, `parse(n.Value)`},
	}, test{"infra", "TestDecodeByValue"}},

	// Refunds.
	{"a refund counts nowhere", []edit{
		{"infra/store.go", `writes = append(writes, types.TransactWriteItem{Update: s.countRefund(p.Refund, p.Rows[0].CreatedAt)})`, ``},
	}, test{"infra", "TestStore/refunds_in_parts"}},
	{"a refund has no limit", []edit{
		{"infra/refunds.go", `rules = append(rules, rule)`, `rules = append(rules[:0], "attribute_not_exists(nothing)")`},
	}, simulation},
	{"a refund's limit is answered without a read", []edit{
		{"ledger/ledger.go", `return first, l.notStored(ctx, first.ID, misfit.err, next.unknown)`, `return first, misfit.err`},
	}, simulation},
	{"a balance declines a refund before its limit", []edit{
		{"infra/cancelled.go", `case slices.ContainsFunc(refund, failed):`, `case slices.ContainsFunc(refund, failed) && !slices.ContainsFunc(moves, failed):`},
	}, test{"infra", "TestStore/refund_account_before_balances"}},
	{"a refund of another transaction is a replay", []edit{
		{"ledger/ledger.go", `RefundOfDiffers:  recorded.RefundOf != asked.RefundOf,`, ``},
	}, test{"infra", "TestStore/a_refund_is_replayed"}},
	{"a capture is refunded by what was held", []edit{
		{"ledger/refund.go", `o.Entries[i].Amount = t.Captured`, `o.Entries[i].Amount = t.Amount`},
	}, test{"infra", "TestStore/refund_of_a_capture"}},
	{"a null refunds the whole", []edit{
		{"handler/refunds.go", "Ammount  jsontext.Value `json:\"ammount\"`", "Ammount  member         `json:\"ammount\"`"},
	}, test{"handler", "TestRefundRejected"}},
	{"a token refunds", []edit{
		{"handler/rights.go", `	"POST /transactions/{id}/void":    {received, received},`, `	"POST /transactions/{id}/refunds": {anything, anything},
	"POST /transactions/{id}/void":    {received, received},`},
	}, test{"handler", "TestRights"}},
	{"the audit compares no refund accounts", []edit{
		{"infra/audit/refunds.go", `described == made {`, `described != "" {`},
	}, test{"infra/audit", "TestDamage"}},
	{"a refund may be older than the capture", []edit{
		{"infra/internal/books/refunds.go", `t.Status, o.Since = end.Status, end.CreatedAt`, `t.Status = end.Status`},
	}, test{"infra/audit", "TestDamage"}},
	{"a rebuild keeps refunds of nothing", []edit{
		{"infra/internal/books/whole.go", `case w.Lacks != ledger.TransactionID{}:`, `case false:`},
	}, test{"infra/audit", "TestTornTransactions"}},
	{"a rebuild loses a refund that is made meanwhile", []edit{
		{"infra/audit/write.go", `	condition, names, values := asStored(stored)`, `	_, names, values := asStored(nil)
	condition := "attribute_exists(user_id) OR attribute_not_exists(user_id)"`},
	}, test{"infra/audit", "TestRebuildOfMovingRows"}},

	// Account rules.
	{"a block stops no debit", []edit{
		{"infra/move.go", `u.rules = append(u.rules, debitsAllowed)`, ``},
	}, test{"infra", "TestStore/blocked_debits_are_declined"}},
	{"a block stops no capture", []edit{
		{"infra/move.go", `u.rules = append(u.rules, creditsAllowed)`, ``},
	}, test{"infra", "TestStore/blocked_credits_are_declined"}},
	{"a block is declined by the balance", []edit{
		{"ledger/attempt.go", `return misfit{place: i, seen: before, blocked: true}, true`, `return misfit{place: i, seen: before}, true`},
	}, test{"infra", "TestStore/a_block_is_the_first_reason"}},
	{"a limit forgets the change before it", []edit{
		{"infra/move.go", `sameChanges = "rule_changes = :seen"`, `sameChanges = "rule_changes >= :seen"`},
	}, test{"infra", "TestStore/limits_at_once"}},
	{"a lower limit may be in use", []edit{
		{"ledger/rules.go", `m.MinBefore.d = minus(apd.Decimal{}, m.Sum.d)`, `m.MinBefore.d = apd.Decimal{}`},
	}, test{"infra", "TestStore/a_credit_limit_is_lent"}},
	{"a lent limit has no ceiling", []edit{
		{"ledger/rules.go", `m.MaxBefore.d = minus(maxBalance, m.Sum.d)`, ``},
	}, test{"infra", "TestStore/a_credit_limit_and_the_ceiling"}},
	{"a replay of a change is taken for another", []edit{
		{"ledger/rules.go", `c.CreditLimit != nil && !c.CreditLimit.Equal(*other.CreditLimit)`, `c.CreditLimit != nil && c.CreditLimit != other.CreditLimit`},
	}, test{"infra", "TestStore/a_change_of_rules_is_replayed"}},

	{"a declined change of rules is not stored", []edit{
		{"ledger/rules.go", `return row, l.store.Decline(ctx, row)`, `return row, nil`},
	}, test{"infra", "TestReplayByReports/a_change_of_rules"}},
	{"the audit compares no rules", []edit{
		{"infra/internal/books/rules.go", `case problem == "" && sameRules(rules, after.Rules):`, `case problem == "" && sameRules(rules, rules):`},
	}, test{"infra/audit", "TestDamage"}},
	{"a lost change of rules blocks nothing", []edit{
		{"infra/internal/books/rules.go", `ledger.RuleChange{Debits: ledger.Blocked, Credits: ledger.Blocked, Number: n}`, `ledger.RuleChange{Debits: ledger.Allowed, Number: n}`},
	}, test{"infra/audit", "TestRebuild"}},

	// The settings.
	{"a version with other settings serves", []edit{
		{"infra/settings.go", `if !tables.Equal(s.settings) {`, `if false {`},
	}, test{"infra", "TestStartRefusesOtherSettings"}},
	{"a start takes another's row for a transaction", []edit{
		{"infra/settings.go", `	row, err := s.readSettings(ctx)
	if err == nil && row == nil {`, `	var row item
	if err == nil && row == nil {`},
	}, test{"infra", "TestStartsAtOnce"}},
	{"calls trust settings that the start could not read", []edit{
		{"infra/settings.go", `s.unconfirmed.Store(err != nil)`, `s.unconfirmed.Store(false)`},
	}, test{"infra", "TestCallsReadTheSettings"}},

	// The audit.
	{"the audit scans what may be old", []edit{
		{"infra/audit/read.go", `TableName:              &table,
		ConsistentRead:         aws.Bool(true),`, `TableName:              &table,`},
	}, test{"infra/audit", "TestInMotion"}},
	{"the audit gives postings no time to settle", []edit{
		{"infra/audit/settle.go", `	if err := sleep(ctx, a.settle); err != nil {
		return err
	}
	err = a.tables.scan(ctx, a.tables.config.TransactionsTable, "transactions, again"`, `	err = a.tables.scan(ctx, a.tables.config.TransactionsTable, "transactions, again"`},
	}, test{"infra/audit", "TestInMotion"}},
}
