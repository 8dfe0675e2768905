package infra

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// The delays in a storm: more callers of one user than [conflictDelay] serves.
// There each call makes as many attempts as it has time, and four times the callers
// eleven times the attempts.
//
// A call whose conflicts last longer than patience takes the narrow window, and
// after as long again the wide one. The store remembers the window for stormMemory,
// and longer while calls last several windows. Before the first attempt of its next
// posting to this user the store waits for a window, and after each conflict for a
// fifth less. So a caller that has just succeeded does not win again at once, and
// older calls attempt more often than younger ones. The narrow window serves about
// 64 callers at few attempts each, the wide one about 250.
//
// A window that adapts in small steps does worse. Each environment counts its own
// conflicts only, so their windows drift apart, and the longer ones starve.
const (
	patience      = 1600 * time.Millisecond // 64 callers seldom need more
	narrowWindow  = 250 * time.Millisecond
	wideWindow    = time.Second
	stormMemory   = 30 * time.Second
	stormWindows  = 3  // a call that lasts longer renews the memory
	shortestShare = 50 // of its window, the shortest delay
)

// storm is the memory of the last storm that a store has met: the user whose
// balance was contended, and the window. It is safe for concurrent use.
type storm struct {
	mu     sync.Mutex
	user   ledger.UserID
	window time.Duration
	until  time.Time
}

// remember starts the memory of a window of a user.
func (s *storm) remember(user ledger.UserID, window time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user, s.window, s.until = user, window, time.Now().Add(stormMemory)
}

// windowOf returns the window of a posting, or 0 if none of its users is
// remembered.
func (s *storm) windowOf(moves []ledger.Move) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.until) && slices.ContainsFunc(moves, func(m ledger.Move) bool { return m.UserID == s.user }) {
		return s.window
	}
	return 0
}

// turns are the delays of one call in a storm.
type turns struct {
	window time.Duration // 0: no storm so far
	delay  time.Duration // the next
	since  time.Duration // the age at which the call took the window
}

// conflict counts a conflict at an age. It reports whether the store must remember
// the window.
func (t *turns) conflict(age time.Duration) (remember bool) {
	if t.window == 0 && t.since == 0 {
		t.since = age // the time before the first conflict was no contention
	}
	waited := age - t.since
	if waited > patience && t.window < wideWindow {
		window := wideWindow
		if t.window == 0 {
			window = narrowWindow
		}
		*t = turns{window, window / 2, age} // half, as this call has waited
		return true
	}
	t.delay = max(t.window/shortestShare, t.delay*4/5)
	return t.window > 0 && waited > stormWindows*t.window
}

// contended returns the user whose balance another request was writing.
func contended(p ledger.Posting, err error) (user ledger.UserID, ok bool) {
	cancelled, isCancelled := errors.AsType[*types.TransactionCanceledException](err)
	if !isCancelled || len(cancelled.CancellationReasons) != p.Items() {
		return user, false
	}
	i := slices.IndexFunc(cancelled.CancellationReasons[len(p.Rows):len(p.Rows)+len(p.Moves)], func(reason types.CancellationReason) bool {
		return aws.ToString(reason.Code) == transactionConflict
	})
	if i < 0 {
		return user, false
	}
	return p.Moves[i].UserID, true
}
