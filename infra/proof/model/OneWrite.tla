------------------------------ MODULE OneWrite ------------------------------
(***************************************************************************)
(* The ledger's protocol: postings with several entries, declines, holds   *)
(* and their ends, refunds, and account rules, in two DynamoDB tables,     *)
(* with no lock and no scheduler.                                          *)
(*                                                                         *)
(* The model has one kind of fault: DynamoDB may apply a sent request at   *)
(* any time within Delay, any number of times, or never. This covers every *)
(* loss, delay, duplicate and retry, and every crash of a caller or a      *)
(* function. DynamoDB applies each request as a whole, as it promises for  *)
(* TransactWriteItems and PutItem. When it cancels a request, it may       *)
(* report a conflict, or only some of the failed conditions.               *)
(*                                                                         *)
(* Two simplifications keep the number of states small and hide no fault:  *)
(* - The function sends a call's first request as soon as possible.        *)
(*   Sending it later would be the same as applying it later.              *)
(* - A caller receives every answer. No step depends on an answer, so      *)
(*   losing it could only hide a wrong one.                                *)
(***************************************************************************)
EXTENDS Integers, FiniteSets, Sequences, TLC

CONSTANTS
  Calls,     \* the calls; callers may make each one any number of times
  Users,
  Opening,   \* every user's balance before the first transaction
  Ceiling,   \* the highest balance after a credit
  MaxAmount, \* the largest amount in a call
  MostHolds, \* the most open holds that a user may have
  MostItems, \* the most items that a write may have
  Grace,     \* the time from a hold's expiry until its money is spendable again
  Skew,      \* the largest difference between two clocks
  Late,      \* the longest time from a refusal until the function reads its clock
  Delay,     \* the longest time from sending a request until DynamoDB applies it
  LastTime   \* the last value of now, which starts at 0

VARIABLES
  rows,  \* the transactions table, by id
  users, \* the balances table, by user
  refunded, \* also in the balances table: each entry's refunded sum, by transaction
  sent,  \* the requests sent to DynamoDB, applied or not
  answers,  \* the answers that callers received
  over,  \* the calls whose last answer was not stored, until they are made again
  now

vars == <<rows, users, refunded, sent, answers, over, now>>

-----------------------------------------------------------------------------
(* Arithmetic.                                                             *)

Least(S) == CHOOSE x \in S : \A y \in S : x <= y
Most(S)  == CHOOSE x \in S : \A y \in S : x >= y

RECURSIVE SumOver(_, _)
SumOver(f, S) == IF S = {} THEN 0
                 ELSE LET x == CHOOSE x \in S : TRUE IN f[x] + SumOver(f, S \ {x})
Sum(f) == SumOver(f, DOMAIN f)

Empty == [x \in {} |-> 0]
Without(f, S) == [x \in DOMAIN f \ S |-> f[x]]

-----------------------------------------------------------------------------
(* A call is one of                                                        *)
(*   [op |-> "Post", key, entries, expiresIn]  a hold if expiresIn > 0     *)
(*   the same with [of, places]                a refund                    *)
(*   [op |-> "Capture", hold, amount]                                      *)
(*   [op |-> "Void", hold]                                                 *)
(*   [op |-> "Read", hold]                                                 *)
(*   [op |-> "Rule", key, user, blocks, allows, limit]                     *)
(* An entry is [user, type, amount]. A hold's first entry is its debit.    *)
(* Its second entry, if there is one, is the credit that a capture posts.  *)
(* A refund reverses the entries at `places' of the transaction `of'. A    *)
(* rule blocks and allows types of entries, and sets the credit limit      *)
(* unless its limit is `Stays'.                                            *)

Stays       == -1
Pending(c)  == c.expiresIn > 0
IsRefund(c) == "of" \in DOMAIN c

(* The entries in the call's own write. A capture posts a hold's credit. *)
Counted(c) == IF Pending(c) THEN <<c.entries[1]>> ELSE c.entries

(* Ids. A key belongs to the user of the first entry or of the rule. A     *)
(* transaction's first row is also its first entry's row, and lists all    *)
(* entries. A hold's end has one id, whether captured, voided or expired.  *)
Owner(c)     == IF c.op = "Rule" THEN c.user ELSE c.entries[1].user
Id(c)        == <<Owner(c), c.key, 1>>
RowId(id, i) == <<id[1], id[2], i>>
EndId(id)    == <<id[1], id[2], 0>>
IsFirst(id)  == id[3] = 1
IsEnd(id)    == id[3] = 0
Payer(id)    == id[1]

Signed(e) == IF e.type = "credit" THEN e.amount ELSE -e.amount

(* The sum that the first i entries add to u's balance. *)
RECURSIVE After(_, _, _)
After(entries, u, i) ==
  IF i = 0 THEN 0
  ELSE After(entries, u, i - 1) + (IF entries[i].user = u THEN Signed(entries[i]) ELSE 0)

(* How a posting changes a user's balance. Move is the sum of the user's   *)
(* entries. LeastBefore and MostBefore bound the balance before the        *)
(* posting, so that each entry leaves the balance in range. Only debits    *)
(* set the lower bound, and only credits the upper one: if a release has   *)
(* lifted the balance above the ceiling, a debit is still accepted.        *)
Move(entries, u) == After(entries, u, Len(entries))
Of(entries, u, type) == {i \in 1..Len(entries) : entries[i].user = u /\ entries[i].type = type}
LeastBefore(entries, u) == Most({0} \cup {-After(entries, u, i) : i \in Of(entries, u, "debit")})
MostBefore(entries, u) ==
  Least({Ceiling + MostHolds * MaxAmount} \cup {Ceiling - After(entries, u, i) : i \in Of(entries, u, "credit")})
Fits(entries, u, balance) == LeastBefore(entries, u) <= balance /\ balance <= MostBefore(entries, u)

-----------------------------------------------------------------------------
(* A user's row. The first write for the user creates it. `open' has the   *)
(* row's attributes for open holds, each with amount and expiry. The       *)
(* balance includes the credit limit. `changes' counts the rule changes.   *)

NewUser == [balance |-> Opening, version |-> 0, held |-> 0, holds |-> 0, open |-> Empty,
            blocked |-> {}, limit |-> 0, changes |-> 0]
User(u) == IF u \in DOMAIN users THEN users[u] ELSE NewUser

(* The amount of one hold, and the total of several. They never change. *)
HeldBy(h) == rows[h].call.entries[1].amount
HeldByAll(S) == Sum([h \in S |-> HeldBy(h)])

(* The times that the functions' clocks may show. *)
ClocksAt(time) == time .. time + Skew
Clocks == ClocksAt(now)

(* The holds of u that count as expired when the clock shows `clock'. *)
Expired(u, clock) == {h \in DOMAIN User(u).open : User(u).open[h].expires + Grace <= clock}

-----------------------------------------------------------------------------
(* Requests, and when the function sends them.                             *)

(* A posting records its function's clock. A hold's expiry is computed     *)
(* from the slowest clock, so that it depends only on the time.            *)
Posting(c, time, clock, releases) ==
  [op |-> "Post", call |-> c, expires |-> IF Pending(c) THEN time + c.expiresIn ELSE 0,
   releases |-> releases, clock |-> clock, at |-> time]

Declining(c, time, entry, seen, by) ==
  [op |-> "Decline", call |-> c, entry |-> entry, seen |-> seen, by |-> by, at |-> time]

(* A separate write, sent for c, that releases one user's expired holds. *)
Releasing(c, time, holds) == [op |-> "Release", call |-> c, releases |-> holds, at |-> time]

(* The read of the call's row before the answer "refund limit". *)
Looking(c) == [op |-> "Look", call |-> c, at |-> now]

(* A rule's write. The function has read the account before: `changes' is  *)
(* its number of rule changes, and `before' its credit limit.              *)
Ruling(c, time, changes, before) ==
  [op |-> "Rule", call |-> c, changes |-> changes, before |-> before, at |-> time]

(* For a capture or void the function first reads the pending row. It      *)
(* rejects a capture of more than the held amount. At or after the expiry  *)
(* it writes the expiry instead, so that later calls get the same answer.  *)
Ending(c, table, time, clock) ==
  [op |-> IF clock >= table[c.hold].expires THEN "Expire" ELSE c.op, call |-> c, at |-> time]

Started(table, time) ==
  {Ending(c, table, time, clock) : clock \in ClocksAt(time),
     c \in {c \in Calls : /\ c.op \in {"Capture", "Void"}
                          /\ c.hold \in DOMAIN table
                          /\ table[c.hold].status = "pending"
                          /\ c.op = "Capture" => c.amount <= table[c.hold].call.entries[1].amount}}

(* For a refund the function first reads the original and, if that was a   *)
(* hold, its end. The original must be posted or captured, and not a       *)
(* refund itself. An entry can be refunded up to the amount that it moved. *)
Captured(table, id) ==
  table[id].status = "pending" /\ EndId(id) \in DOMAIN table /\ table[EndId(id)].status = "captured"
MovedBy(table, id) ==
  [i \in 1..Len(table[id].call.entries) |->
     IF Captured(table, id) THEN table[EndId(id)].amount ELSE table[id].call.entries[i].amount]
Refundable(table, id) ==
  /\ id \in DOMAIN table /\ table[id].call.op = "Post" /\ ~IsRefund(table[id].call)
  /\ table[id].status = "posted" \/ Captured(table, id)
Names(table, c) ==
  LET entries == table[c.of].call.entries  moved == MovedBy(table, c.of)  places == c.places IN
  /\ \A i \in 1..Len(places) :
       /\ places[i] \in 1..Len(entries)
       /\ c.entries[i].user = entries[places[i]].user /\ c.entries[i].type # entries[places[i]].type
       /\ c.entries[i].amount <= moved[places[i]]
Refunding(table, time) ==
  {Posting(c, time, clock, {}) : clock \in ClocksAt(time),
     c \in {c \in Calls : c.op = "Post" /\ IsRefund(c) /\ Refundable(table, c.of) /\ Names(table, c)}}

(* The first request of each call. *)
FirstPostings(time) ==
  {Posting(c, time, clock, {}) : clock \in ClocksAt(time), c \in {c \in Calls : c.op = "Post" /\ ~IsRefund(c)}}
FirstRules(time) == {Ruling(c, time, 0, 0) : c \in {c \in Calls : c.op = "Rule"}}
First(table, time) == FirstPostings(time) \cup FirstRules(time) \cup Started(table, time) \cup Refunding(table, time)

Init ==
  /\ rows = Empty
  /\ users = Empty
  /\ refunded = Empty
  /\ now = 0
  /\ sent = First(Empty, 0)
  /\ answers = {}
  /\ over = {}

Send(requests) == sent' = sent \cup requests
OnlySend(requests) == Send(requests) /\ UNCHANGED <<rows, users, refunded, answers, over, now>>
Answer(c, answer) == answers' = answers \cup {[call |-> c, answer |-> answer]}
OnlyAnswers == UNCHANGED <<rows, users, refunded, sent, over, now>>
StatusOnly(status) == [status |-> status]

(* The answer to a call whose key has a row: the stored outcome if the     *)
(* stored request is the same, and otherwise "reused".                     *)
Same(c, row) == row.call = c
Outcome(c, row) == IF Same(c, row) THEN row ELSE StatusOnly("reused")

(* The answer to a capture or void of a hold that has ended. *)
Ended(end) == [status |-> "ended", as |-> end.status]
SameEnd(c, end) == \/ c.op = "Capture" /\ end.status = "captured" /\ end.amount = c.amount
                   \/ c.op = "Void" /\ end.status = "voided"
EndOutcome(c, end) == IF SameEnd(c, end) THEN end ELSE Ended(end)

(* The answer if the call's row, or the hold's end, is already stored. *)
Replay(c) == Answer(c, Outcome(c, rows[Id(c)])) /\ OnlyAnswers
EndThere(c) == Answer(c, EndOutcome(c, rows[EndId(c.hold)])) /\ OnlyAnswers

-----------------------------------------------------------------------------
(* Answers that are not stored. The same call may succeed later.           *)

NoOutcome == {"too many holds", "balance limit", "receiver blocked", "refund limit"}

(* After such an answer, no condition stops an earlier attempt at the      *)
(* call. So the function gives none while an attempt is in flight: it      *)
(* answers "try again", which is not a step here. A call with an outcome   *)
(* must not get an unstored answer. A refusal might not report the call's  *)
(* row or the hold's end, so the function reads it first.                  *)
IsThere(c)  == (IF c.op = "Post" THEN Id(c) ELSE EndId(c.hold)) \in DOMAIN rows
Recorded(c) == IF c.op = "Post" THEN Replay(c) ELSE EndThere(c)
AnswerNotStored(c, status) ==
  /\ Answer(c, StatusOnly(status))
  /\ sent' = {r \in sent : r.call # c}
  /\ over' = over \cup {c}
  /\ UNCHANGED <<rows, users, refunded, now>>
NotStored(c, status) == IF IsThere(c) THEN Recorded(c) ELSE AnswerNotStored(c, status)

(* The sum left to refund never grows, so an attempt in flight is refused  *)
(* too. Only an attempt that was applied before the refusal matters. A     *)
(* read of the call's row after the refusal finds it.                      *)
LookFirst(c) == OnlySend({Looking(c)})
Look(r) ==
  /\ r.op = "Look"
  /\ IF IsThere(r.call) THEN Recorded(r.call) ELSE Answer(r.call, StatusOnly("refund limit")) /\ OnlyAnswers

-----------------------------------------------------------------------------
(* Post, in one write: a row for each entry, an update of each balance,    *)
(* the ends of the expired holds that it releases, and a refund's sums.    *)

PostPuts(r) == {RowId(Id(r.call), i) : i \in 1..Len(Counted(r.call))} \cup {EndId(h) : h \in r.releases}
Released(id) == [of |-> RowId(id, 1), status |-> "expired", amount |-> HeldBy(RowId(id, 1))]
PostRow(r, id) ==
  IF IsEnd(id) THEN Released(id)
  ELSE IF ~IsFirst(id) THEN [of |-> RowId(id, 1), entry |-> r.call.entries[id[3]]]
  ELSE IF Pending(r.call) THEN [call |-> r.call, status |-> "pending", expires |-> r.expires]
  ELSE [call |-> r.call, status |-> "posted"]
PostRows(r) == [id \in PostPuts(r) |-> PostRow(r, id)]

PostUsers(r) == {e.user : e \in {Counted(r.call)[i] : i \in 1..Len(Counted(r.call))}}
ReleasesOf(r, u) == {h \in r.releases : Payer(h) = u}
PostUser(r, u) ==
  LET old      == User(u)
      released == ReleasesOf(r, u)
      holding  == Pending(r.call)
      amount   == r.call.entries[1].amount
      rest     == Without(old.open, released)
  IN [old EXCEPT
      !.balance = @ + HeldByAll(released) + Move(Counted(r.call), u),
      !.version = @ + Cardinality(released)
                  + Cardinality({i \in 1..Len(Counted(r.call)) : r.call.entries[i].user = u}),
      !.held    = @ - HeldByAll(released) + (IF holding THEN amount ELSE 0),
      !.holds   = @ - Cardinality(released) + (IF holding THEN 1 ELSE 0),
      !.open    = IF holding THEN (Id(r.call) :> [amount |-> amount, expires |-> r.expires]) @@ rest ELSE rest]
PostMoves(r) == [u \in PostUsers(r) |-> PostUser(r, u)]

(* How much of the entry at this place has been refunded. The refund       *)
(* account has no row before the first refund.                             *)
RefundedOf(id, place) == IF id \in DOMAIN refunded THEN refunded[id][place] ELSE 0
RefundMoves(r) ==
  IF ~IsRefund(r.call) THEN Empty
  ELSE LET c == r.call IN
       c.of :> [p \in 1..Len(rows[c.of].call.entries) |->
                  RefundedOf(c.of, p) + Sum([i \in {i \in 1..Len(c.places) : c.places[i] = p} |-> c.entries[i].amount])]

(* The condition of a refund: no entry is refunded by more than it moved. *)
RefundFits(r) ==
  IsRefund(r.call) =>
    LET c == r.call IN
    \A i \in 1..Len(c.places) :
      RefundedOf(c.of, c.places[i]) + c.entries[i].amount <= MovedBy(rows, c.of)[c.places[i]]

(* The number of items in a write. *)
Items(r) ==
  IF r.op = "Release" THEN Cardinality(r.releases) + 1
  ELSE Cardinality(PostPuts(r)) + Cardinality(PostUsers(r)) + (IF IsRefund(r.call) THEN 1 ELSE 0)

(* The Puts whose condition, attribute_not_exists(id), fails. *)
FailedPuts(r) == PostPuts(r) \cap DOMAIN rows

(* The condition of each Update: attribute_exists for every hold that it   *)
(* releases, a balance within the bounds, room for a new hold, and no      *)
(* block on its entries. For a user without a row:                         *)
(* attribute_not_exists(user_id), if the opening balance allows the move.  *)
RoomForHold(r, holds) == Pending(r.call) => holds < MostHolds
Blocks(u, type) == type \in User(u).blocked
BlocksAny(entries, u) == \E i \in 1..Len(entries) : entries[i].user = u /\ Blocks(u, entries[i].type)
MoveFits(r, u) ==
  LET released == ReleasesOf(r, u) IN
  /\ released \subseteq DOMAIN users[u].open
  /\ Fits(Counted(r.call), u, users[u].balance + HeldByAll(released))
  /\ RoomForHold(r, users[u].holds - Cardinality(released))
  /\ ~BlocksAny(Counted(r.call), u)
NewUserFits(r, u) == Fits(Counted(r.call), u, Opening) /\ ReleasesOf(r, u) = {}
FailedMoves(r) == {u \in PostUsers(r) : IF u \in DOMAIN users THEN ~MoveFits(r, u) ELSE ~NewUserFits(r, u)}

(* DynamoDB rejects an update that names an attribute twice. So an update  *)
(* must not open and release the same hold.                                *)
Invalid(r) == Pending(r.call) /\ Id(r.call) \in r.releases

(* As in DynamoDB, a Put replaces an existing row. Only the condition      *)
(* protects the row.                                                       *)
Post(r) ==
  /\ r.op = "Post"
  /\ ~Invalid(r)
  /\ FailedPuts(r) = {} /\ FailedMoves(r) = {} /\ RefundFits(r)
  /\ rows' = PostRows(r) @@ rows
  /\ users' = PostMoves(r) @@ users
  /\ refunded' = RefundMoves(r) @@ refunded
  /\ Send({e \in Started(rows', now) \cup Refunding(rows', now) : e.call \notin over})
  /\ Answer(r.call, rows'[Id(r.call)])
  /\ UNCHANGED <<over, now>>

(* EntryFits: the balance allows the entry. SeenAt: the balance of entry   *)
(* i's user after the entries before it.                                   *)
EntryFits(e, balance) == IF e.type = "credit" THEN balance + e.amount <= Ceiling ELSE balance >= e.amount
SeenAt(entries, i, balance) == balance + After(entries, entries[i].user, i - 1)

(* The decline is stored before it is answered. *)
SendDecline(d) == OnlySend({d})

(* An earlier attempt stored this call's own hold, and the refusal did not *)
(* report it. The call must not release that hold, even if expired.        *)
HasOwnHold(c, moves) == Payer(Id(c)) \in moves /\ Id(c) \in DOMAIN User(Payer(Id(c))).open

(* The number of open holds of u when the clock shows `clock'. *)
OpenAt(u, clock) == User(u).holds - Cardinality(Expired(u, clock))

(* The holds of users in S that have expired at `clock', even if ended. *)
OnceExpired(S, clock) ==
  {h \in DOMAIN rows : /\ IsFirst(h) /\ rows[h].status = "pending"
                       /\ Payer(h) \in S /\ rows[h].expires + Grace <= clock}

(* A hold of u expired after the posting's clock was read. It may have     *)
(* been captured in time. Only an attempt to release it shows if it was.   *)
ExpiresMeanwhile(r, u, clock) == Expired(u, clock) # Expired(u, r.clock)

(* Sends a posting with its releases. If that is too many items, the       *)
(* releases go first, in one write for each user, and the call starts      *)
(* again.                                                                  *)
ReleaseBefore(c, time, holds) ==
  {Releasing(c, time, {h \in holds : Payer(h) = u}) : u \in {Payer(h) : h \in holds}}
SendWith(r) == IF Items(r) > MostItems THEN ReleaseBefore(r.call, r.at, r.releases) ELSE {r}

(* A decline names the first entry that is blocked, or that the returned   *)
(* balances don't allow.                                                   *)
Chosen(wrong) == Least(wrong)

(* DynamoDB refused the updates of the users in `moves' and returned their *)
(* rows. Then the function reads its clock. If the posting fits once these *)
(* users' expired holds are released, the function sends it again and      *)
(* releases these holds with it. It keeps the releases for other users,    *)
(* and may add those of holds that have expired since, if an earlier       *)
(* refusal returned their users' rows. Otherwise the function declines.    *)
Refused(r, moves, time, clock) ==
  LET c            == r.call
      entries      == Counted(c)
      expired(u)   == Expired(u, clock)
      balance(u)   == User(u).balance + HeldByAll(expired(u))
      others       == {h \in r.releases : Payer(h) \notin moves}
      seen(i)      == SeenAt(entries, i, balance(entries[i].user))
      blocked(i)   == Blocks(entries[i].user, entries[i].type)
      wrong        == {i \in 1..Len(entries) :
                         entries[i].user \in moves /\ (blocked(i) \/ ~EntryFits(entries[i], seen(i)))}
      first        == Chosen(wrong)
      declined     == wrong # {} /\ \A u \in moves : ~ExpiresMeanwhile(r, u, clock)
      tooMany      == \E u \in moves : ~RoomForHold(r, OpenAt(u, clock))
  IN IF HasOwnHold(c, moves) THEN Replay(c)
     ELSE IF tooMany /\ ~(declined /\ blocked(first)) THEN NotStored(c, "too many holds")
     ELSE IF declined
          THEN SendDecline(Declining(c, time, first, seen(first), IF blocked(first) THEN "block" ELSE "balance"))
     ELSE \E since \in SUBSET OnceExpired(PostUsers(r) \ moves, clock) :
            OnlySend(SendWith(Posting(c, time, clock, others \cup since \cup UNION {expired(u) : u \in moves})))

(* The clock is the same one, read again at most Late after the refusal. *)
RefusedThen(r, moves) == \E time \in now .. now + Late : Refused(r, moves, time, time + r.clock - r.at)

(* A conflict decides nothing. The function sends the same request again. *)
Conflict(r) == UNCHANGED vars

(* DynamoDB reports a taken id, but not the first row's. The function      *)
(* reads that row. If there is none, another call has ended a hold that    *)
(* this posting was to release. Then the function reads the rows of all    *)
(* users with such holds, as if the refusal had returned them.             *)
OtherIdTaken(r) ==
  IF Id(r.call) \in DOMAIN rows THEN Replay(r.call)
  ELSE IF r.releases # {} THEN RefusedThen(r, {Payer(h) : h \in r.releases})
  ELSE Answer(r.call, StatusOnly("damaged")) /\ OnlyAnswers

(* DynamoDB may report any true reason, and several at once. The function  *)
(* acts on the first in this order: the first row's id, a conflict,        *)
(* another id, the refund account, the balances. So each of these steps is *)
(* possible whenever its reason is true, and a conflict always.            *)
RefundRefused(r) == ~RefundFits(r) /\ LookFirst(r.call)
PostRefused(r) ==
  /\ r.op = "Post"
  /\ \/ Id(r.call) \in FailedPuts(r) /\ Replay(r.call)
     \/ Invalid(r) /\ Answer(r.call, StatusOnly("damaged")) /\ OnlyAnswers
     \/ Conflict(r)
     \/ FailedPuts(r) \ {Id(r.call)} # {} /\ OtherIdTaken(r)
     \/ RefundRefused(r)
     \/ \E moves \in SUBSET FailedMoves(r) : moves # {} /\ RefusedThen(r, moves)

(* Decline: one Put of the first row, if its id is not taken. *)
DeclineRow(r) == [call |-> r.call, status |-> "declined", entry |-> r.entry, seen |-> r.seen, by |-> r.by]
DeclineFits(r) == Id(r.call) \notin DOMAIN rows
Decline(r) ==
  /\ r.op = "Decline"
  /\ DeclineFits(r)
  /\ rows' = (Id(r.call) :> DeclineRow(r)) @@ rows
  /\ Answer(r.call, rows'[Id(r.call)])
  /\ UNCHANGED <<users, refunded, sent, over, now>>

DeclineRefused(r) == r.op = "Decline" /\ ~DeclineFits(r) /\ Replay(r.call)

-----------------------------------------------------------------------------
(* Release, in one write: the ends of a user's expired holds. Then the     *)
(* call that needs the money starts again, even if the release was refused *)
(* because another call had ended one of the holds.                        *)

ReleasePuts(r) == {EndId(h) : h \in r.releases}
ReleaseFits(r) == ReleasePuts(r) \cap DOMAIN rows = {}
                  /\ \A h \in r.releases : h \in DOMAIN User(Payer(h)).open
Anew(c) == {r \in FirstPostings(now) \cup FirstRules(now) \cup Refunding(rows, now) : r.call = c}
Release(r) ==
  /\ r.op = "Release"
  /\ ReleaseFits(r)
  /\ rows' = [id \in ReleasePuts(r) |-> Released(id)] @@ rows
  /\ users' = [u \in {Payer(h) : h \in r.releases} |->
                 [User(u) EXCEPT !.balance = @ + HeldByAll(r.releases), !.version = @ + Cardinality(r.releases),
                                 !.held = @ - HeldByAll(r.releases), !.holds = @ - Cardinality(r.releases),
                                 !.open = Without(@, r.releases)]] @@ users
  /\ Send(Anew(r.call))
  /\ UNCHANGED <<refunded, answers, over, now>>

ReleaseRefused(r) == r.op = "Release" /\ ~ReleaseFits(r) /\ OnlySend(Anew(r.call))

-----------------------------------------------------------------------------
(* Capture, void and expiry, in one write: a Put of the end row, and an    *)
(* Update of the payer's row. A capture with a credit also writes the      *)
(* credit's row and the receiver's row. The payer's block stops none of    *)
(* them: the hold took the money before.                                   *)

Hold(r)     == r.call.hold
Pays(r)     == r.op = "Capture" /\ Len(rows[Hold(r)].call.entries) > 1
Receiver(r) == rows[Hold(r)].call.entries[2].user
CreditOf(r) == [user |-> Receiver(r), type |-> "credit", amount |-> r.call.amount]

EndRow(r) ==
  [of     |-> Hold(r),
   status |-> CASE r.op = "Capture" -> "captured" [] r.op = "Void" -> "voided" [] r.op = "Expire" -> "expired",
   amount |-> IF r.op = "Capture" THEN r.call.amount ELSE HeldBy(Hold(r))]
EndRows(r) == (EndId(Hold(r)) :> EndRow(r))
              @@ (IF Pays(r) THEN RowId(Hold(r), 2) :> [of |-> Hold(r), entry |-> CreditOf(r)] ELSE Empty)

EndMoves(r) ==
  LET h == Hold(r)
      payer == User(Payer(h))
      captured == IF r.op = "Capture" THEN r.call.amount ELSE 0
      receiver == User(Receiver(r))
  IN (Payer(h) :> [payer EXCEPT !.balance = @ + HeldBy(h) - captured, !.version = @ + 1,
                                !.held = @ - HeldBy(h), !.holds = @ - 1, !.open = Without(@, {h})])
     @@ (IF Pays(r) THEN Receiver(r) :> [receiver EXCEPT !.balance = @ + captured, !.version = @ + 1] ELSE Empty)

EndFits(r)      == EndId(Hold(r)) \notin DOMAIN rows
HoldIsOpen(r)   == Hold(r) \in DOMAIN User(Payer(Hold(r))).open
ReceiverFits(r) == Pays(r) => Fits(<<CreditOf(r)>>, Receiver(r), User(Receiver(r)).balance)
ReceiverFree(r) == Pays(r) => ~Blocks(Receiver(r), "credit")

End(r) ==
  /\ EndFits(r) /\ HoldIsOpen(r) /\ ReceiverFits(r) /\ ReceiverFree(r)
  /\ rows' = EndRows(r) @@ rows
  /\ users' = EndMoves(r) @@ users
  /\ Answer(r.call, EndOutcome(r.call, rows'[EndId(Hold(r))]))
  /\ Send(Refunding(rows', now))
  /\ UNCHANGED <<refunded, over, now>>

Capture(r) == r.op = "Capture" /\ End(r)
Void(r)    == r.op = "Void" /\ End(r)
Expire(r)  == r.op = "Expire" /\ End(r)

(* As for a posting, DynamoDB may report any true reason. If the hold's    *)
(* attribute is gone, its end exists, and is read unless it was returned.  *)
EndRefused(r) ==
  /\ r.op \in {"Capture", "Void", "Expire"}
  /\ \/ ~EndFits(r) /\ EndThere(r.call)
     \/ /\ ~HoldIsOpen(r)
        /\ IF EndId(Hold(r)) \in DOMAIN rows THEN EndThere(r.call) ELSE Answer(r.call, StatusOnly("damaged")) /\ OnlyAnswers
     \/ ~ReceiverFits(r) /\ NotStored(r.call, "balance limit")
     \/ ~ReceiverFree(r) /\ NotStored(r.call, "receiver blocked")

-----------------------------------------------------------------------------
(* Rule, in one write: a Put of the rule's row, and an Update of the       *)
(* user's row if no rule has changed since the read. The balance changes   *)
(* by the difference of the credit limits, and must stay in range.         *)

SetsLimit(c) == c.limit # Stays
Grants(r) == IF SetsLimit(r.call) THEN r.call.limit - r.before ELSE 0

RuleIdFits(r)   == Id(r.call) \notin DOMAIN rows
RulesAsRead(r)  == User(r.call.user).changes = r.changes
GrantFits(r, balance) == balance >= -Grants(r) /\ (Grants(r) > 0 => balance + Grants(r) <= Ceiling)

RuleRow(r) == [call |-> r.call, status |-> "posted", before |-> r.before, nth |-> r.changes + 1]
RuleMove(r) ==
  LET c == r.call IN
  [User(c.user) EXCEPT !.balance = @ + Grants(r), !.limit = IF SetsLimit(c) THEN c.limit ELSE @,
                       !.blocked = (@ \cup c.blocks) \ c.allows, !.changes = r.changes + 1]
Rule(r) ==
  /\ r.op = "Rule"
  /\ RuleIdFits(r) /\ RulesAsRead(r) /\ GrantFits(r, User(r.call.user).balance)
  /\ rows' = (Id(r.call) :> RuleRow(r)) @@ rows
  /\ users' = (r.call.user :> RuleMove(r)) @@ users
  /\ Answer(r.call, rows'[Id(r.call)])
  /\ UNCHANGED <<refunded, sent, over, now>>

(* The refusal returned the user's row. If its rules have changed, the     *)
(* function tries again with them. If not even the expired holds make room *)
(* for the new limit, it declines. Otherwise it releases these holds.      *)
RuleRefused(r) ==
  LET c == r.call  u == r.call.user IN
  /\ r.op = "Rule"
  /\ \/ ~RuleIdFits(r) /\ Replay(c)
     \/ ~RulesAsRead(r) /\ OnlySend({Ruling(c, now, User(u).changes, User(u).limit)})
     \/ /\ RulesAsRead(r) /\ ~GrantFits(r, User(u).balance)
        /\ \E clock \in Clocks :
             LET seen == User(u).balance + HeldByAll(Expired(u, clock)) IN
             IF GrantFits(r, seen) THEN OnlySend(ReleaseBefore(c, now, Expired(u, clock)))
             ELSE SendDecline(Declining(c, now, 0, seen, "limit"))

-----------------------------------------------------------------------------
(* A read writes nothing, and reports expired holds as released. It reads  *)
(* its clock first. Then it looks for the hold's end or, for a balance,    *)
(* for the hold's attribute, which exists exactly while the end does not.  *)

Read(c) ==
  /\ c.op = "Read"
  /\ c.hold \in DOMAIN rows /\ rows[c.hold].status = "pending"
  /\ IF EndId(c.hold) \in DOMAIN rows THEN Answer(c, Ended(rows[EndId(c.hold)]))
     ELSE /\ \E clock \in Clocks : rows[c.hold].expires + Grace <= clock
          /\ Answer(c, [status |-> "ended", as |-> "expired"])
  /\ OnlyAnswers

(* A caller who received an unstored answer calls again. *)
CallAgain(c) ==
  /\ c \in over
  /\ over' = over \ {c}
  /\ Send({r \in First(rows, now) : r.call = c})
  /\ UNCHANGED <<rows, users, refunded, answers, now>>

(* Time passes, and all callers repeat their calls. If a hold expires      *)
(* while its capture or void is in flight, the function sends only the     *)
(* expiry from then on, and answers with the end that was stored first.    *)
Tick ==
  /\ now < LastTime
  /\ now' = now + 1
  /\ over' = {}
  /\ Send(First(rows, now'))
  /\ UNCHANGED <<rows, users, refunded, answers>>

(* The requests in flight. DynamoDB may apply or refuse any of them next. *)
UnderWay == {r \in sent : r.at <= now /\ now <= r.at + Delay}

Next ==
  \/ \E r \in UnderWay : Post(r)
  \/ \E r \in UnderWay : PostRefused(r)
  \/ \E r \in UnderWay : Look(r)
  \/ \E r \in UnderWay : Decline(r)
  \/ \E r \in UnderWay : DeclineRefused(r)
  \/ \E r \in UnderWay : Release(r)
  \/ \E r \in UnderWay : ReleaseRefused(r)
  \/ \E r \in UnderWay : Capture(r)
  \/ \E r \in UnderWay : Void(r)
  \/ \E r \in UnderWay : Expire(r)
  \/ \E r \in UnderWay : EndRefused(r)
  \/ \E r \in UnderWay : Rule(r)
  \/ \E r \in UnderWay : RuleRefused(r)
  \/ \E c \in Calls : Read(c)
  \/ \E c \in over : CallAgain(c)
  \/ Tick

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* The invariants. The first ones are about money.                         *)

Transactions == {id \in DOMAIN rows : IsFirst(id) /\ rows[id].call.op = "Post"}
PostedRules  == {id \in DOMAIN rows : IsFirst(id) /\ rows[id].call.op = "Rule" /\ rows[id].status = "posted"}
Ends         == {id \in DOMAIN rows : IsEnd(id)}
Posted       == {id \in Transactions : rows[id].status = "posted"}
Holds        == {id \in Transactions : rows[id].status = "pending"}
OpenHolds(u) == {h \in Holds : Payer(h) = u /\ EndId(h) \notin DOMAIN rows}

(* A row's effect on u's balance, and whether u's version counts it. *)
Effect(id, u) ==
  IF IsEnd(id) THEN IF Payer(id) # u THEN 0
                    ELSE HeldBy(RowId(id, 1)) - (IF rows[id].status = "captured" THEN rows[id].amount ELSE 0)
  ELSE IF ~IsFirst(id) THEN IF rows[id].entry.user = u THEN Signed(rows[id].entry) ELSE 0
  ELSE IF rows[id].call.op = "Rule" THEN 0
  ELSE IF rows[id].status = "declined" \/ rows[id].call.entries[1].user # u THEN 0 ELSE Signed(rows[id].call.entries[1])
Counts(id, u) ==
  IF IsEnd(id) THEN Payer(id) = u
  ELSE IF ~IsFirst(id) THEN rows[id].entry.user = u
  ELSE rows[id].call.op = "Post" /\ rows[id].status # "declined" /\ rows[id].call.entries[1].user = u

(* A balance is the opening balance plus the credit limit plus the effects *)
(* of the user's rows. The version is the number of these rows. Rules and  *)
(* declines don't count.                                                   *)
BalanceIsSumOfRows ==
  \A u \in Users :
    /\ User(u).balance = Opening + User(u).limit + Sum([id \in DOMAIN rows |-> Effect(id, u)])
    /\ User(u).version = Cardinality({id \in DOMAIN rows : Counts(id, u)})

(* A balance is never negative. With the held money, it exceeds the        *)
(* ceiling by at most the largest sum that holds can have.                 *)
BalanceInRange ==
  \A u \in Users : User(u).balance >= 0 /\ User(u).balance + User(u).held <= Ceiling + MostHolds * MaxAmount

(* A balance above the ceiling grows only by the money of ended holds. *)
ReleasedOf(u) == {id \in DOMAIN rows' \ DOMAIN rows : IsEnd(id) /\ Payer(id) = u}
OnlyReleasePassesCeiling ==
  [][\A u \in Users : LET old == User(u).balance  new == User(u)'.balance IN
       new > old /\ new > Ceiling =>
         new - old <= HeldByAll({RowId(id, 1) : id \in ReleasedOf(u)})]_vars

(* Each user's balance stays in range after every entry, as if the entries *)
(* were posted one after another with no other call in between.            *)
EntriesFitInOrder ==
  [][\A id \in Transactions' \ Transactions :
       rows'[id].status # "declined" =>
         LET entries == Counted(rows'[id].call)
             before(u) == User(u).balance + HeldByAll({RowId(e, 1) : e \in ReleasedOf(u)})
         IN \A i \in 1..Len(entries) :
              EntryFits(entries[i], SeenAt(entries, i, before(entries[i].user)))]_vars

(* A posted transaction has a row for each entry. Every such row belongs   *)
(* to a posted or captured transaction.                                    *)
RowsAllOrNone ==
  /\ \A id \in Posted : \A i \in 2..Len(rows[id].call.entries) :
       /\ RowId(id, i) \in DOMAIN rows
       /\ rows[RowId(id, i)] = [of |-> id, entry |-> rows[id].call.entries[i]]
  /\ \A id \in DOMAIN rows : ~IsFirst(id) /\ ~IsEnd(id) =>
       /\ RowId(id, 1) \in DOMAIN rows
       /\ \/ rows[RowId(id, 1)].status = "posted" /\ id[3] <= Len(rows[RowId(id, 1)].call.entries)
          \/ rows[RowId(id, 1)].status = "pending" /\ EndId(id) \in DOMAIN rows /\ rows[EndId(id)].status = "captured"

(* A payment on hold pays only if captured, and then the captured amount. *)
CapturePaysOnce ==
  \A h \in Holds : Len(rows[h].call.entries) > 1 =>
    IF EndId(h) \in DOMAIN rows /\ rows[EndId(h)].status = "captured"
    THEN RowId(h, 2) \in DOMAIN rows /\ rows[RowId(h, 2)].entry.amount = rows[EndId(h)].amount
    ELSE RowId(h, 2) \notin DOMAIN rows

(* No capture takes more than the held sum. *)
CapturedIsHeld ==
  \A id \in Ends : rows[id].status = "captured" => rows[id].amount <= HeldBy(RowId(id, 1))

(* By the fastest clock, no hold ends as expired before its expiry, and no *)
(* write releases a hold before the grace is over.                         *)
NoEarlyExpiry ==
  \A id \in Ends : rows[id].status = "expired" => rows[RowId(id, 1)].expires <= now + Skew
NewReleases == {r \in sent' \ sent : r.op \in {"Post", "Release"}}
NoEarlyRelease == [][\A r \in NewReleases : \A h \in r.releases : rows[h].expires + Grace <= r.at + Skew]_vars

(* No write has more items than DynamoDB allows. *)
ItemsWithinLimit == [][\A r \in NewReleases : Items(r) <= MostItems]_vars

(* Refunds. An entry's refunded sum is the total of its refunds, and at    *)
(* most what the entry moved. Only posted or captured transactions are     *)
(* refunded.                                                               *)
PostedRefunds == {id \in Posted : IsRefund(rows[id].call)}
MovedByRows(id, place) ==
  IF EndId(id) \in DOMAIN rows THEN rows[EndId(id)].amount ELSE rows[id].call.entries[place].amount
RefundedIn(c, place) == Sum([i \in {i \in 1..Len(c.places) : c.places[i] = place} |-> c.entries[i].amount])
RefundedByRows(id, place) == Sum([f \in {f \in PostedRefunds : rows[f].call.of = id} |-> RefundedIn(rows[f].call, place)])
RefundedIsSumOfRows ==
  \A id \in Transactions : \A place \in 1..Len(rows[id].call.entries) :
    RefundedOf(id, place) = RefundedByRows(id, place)
RefundedIsAtMostMoved ==
  \A f \in PostedRefunds :
    LET id == rows[f].call.of IN
    /\ id \in Transactions /\ ~IsRefund(rows[id].call)
    /\ \/ rows[id].status = "posted"
       \/ rows[id].status = "pending" /\ EndId(id) \in DOMAIN rows /\ rows[EndId(id)].status = "captured"
    /\ \A place \in 1..Len(rows[id].call.entries) : RefundedByRows(id, place) <= MovedByRows(id, place)

(* Rules. The last rule for a type decides whether it is blocked, and the  *)
(* last rule with a limit sets the limit. Each such rule names the limit   *)
(* that it replaces, so no grant is lost.                                  *)
RulesOf(u) == {id \in PostedRules : rows[id].call.user = u}
Last(S) == CHOOSE id \in S : \A other \in S : rows[other].nth <= rows[id].nth
BlockedByRules(u) ==
  {type \in {"debit", "credit"} :
     LET named == {id \in RulesOf(u) : type \in rows[id].call.blocks \cup rows[id].call.allows} IN
     named # {} /\ type \in rows[Last(named)].call.blocks}
Limits(u, before) == {id \in RulesOf(u) : SetsLimit(rows[id].call) /\ rows[id].nth < before}
LimitByRules(u, before) == LET limits == Limits(u, before) IN IF limits = {} THEN 0 ELSE rows[Last(limits)].call.limit
BlockedIsLastRule == \A u \in Users : User(u).blocked = BlockedByRules(u)
NoGrantIsLost ==
  \A u \in Users :
    /\ User(u).limit = LimitByRules(u, User(u).changes + 1)
    /\ User(u).changes = Cardinality(RulesOf(u))
    /\ \A id \in RulesOf(u) : SetsLimit(rows[id].call) => rows[id].before = LimitByRules(u, rows[id].nth)

(* No blocked entry posts: no debit, hold or credit, not even a capture's. *)
(* A block is stored before it is answered, so none posts after the        *)
(* answer.                                                                 *)
NothingPostsBlocked ==
  [][\A id \in DOMAIN rows' \ DOMAIN rows :
       LET row == rows'[id]
           entry == IF IsEnd(id) THEN Empty
                    ELSE IF ~IsFirst(id) THEN row.entry
                    ELSE IF row.call.op = "Post" /\ row.status # "declined" THEN row.call.entries[1] ELSE Empty
       IN entry # Empty => entry.type \notin BlockedByRules(entry.user)]_vars

(* An unstored answer is true when it is given, and the call stores        *)
(* nothing afterwards, unless it is made again. "refund limit" stays true, *)
(* so that call never posts, even if it is made again.                     *)
AnsweredNow(status) == {t.call : t \in {t \in answers' \ answers : t.answer.status = status}}
TooManyIsTrue ==
  [][\A c \in AnsweredNow("too many holds") :
       LET u == Payer(Id(c))
           expired(clock) == {h \in DOMAIN User(u).open : User(u).open[h].expires + Grace <= clock}
       IN \E clock \in Clocks : User(u).holds - Cardinality(expired(clock)) >= MostHolds]_vars
ReceiverOf(c) == rows[c.hold].call.entries[2].user
LimitIsTrue == [][\A c \in AnsweredNow("balance limit") : User(ReceiverOf(c)).balance + c.amount > Ceiling]_vars
ReceiverBlockedIsTrue == [][\A c \in AnsweredNow("receiver blocked") : "credit" \in BlockedByRules(ReceiverOf(c))]_vars
RefundLimitIsTrue ==
  [][\A c \in AnsweredNow("refund limit") :
       \E i \in 1..Len(c.places) :
         RefundedByRows(c.of, c.places[i]) + c.entries[i].amount > MovedByRows(c.of, c.places[i])]_vars
NoRefundAfterLimit ==
  \A t \in answers : t.answer.status = "refund limit" =>
    (Id(t.call) \in DOMAIN rows /\ rows[Id(t.call)].call = t.call => rows[Id(t.call)].status = "declined")
NothingAfterNotStored ==
  \A c \in over :
    IF c.op = "Post" THEN Id(c) \in DOMAIN rows => rows[Id(c)].call # c
    ELSE EndId(c.hold) \in DOMAIN rows => ~SameEnd(c, rows[EndId(c.hold)])

(* A row never changes and is never removed. *)
RowsNeverChange == [][\A id \in DOMAIN rows : id \in DOMAIN rows' /\ rows'[id] = rows[id]]_vars

(* Holds. A hold has its attribute exactly while it has no end. `held' and *)
(* `holds' are the sum and the number of the open holds.                   *)
OpenHoldIsAttribute ==
  /\ \A u \in Users :
       /\ DOMAIN User(u).open = OpenHolds(u)
       /\ \A h \in DOMAIN User(u).open : User(u).open[h] = [amount |-> HeldBy(h), expires |-> rows[h].expires]
  /\ \A id \in Ends : RowId(id, 1) \in Holds
HeldIsOpenHolds ==
  \A u \in Users : User(u).held = HeldByAll(OpenHolds(u)) /\ User(u).holds = Cardinality(OpenHolds(u))
HoldsWithinLimit == \A u \in Users : Cardinality(DOMAIN User(u).open) <= MostHolds

(* Answers. Once a call has received an outcome, the same call always      *)
(* receives the same outcome.                                              *)
SameRequestSameOutcome ==
  [][\A t \in answers' \ answers, s \in answers :
       s.call = t.call /\ s.call.op # "Read" /\ s.answer.status \notin NoOutcome => s.answer = t.answer]_vars

(* An outcome is answered only after it is stored, and only to its own     *)
(* request.                                                                *)
AnswerIsStored ==
  \A t \in answers :
    CASE t.answer.status \in {"posted", "pending", "declined"} ->
           Id(t.call) \in DOMAIN rows /\ rows[Id(t.call)] = t.answer /\ t.answer.call = t.call
      [] t.answer.status = "captured" ->
           EndId(t.call.hold) \in DOMAIN rows /\ t.answer = [rows[EndId(t.call.hold)] EXCEPT !.amount = t.call.amount]
      [] t.answer.status = "voided" -> EndId(t.call.hold) \in DOMAIN rows /\ t.answer = rows[EndId(t.call.hold)]
      [] t.answer.status = "ended" /\ t.call.op # "Read" ->
           EndId(t.call.hold) \in DOMAIN rows /\ t.answer = Ended(rows[EndId(t.call.hold)])
      [] OTHER -> TRUE

(* A key is reported as reused only if its owner used it for another       *)
(* request. So this request has moved nothing.                             *)
ReuseIsTrue ==
  \A t \in answers : t.answer.status = "reused" =>
    LET stored == rows[Id(t.call)].call IN
    /\ stored.key = t.call.key /\ Owner(stored) = Owner(t.call)
    /\ stored # t.call

(* A decline's reason is true at the refusal: a rule blocks the entry, or  *)
(* the spendable balance, with expired holds, does not allow the entry or  *)
(* the lower credit limit. The decline names the user's first such entry.  *)
DeclinesAreTrue ==
  [][\A d \in {r \in sent' \ sent : r.op = "Decline"} :
       LET c == d.call
           u == IF c.op = "Rule" THEN c.user ELSE c.entries[d.entry].user
           released(clock) == {h \in OpenHolds(u) : rows[h].expires + Grace <= clock}
           spendable == {User(u).balance + HeldByAll(released(clock)) : clock \in Clocks}
           wrong(i, balance) == \/ c.entries[i].type \in BlockedByRules(u)
                                \/ ~EntryFits(c.entries[i], SeenAt(c.entries, i, balance))
       IN IF c.op = "Rule"
          THEN d.seen \in spendable /\ d.seen + c.limit - LimitByRules(u, User(u).changes + 1) \notin 0..Ceiling
          ELSE /\ d.by = IF c.entries[d.entry].type \in BlockedByRules(u) THEN "block" ELSE "balance"
               /\ \E balance \in spendable :
                    /\ d.seen = SeenAt(c.entries, d.entry, balance)
                    /\ wrong(d.entry, balance)
                    /\ \A i \in 1..d.entry - 1 : c.entries[i].user = u => ~wrong(i, balance)]_vars

(* No call ever reports damaged tables. *)
NothingIsDamaged == \A t \in answers : t.answer.status # "damaged"

(* A hold ends once: all captures and voids of it receive the same end,    *)
(* even if their clocks differ.                                            *)
EndAnswered(t) == IF t.answer.status = "ended" THEN t.answer.as ELSE t.answer.status
EndsAgree(some) ==
  \A s, t \in {t \in some : t.answer.status \in {"captured", "voided", "ended"}} :
    s.call.hold = t.call.hold => EndAnswered(s) = EndAnswered(t)
HoldEndsOnce == EndsAgree({t \in answers : t.call.op # "Read"})

(* A read may report a hold as expired before any end is stored. A capture *)
(* that was sent in time may be applied up to Delay later, and contradict  *)
(* that read. This can't happen while                                      *)
(*   Skew + Delay <= Grace.                                                *)
ReadingsAgree == EndsAgree(answers)

(* The following must be violated, which shows that each case occurs.      *)
(* Otherwise the invariants above might hold for trivial reasons.          *)
NeverCaptured   == \A t \in answers : t.answer.status # "captured"
NeverVoided     == \A t \in answers : t.answer.status # "voided"
NeverExpired    == \A t \in answers : t.answer.status # "ended"
NeverDeclined   == \A t \in answers : t.answer.status # "declined"
NeverReused     == \A t \in answers : t.answer.status # "reused"
NeverLimit      == \A t \in answers : t.answer.status # "balance limit"
NeverTooMany    == \A t \in answers : t.answer.status # "too many holds"
NeverRefunded   == PostedRefunds = {}
NeverRefundDeclined == \A t \in answers : t.answer.status = "declined" => ~IsRefund(t.call)
NeverRefundLimit == \A t \in answers : t.answer.status # "refund limit"
NeverKeyAfterRefundLimit == \A t \in answers : t.answer.status = "refund limit" => Id(t.call) \notin DOMAIN rows
NeverReceiverBlocked == \A t \in answers : t.answer.status # "receiver blocked"
NeverDeclinedBy(by) == \A t \in answers : t.answer.status = "declined" => t.answer.by # by
NeverBlocked    == NeverDeclinedBy("block")
NeverCreditInUse == NeverDeclinedBy("limit")
NeverReleasedAlone == [][\A r \in sent : ~Release(r)]_vars

NeverReleased   ==
  [][~\E id \in DOMAIN rows' \ DOMAIN rows, p \in DOMAIN rows' \ DOMAIN rows : IsEnd(id) /\ IsFirst(p)]_vars
NeverOverCeiling == \A u \in Users : User(u).balance <= Ceiling
(* A credit is checked against the stored balance. A reader may see more   *)
(* than the ceiling, because it counts expired holds before their release. *)
NeverOverReadableCeiling ==
  [][\A id \in Transactions' \ Transactions :
       rows'[id].status = "posted" =>
         LET entries == rows'[id].call.entries
             readable(u, clock) == User(u).balance + HeldByAll(Expired(u, clock))
         IN \A i \in 1..Len(entries) : entries[i].type = "credit" =>
              \E clock \in Clocks : EntryFits(entries[i], SeenAt(entries, i, readable(entries[i].user, clock)))]_vars
=============================================================================
