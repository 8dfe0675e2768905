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

// These are the delays in a storm, when more callers post to one user than [conflictDelay]
// can serve. With that delay, each call would retry for as long as it has time, and four
// times the callers would make eleven times the attempts.
//
// A call's window is its longest delay. When its conflicts last longer than patience, the
// call switches to the narrow window, and when they last as long again, to the wide one.
// Each conflict shortens the delay by a fifth, so older calls retry more often than younger
// ones. The store remembers the window for stormMemory, and longer while conflicts last
// several windows. The next posting to this user waits for one window before its first
// attempt, so a caller that has just succeeded does not win again at once. With the narrow
// window about 64 callers need few attempts each, with the wide one about 250.
//
// A window that adapts in small steps performs worse. Each environment counts only its own
// conflicts, so the windows drift apart, and callers with long windows starve.
const (
	patience      = 1600 * time.Millisecond // usually enough for 64 callers
	narrowWindow  = 250 * time.Millisecond
	wideWindow    = time.Second
	stormMemory   = 30 * time.Second
	stormWindows  = 3  // a call whose conflicts last more windows than this renews the memory
	shortestShare = 50 // the shortest delay is the window divided by this
)

// storm remembers the store's last storm: the user whose balance was contended, and the
// window. It is safe for concurrent use.
type storm struct {
	mu     sync.Mutex
	user   ledger.UserID
	window time.Duration
	until  time.Time
}

func (s *storm) remember(user ledger.UserID, window time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user, s.window, s.until = user, window, time.Now().Add(stormMemory)
}

// windowOf returns the remembered window if one of the moves is on the remembered user's
// balance, and otherwise 0.
func (s *storm) windowOf(moves []ledger.Move) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.until) && slices.ContainsFunc(moves, func(m ledger.Move) bool { return m.UserID == s.user }) {
		return s.window
	}
	return 0
}

// turns computes one call's delays in a storm.
type turns struct {
	window time.Duration // 0 until the call is in a storm
	delay  time.Duration // before the next attempt
	since  time.Duration // the call's age at its first conflict, or when it switched to the window
}

// conflict updates the delay after a conflict at this age of the call. It reports whether
// the store must remember the window.
func (t *turns) conflict(age time.Duration) (remember bool) {
	if t.window == 0 && t.since == 0 {
		t.since = age // the time before the first conflict does not count
	}
	waited := age - t.since
	if waited > patience && t.window < wideWindow {
		window := wideWindow
		if t.window == 0 {
			window = narrowWindow
		}
		*t = turns{window, window / 2, age} // half a window, because this call has already waited
		return true
	}
	t.delay = max(t.window/shortestShare, t.delay*4/5)
	return t.window > 0 && waited > stormWindows*t.window
}

// contended returns the user on whose balance the posting had a conflict. ok is false if
// err is not such a conflict.
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
