package books

import (
	"errors"
	"fmt"
	"strings"

	"onewrite/infra"
	"onewrite/ledger"
)

// tooFine returns the row's sums with more decimal places than the tables' settings
// allow, which no posting writes, or "".
func tooFine(s ledger.Settings, t ledger.Transaction) string {
	f := fineness{settings: s}
	f.check("ammount", t.Amount)
	f.check("balance", t.BalanceSeen)
	f.check("held", t.Held)
	if t.Rules != nil && t.Rules.CreditLimit != nil {
		f.check("credit_limit", t.Rules.CreditLimit)
		f.check("credit_limit_before", t.Rules.LimitBefore)
	}
	for _, e := range t.Entries {
		f.check("entries", e.Amount)
	}
	return f.String()
}

// tooFineBalance does the same for a user's balance.
func tooFineBalance(s ledger.Settings, a infra.Aggregate) string {
	f := fineness{settings: s}
	f.check("balance", a.Balance)
	f.check("credit_limit", a.CreditLimit)
	for _, h := range a.Holds {
		f.check("hold", h.Amount)
	}
	return f.String()
}

// tooFineRefunds does the same for a refund account.
func tooFineRefunds(s ledger.Settings, a infra.RefundAccount) string {
	f := fineness{settings: s}
	for place, sum := range a.Sums {
		f.check(fmt.Sprint("r", place), sum)
	}
	return f.String()
}

// fineness collects the attributes with too many decimal places.
type fineness struct {
	settings ledger.Settings
	wrong    []string
}

func (f *fineness) check(name string, sum fmt.Stringer) {
	if invalid, ok := errors.AsType[*ledger.InvalidError](f.settings.CheckPlaces(sum)); ok {
		f.wrong = append(f.wrong, fmt.Sprintf("%s: is %s, %s", name, sum, invalid.Reason))
	}
}

func (f *fineness) String() string { return strings.Join(f.wrong, "; ") }
