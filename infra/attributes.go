package infra

import (
	"reflect"
	"strings"
)

// TransactionAttributes returns the names of all attributes that a transaction's row, an
// end's row or a rule change's row can have.
func TransactionAttributes() (names []string) {
	for field := range reflect.TypeFor[transactionRow]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("dynamodbav"), ",")
		names = append(names, name)
	}
	return names
}

// AggregateAttributes returns the names of all attributes that the store writes to users'
// rows in the transactions_aggregate table, except open holds: see [IsHoldAttribute].
func AggregateAttributes() []string {
	return []string{"user_id", "balance", "version", "held", "holds", "transaction_id", debitsBlocked, creditsBlocked, creditLimit, ruleChanges}
}

// IsHoldAttribute reports whether the attribute with this name, in the
// transactions_aggregate table, is an open hold.
func IsHoldAttribute(name string) bool { return strings.HasPrefix(name, holdPrefix) }
