package main

// defect is one, and the test that must find it.
type defect struct {
	name  string
	edits []edit
	kills test
}

// edit replaces a text that stands in a file exactly once.
type edit struct{ file, before, after string }

// test is one test of a package, by its path of names.
type test struct{ dir, name string }

var (
	simulation = test{"infra/proof/simulation", "TestSimulation"}
	limit      = test{"infra", "TestStore/balance_limit"}
	taken      = test{"infra", "TestStore/recorded_whatever_the_balance"}
	requests   = test{"infra", "TestRequestsPerOutcome"}
	ids        = test{"ledger", "TestTransactionIDNeverChanges"}
)

// defects are of the kinds that ledgers really have.
var defects = []defect{
	{"a debit has no condition", []edit{
		{"infra/store.go", `debitInRange   = "balance >= :amount"`, `debitInRange   = "attribute_exists(user_id)"`},
	}, simulation},
	{"a credit has no ceiling", []edit{
		{"infra/store.go", `"balance <= :headroom OR`, `"balance <= :headroom OR attribute_exists(user_id) OR`},
	}, limit},
	{"a row may be written again", []edit{
		{"infra/store.go", `"attribute_not_exists(id)"`, `"attribute_not_exists(id) OR attribute_exists(id)"`},
	}, simulation},
	{"a decline may overwrite a row", []edit{
		{"infra/store.go", "PutItemInput{\n\t\tTableName:                           &s.transactions,\n\t\tItem:                                row,\n\t\tConditionExpression:                 aws.String(idIsNew),",
			"PutItemInput{\n\t\tTableName:                           &s.transactions,\n\t\tItem:                                row,"},
	}, simulation},
	{"a decline is not stored", []edit{
		{"ledger/ledger.go", `err = l.store.Decline(ctx, t)`, `err = nil`},
	}, simulation},
	{"the old row is not asked for", []edit{
		{"infra/store.go", "ConditionExpression:                 aws.String(idIsNew),\n\t\tReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,\n\t}\n\twrites",
			"ConditionExpression:                 aws.String(idIsNew),\n\t}\n\twrites"},
	}, simulation},
	{"the old balance is not asked for", []edit{
		{"infra/cancelled.go", `decodeBalance(update.Item)`, `decodeBalance(nil)`},
	}, simulation},
	{"a conflict is told as a decline", []edit{
		{"infra/cancelled.go", `case Transient(cancelled):`, `case false:`},
		{"infra/cancelled.go", `aws.ToString(update.Code) == conditionFailed:`, `aws.ToString(update.Code) != "None":`},
		{"infra/transient.go", `return transientReasons[aws.ToString(reason.Code)]`, `return false`},
	}, simulation},
	{"a conflict is told as a defect", []edit{
		{"infra/transient.go", `transactionConflict:             true,`, ``},
	}, simulation},
	{"a lost answer is told as a defect", []edit{
		{"infra/transient.go", `	return lost(err)`, `	return false && lost(err)`},
	}, simulation},
	{"the balance comes before the taken id", []edit{
		{"infra/cancelled.go", `case idTaken(cancelled):`, `case idTaken(cancelled) && aws.ToString(update.Code) != conditionFailed:`},
	}, taken},
	{"a retry has a new id", []edit{
		{"ledger/ledger.go", `NewTransactionID(r.UserID, r.IdempotencyKey),`, `TransactionID([]byte(l.now().Format("0102150405.00000"))),`},
	}, simulation},
	{"a key is not its user's", []edit{
		{"ledger/id.go", `[]byte(user.text), []byte{0},`, `[]byte{0},`},
	}, ids},
	{"an amount is rounded to dollars", []edit{
		{"infra/store.go", `":amount":  number(t.Amount),`, `":amount":  &types.AttributeValueMemberN{Value: strings.Split(t.Amount.String(), ".")[0]},`},
		{"infra/store.go", `	"time"`, `	"strings"` + "\n" + `	"time"`},
	}, simulation},
	{"the first debit starts from nothing", []edit{
		{"infra/store.go", `":opening": number(ledger.OpeningBalance()),`, `":opening": &types.AttributeValueMemberN{Value: "0"},`},
	}, simulation},
	{"the first debit is refused", []edit{
		{"infra/store.go", `debitInRange + " OR attribute_not_exists(user_id)"`, `debitInRange`},
	}, simulation},
	{"a balance is read before it is consistent", []edit{
		{"infra/store.go", `ConsistentRead: aws.Bool(true)`, `ConsistentRead: aws.Bool(false)`},
	}, simulation},
	{"a debit is not counted", []edit{
		{"infra/store.go", `- :amount ADD version :one"`, `- :amount"`},
	}, simulation},
	{"another amount under a key is a replay", []edit{
		{"ledger/ledger.go", `!recorded.Amount.Equal(asked.Amount)`, `false`},
	}, simulation},
	{"a replay is told with its own time", []edit{
		{"ledger/ledger.go", `Result{Transaction: recorded, Replayed: true}`, `Result{Transaction: asked, Replayed: true}`},
	}, simulation},
	{"a stored decline is told as posted", []edit{
		{"ledger/ledger.go", `	case Declined:
		return Result{}`, `	case Declined:
		if r.Replayed {
			return r, nil
		}
		return Result{}`},
	}, simulation},
	{"a balance is read first", []edit{
		{"ledger/ledger.go", `	err := l.store.Post(ctx, t)`, `	_, err := l.store.Balance(ctx, t.UserID)` + "\n\t" + `err = l.store.Post(ctx, t)`},
	}, requests},
}
