package ledger_test

import (
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
