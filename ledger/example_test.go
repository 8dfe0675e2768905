package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"onewrite/ledger"
)

// Amounts are exact decimals. An exponent or a third decimal place is an error.
func ExampleSettings_ParseAmount() {
	for _, text := range []string{"12.50", "1e3", "0.001"} {
		amount, err := ledger.DefaultSettings().ParseAmount(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(amount)
	}
	// Output:
	// 12.5
	// invalid amount: must be a plain decimal such as "12.50": digits, no sign, no exponent, no spaces
	// invalid amount: must have at most two decimal places
}

// A debit is posted, declined or unknown. An unknown outcome is settled by the same request
// again: it can't move the money twice.
func ExampleLedger_Post() {
	var store ledger.Store = &script{answers: []error{nil}} // a stand-in for infra's Store
	l := ledger.New(store, time.Now)
	amount, _ := ledger.DefaultSettings().ParseAmount("12.50")
	user, _ := ledger.ParseUserID("1")
	key, _ := ledger.ParseIdempotencyKey("order-1")
	result, err := l.Post(context.Background(), ledger.Request{
		IdempotencyKey: key,
		Entries:        []ledger.Entry{{UserID: user, Type: ledger.Debit, Amount: amount}},
	})
	switch {
	case errors.Is(err, ledger.ErrInsufficientFunds):
		fmt.Println("declined, whatever the balance is later")
	case errors.Is(err, ledger.ErrTryAgain):
		fmt.Println("unknown: post the same request again")
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println(result.Transaction.Status, result.Transaction.ID)
	}
	// Output:
	// posted e6215016-3b6d-874c-8a8d-902b914536c4
}

// A transfer is one write with a row for each entry and a move for each user. The debit is
// allowed if the payer's balance is at least 10.
func ExampleNewPosting() {
	amount, _ := ledger.DefaultSettings().ParseAmount("10")
	payer, _ := ledger.ParseUserID("1")
	payee, _ := ledger.ParseUserID("2")
	key, _ := ledger.ParseIdempotencyKey("order-7")
	posting, err := ledger.NewPosting(ledger.Request{
		IdempotencyKey: key,
		Entries: []ledger.Entry{
			{UserID: payer, Type: ledger.Debit, Amount: amount},
			{UserID: payee, Type: ledger.Credit, Amount: amount},
		},
	}, time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range posting.Rows {
		fmt.Println(row.ID, row.UserID, row.Type, row.Amount)
	}
	for _, move := range posting.Moves {
		fmt.Println(move.UserID, move.Sum, "if the balance is at least", move.MinBefore)
	}
	// Output:
	// ca958698-2f27-890a-bf80-cddde22edec7 1 debit 10
	// 620c745a-6d2c-840d-9d9e-8d834d9adccc 2 credit 10
	// 1 -10 if the balance is at least 10
	// 2 10 if the balance is at least 0
}
