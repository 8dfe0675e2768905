package handler

import "onewrite/ledger"

// changeRules answers POST /accounts.
func (h *Handler) changeRules(c *call) (answer, error) {
	body, err := readBody(c)
	if err != nil {
		return answer{}, err
	}
	invalid := &invalidRequest{}
	r := ledger.RulesRequest{IdempotencyKey: parseKey(invalid, c.Header), PostedBy: c.caller.name}
	parseRules(invalid, h.settings, body, &r)
	if err := invalid.err(); err != nil {
		return answer{}, err
	}
	c.user, c.transaction = r.UserID, r.TransactionID().String()
	result, err := h.ledger.ChangeRules(c.Context(), r)
	if err != nil {
		return answer{}, err
	}
	return h.createdAnswer(c, result), nil
}

type ruleMembers struct {
	UserID      member `json:"userId"`
	Debits      member `json:"debits"`
	Credits     member `json:"credits"`
	CreditLimit member `json:"creditLimit"`
	Currency    member `json:"currency"`
	Metadata    member `json:"metadata"`
}

func parseRules(invalid *invalidRequest, s ledger.Settings, body []byte, r *ledger.RulesRequest) {
	var m ruleMembers
	if !readObject(invalid, body, &m, "a JSON object") {
		return
	}
	r.UserID = parseMember(invalid, userField, m.UserID, aString, ledger.ParseUserID)
	if m.Debits != nil {
		r.Change.Debits = parseMember(invalid, debitsField, m.Debits, aString, ledger.ParsePermission)
	}
	if m.Credits != nil {
		r.Change.Credits = parseMember(invalid, creditsField, m.Credits, aString, ledger.ParsePermission)
	}
	if m.CreditLimit != nil {
		r.Change.CreditLimit = new(parseMember(invalid, creditLimitField, m.CreditLimit, aStringOrNumber, s.ParseCreditLimit))
	}
	if m.Debits == nil && m.Credits == nil {
		invalid.addError(bodyField, r.Change.Check())
	}
	checkCurrency(invalid, s, "", m.Currency)
	r.Metadata = parseMetadata(invalid, m.Metadata)
}

// blocks maps each entry type to the name that answers use for the block on such entries.
var blocks = map[ledger.Type]string{ledger.Debit: debitsField, ledger.Credit: creditsField}

func blocked(r ledger.Rules) (list []string) {
	if r.DebitsBlocked {
		list = append(list, blocks[ledger.Debit])
	}
	if r.CreditsBlocked {
		list = append(list, blocks[ledger.Credit])
	}
	return list
}
