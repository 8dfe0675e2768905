// Package storetest is the acceptance suite for [ledger.Store]. The store passes it on DynamoDB and
// on the DynamoDB model, so results on the model hold for DynamoDB.
package storetest

import (
	"testing"

	"onewrite/infra/infratest"
)

// Open makes new books for a test. They are checked when t ends.
type Open func(t testing.TB) *infratest.Books

// Run holds a store to the promises of [ledger.Store], by itself and under a [ledger.Ledger].
func Run(t *testing.T, open Open) {
	for _, promise := range []struct {
		name string
		test func(*testing.T, *books)
	}{
		{"recorded whatever the balance", recordedWhateverTheBalance},
		{"refusal after attempts", refusalAfterAttempts},
		{"caller is gone", callerIsGone},
		{"rows are read back", rowsAreReadBack},

		{"entries move balances", entriesMoveBalances},
		{"first post starts from opening balance", firstPostStartsFromOpeningBalance},
		{"most entries", mostEntries},
		{"entries in their order", entriesInTheirOrder},
		{"declined as a whole", declinedAsAWhole},
		{"balance limit", balanceLimit},
		{"key reused", keyReused},
		{"entries replayed", entriesReplayed},
		{"users share keys", usersShareKeys},
		{"forty debits at once", fortyDebitsAtOnce},
		{"one key at once", oneKeyAtOnce},
		{"one key, two payloads at once", oneKeyTwoPayloadsAtOnce},

		{"a hold keeps money aside", holdKeepsMoneyAside},
		{"a hold ends once", aHoldEndsOnce},
		{"payment on hold", paymentOnHold},
		{"capture over the receiver's limit", captureOverTheReceiversLimit},
		{"not pending", notPending},
		{"a pending transaction is replayed", pendingIsReplayed},
		{"what has expired is released", expiredIsReleased},
		{"end after the expiry", endAfterExpiry},
		{"at most sixteen holds", atMostSixteenHolds},
		{"release over the limit", releaseOverTheLimit},
		{"the limit is on what is stored", limitIsOnTheStored},
		{"releases that do not fit", releasesThatDoNotFit},
		{"ends at once", endsAtOnce},

		{"refunds in parts", refundsInParts},
		{"refunds of entries", refundsOfEntries},
		{"refunds of all at once", refundsOfAllAtOnce},
		{"refund of a capture", refundOfCapture},
		{"not refundable", notRefundable},
		{"a refund is declined by a balance", refundDeclinedByBalance},
		{"a refund is replayed", refundReplayed},
		{"refund account before balances", refundAccountBeforeBalances},
		{"a refund releases", refundReleases},
		{"refunds at once", refundsAtOnce},

		{"blocked debits are declined", blockedDebitsAreDeclined},
		{"blocked credits are declined", blockedCreditsAreDeclined},
		{"what is held goes on under a block", holdsGoOnUnderABlock},
		{"a block is the first reason", blockIsTheFirstReason},
		{"a credit limit is lent", creditLimitIsLent},
		{"a credit limit and the ceiling", creditLimitAndCeiling},
		{"a lower limit releases what has expired", lowerLimitReleases},
		{"a change of rules is replayed", changeOfRulesIsReplayed},
		{"limits at once", limitsAtOnce},
		{"a block among debits", blockAmongDebits},

		{"history pages", historyPages},
		{"history of one time", historyOfOneTime},
		{"entries in history", entriesInHistory},
		{"cursor of another user", cursorOfAnotherUser},
	} {
		t.Run(promise.name, func(t *testing.T) {
			t.Parallel()
			promise.test(t, newBooks(open(t)))
		})
	}
}
