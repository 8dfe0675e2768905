package ledger

// InvalidError says why a value was rejected, in words for the person who sent
// it. It unwraps to the sentinel of the parser: [ErrInvalidAmount],
// [ErrInvalidBalance], [ErrInvalidUserID], [ErrInvalidIdempotencyKey],
// [ErrInvalidType], [ErrInvalidStatus], [ErrInvalidTime],
// [ErrInvalidTransactionID] or [ErrInvalidCursor].
type InvalidError struct {
	Err    error
	Reason string // completes a sentence that begins with the field's name: "must be …"
}

func (e *InvalidError) Error() string { return e.Err.Error() + ": " + e.Reason }

func (e *InvalidError) Unwrap() error { return e.Err }
