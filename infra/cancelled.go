package infra

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

const conditionFailed = "ConditionalCheckFailed"

// idTaken reports whether a posting was cancelled because its first row's id is taken, even
// if other conditions failed too. A retry can't succeed then.
func idTaken(err error) bool {
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	return ok && slices.IndexFunc(cancelled.CancellationReasons, failed) == 0
}

func failed(reason types.CancellationReason) bool {
	return aws.ToString(reason.Code) == conditionFailed
}

// postError returns the [ledger.Store] error for a posting that failed with err. DynamoDB
// reports one cancellation reason for each write, in order. It can mix reasons of several
// kinds, and leave out some failed conditions. So the order of the cases matters. A taken
// id comes first, because the stored transaction is the answer. Contention comes next,
// because it can hide a taken id. The refund account comes before balances, because a
// decline by a balance would use up the key.
func (s *Store) postError(ctx context.Context, p ledger.Posting, err error) error {
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok || len(cancelled.CancellationReasons) != p.Items() {
		return storeError(err)
	}
	puts, rest := cancelled.CancellationReasons[:len(p.Rows)], cancelled.CancellationReasons[len(p.Rows):]
	moves, refund := rest[:len(p.Moves)], rest[len(p.Moves):]
	switch {
	case failed(puts[0]):
		return s.recorded(ctx, p.Rows[0].ID, puts[0].Item)
	case Transient(err):
		return storeError(err)
	case !onlyConditions(cancelled.CancellationReasons):
		return err
	case slices.ContainsFunc(puts, failed):
		return s.explainTakenRow(ctx, p, puts, err)
	case slices.ContainsFunc(refund, failed):
		return s.refundRefused(ctx, p.Refund.Of.ID, refund[0].Item)
	default:
		return s.refused(ctx, p.Moves, moves)
	}
}

// onlyConditions reports whether at least one of the reasons is a failed condition, and no
// reason is anything else.
func onlyConditions(reasons []types.CancellationReason) bool {
	return slices.ContainsFunc(reasons, failed) && !slices.ContainsFunc(reasons, func(reason types.CancellationReason) bool {
		return !failed(reason) && aws.ToString(reason.Code) != "None"
	})
}

// explainTakenRow returns the error for a posting if the id of a row other than its first
// is taken. There are three causes: the first row is stored too, another caller ended the
// same hold, or the table is damaged.
func (s *Store) explainTakenRow(ctx context.Context, p ledger.Posting, puts []types.CancellationReason, cause error) error {
	t, err := s.Transaction(ctx, p.Rows[0].ID)
	switch {
	case err == nil:
		return &ledger.RecordedError{Recorded: t}
	case !errors.Is(err, ledger.ErrNotFound):
		return err
	}
	for i, put := range puts {
		if failed(put) && p.Rows[i].Kind() != ledger.EndRow {
			return fmt.Errorf("transaction %s has a row but no first row: %w", p.Rows[0].ID, cause)
		}
	}
	accounts := map[ledger.UserID]ledger.Account{}
	for _, m := range p.Moves {
		if m.Ends != nil {
			if accounts[m.UserID], err = s.Account(ctx, m.UserID); err != nil {
				return err
			}
		}
	}
	return &ledger.RefusedError{Accounts: accounts, ReadLater: true}
}

// refused returns the error for a posting with failed moves. There is one reason for each
// move, usually with the user's row. If a reason lacks the row, refused reads it, because a
// decline based on the opening balance would stay for ever. No row is ever deleted, so a
// row that is still absent was absent at the refusal.
func (s *Store) refused(ctx context.Context, moves []ledger.Move, reasons []types.CancellationReason) error {
	refused := &ledger.RefusedError{Accounts: map[ledger.UserID]ledger.Account{}}
	for i, reason := range reasons {
		if !failed(reason) {
			continue
		}
		row := reason.Item
		if len(row) == 0 {
			var err error
			if row, err = s.accountRow(ctx, moves[i].UserID); err != nil {
				return err
			}
			refused.ReadLater = refused.ReadLater || len(row) > 0
		}
		account, err := s.decodeAccount(row)
		if err != nil {
			return err
		}
		refused.Accounts[moves[i].UserID] = account
	}
	return refused
}

// recorded returns the [ledger.Store] error for a taken id. row is the stored row, if the
// failed condition returned it. Otherwise recorded reads it.
func (s *Store) recorded(ctx context.Context, id ledger.TransactionID, row item) error {
	if len(row) == 0 {
		var err error
		if row, err = s.read(ctx, s.transactions, item{"id": text(id)}); err != nil {
			return fmt.Errorf("read transaction %s: %w", id, err)
		}
	}
	t, err := DecodeTransaction(row)
	if err != nil {
		return err
	}
	return &ledger.RecordedError{Recorded: t}
}
