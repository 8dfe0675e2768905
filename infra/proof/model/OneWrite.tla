------------------------------ MODULE OneWrite ------------------------------
(***************************************************************************)
(* The ledger's protocol: postings of several entries, declines, holds and *)
(* their ends, in two tables of DynamoDB, with no lock and no scheduler.   *)
(*                                                                         *)
(* What may go wrong is all in one place. A request that was ever sent is  *)
(* applied at any later time, any number of times, or never: that is every *)
(* loss, delay, duplicate, retry and crash of a caller or a function. Each *)
(* request is applied as a whole, for this is what DynamoDB promises of    *)
(* TransactWriteItems and PutItem. When it cancels one it may report any   *)
(* of the conditions that failed, not all of them, or a conflict.          *)
(*                                                                         *)
(* Two things keep the number of states small and hide nothing:            *)
(* - A call's first request is sent as soon as it can be. To send it later *)
(*   is to send it now and have it applied later.                          *)
(* - A caller hears every answer. No step depends on what was heard, so    *)
(*   that an answer that is lost could only hide what is wrong with it.    *)
(***************************************************************************)
EXTENDS Integers, FiniteSets, Sequences, TLC

CONSTANTS
  Calls,     \* what callers ask for, each as often as they like
  Users,
  Opening,   \* every user's balance before the first transaction
  Ceiling,   \* no credit lifts a balance over it
  MaxAmount, \* the largest amount of a call
  MostHolds, \* the most open holds of a user
  Grace,     \* how long after its expiry a hold is still not taken for expired
  Skew,      \* how far two clocks are apart at most
  Delay,     \* how long after it was sent a request may be applied
  LastTime   \* the end of time, which begins at 0

VARIABLES
  rows,  \* the table of transactions: what is stored, by its id
  users, \* the table of balances: what is stored, by the user
  sent,  \* every request that was ever sent to DynamoDB
  told,  \* every answer that a caller was given
  over,  \* the calls whose last answer was not stored, until they are made again
  now

vars == <<rows, users, sent, told, over, now>>

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
(*   [op |-> "Post", key, entries, expiresIn]  expiresIn > 0: it is a hold *)
(*   [op |-> "Capture", hold, amount]                                      *)
(*   [op |-> "Void", hold]                                                 *)
(*   [op |-> "Read", hold]                                                 *)
(* and an entry is [user, type, amount]. A hold's first entry is its       *)
(* debit. A second one is the credit that comes with the capture.          *)

Pending(c) == c.expiresIn > 0

(* The entries that count when the transaction is written. *)
Counted(c) == IF Pending(c) THEN <<c.entries[1]>> ELSE c.entries

(* Ids. The key belongs to the user of the first entry. The first row of a *)
(* transaction is the row of its first entry, too, and has all entries.    *)
(* A hold's end has one id, whoever ends it, however.                      *)
Id(c)        == <<c.entries[1].user, c.key, 1>>
RowId(id, i) == <<id[1], id[2], i>>
EndId(id)    == <<id[1], id[2], 0>>
IsFirst(id)  == id[3] = 1
IsEnd(id)    == id[3] = 0
Payer(id)    == id[1]

Signed(e) == IF e.type = "credit" THEN e.amount ELSE -e.amount

(* What the first i entries add to the balance of u. *)
RECURSIVE After(_, _, _)
After(entries, u, i) ==
  IF i = 0 THEN 0
  ELSE After(entries, u, i - 1) + (IF entries[i].user = u THEN Signed(entries[i]) ELSE 0)

(* The move of a user's balance in a posting: what its entries add to it   *)
(* together, and the least and the most that it may be before them so that *)
(* after each of them it is in its range. Only a debit makes a least and   *)
(* only a credit a most: a release may have lifted a balance over the      *)
(* ceiling, and a debit is not declined there.                             *)
Move(entries, u) == After(entries, u, Len(entries))
Of(entries, u, type) == {i \in 1..Len(entries) : entries[i].user = u /\ entries[i].type = type}
LeastBefore(entries, u) == Most({0} \cup {-After(entries, u, i) : i \in Of(entries, u, "debit")})
MostBefore(entries, u) ==
  Least({Ceiling + MostHolds * MaxAmount} \cup {Ceiling - After(entries, u, i) : i \in Of(entries, u, "credit")})
Fits(entries, u, balance) == LeastBefore(entries, u) <= balance /\ balance <= MostBefore(entries, u)

-----------------------------------------------------------------------------
(* What is stored of a user, who has no row before the first posting.      *)
(* `open' has an attribute for each open hold, with its sum and expiry.    *)

NewUser == [balance |-> Opening, version |-> 0, held |-> 0, holds |-> 0, open |-> Empty]
User(u) == IF u \in DOMAIN users THEN users[u] ELSE NewUser

(* What a pending row holds, and together. It never changes. *)
HeldBy(h) == rows[h].call.entries[1].amount
HeldByAll(S) == Sum([h \in S |-> HeldBy(h)])

(* A clock of a function may be ahead of another. *)
Clocks == now .. now + Skew

(* The holds of u that are taken for expired at that time of a clock. *)
Expired(u, clock) == {h \in DOMAIN User(u).open : User(u).open[h].expires + Grace <= clock}

-----------------------------------------------------------------------------
(* Requests, and when the function sends them.                             *)

Posting(c, clock, releases) ==
  [op |-> "Post", call |-> c, expires |-> IF Pending(c) THEN clock + c.expiresIn ELSE 0,
   releases |-> releases, at |-> now]

Declining(c, entry, seen) == [op |-> "Decline", call |-> c, entry |-> entry, seen |-> seen, at |-> now]

(* A capture or void begins with a read of the pending row. More than is   *)
(* held is refused there and then. At or after its expiry, the end that is *)
(* written is the expiry, which freezes the answer.                        *)
Ending(c, table, time, clock) ==
  [op |-> IF clock >= table[c.hold].expires THEN "Expire" ELSE c.op, call |-> c, at |-> time]

Started(table, time) ==
  {Ending(c, table, time, clock) : clock \in time .. time + Skew,
     c \in {c \in Calls : /\ c.op \in {"Capture", "Void"}
                          /\ c.hold \in DOMAIN table
                          /\ table[c.hold].status = "pending"
                          /\ c.op = "Capture" => c.amount <= table[c.hold].call.entries[1].amount}}

FirstPostings == {Posting(c, now, {}) : c \in {c \in Calls : c.op = "Post"}}

Init ==
  /\ rows = Empty
  /\ users = Empty
  /\ now = 0
  /\ sent = FirstPostings
  /\ told = {}
  /\ over = {}

Send(requests) == sent' = sent \cup requests
Tell(c, answer) == told' = told \cup {[call |-> c, answer |-> answer]}
OnlyTold == UNCHANGED <<rows, users, sent, over, now>>
Says(status) == [status |-> status]

(* The answer to a call when the row of its key is there: the first        *)
(* outcome if it is the same request, all of it, or none of that.          *)
Same(c, row) == row.call = c
Outcome(c, row) == IF Same(c, row) THEN row ELSE Says("reused")

(* The answer to a capture or void when the hold has ended. *)
Ended(end) == [status |-> "ended", as |-> end.status]
SameEnd(c, end) == \/ c.op = "Capture" /\ end.status = "captured" /\ end.amount = c.amount
                   \/ c.op = "Void" /\ end.status = "voided"
EndOutcome(c, end) == IF SameEnd(c, end) THEN end ELSE Ended(end)

(* What a call is told that is no outcome: the same call may succeed later. *)
NoOutcome == {"too many holds", "balance limit"}

(* It is not stored, so that no condition stops an attempt of the call that *)
(* is applied afterwards. It is told only if the outcome of every attempt  *)
(* is known: then none is under way. Otherwise the call is told to try     *)
(* again, which is no step. *)
TellNotStored(c, status) ==
  /\ Tell(c, Says(status))
  /\ sent' = {r \in sent : r.call # c}
  /\ over' = over \cup {c}
  /\ UNCHANGED <<rows, users, now>>

-----------------------------------------------------------------------------
(* Post: the rows of all entries, the moves of all balances, and the ends  *)
(* of the expired holds that it releases, in one write.                    *)

PostPuts(r) == {RowId(Id(r.call), i) : i \in 1..Len(Counted(r.call))} \cup {EndId(h) : h \in r.releases}
PostRow(r, id) ==
  IF IsEnd(id) THEN [of |-> RowId(id, 1), status |-> "expired", amount |-> HeldBy(RowId(id, 1))]
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
  IN [balance |-> old.balance + HeldByAll(released) + Move(Counted(r.call), u),
      version |-> old.version + Cardinality(released)
                  + Cardinality({i \in 1..Len(Counted(r.call)) : r.call.entries[i].user = u}),
      held    |-> old.held - HeldByAll(released) + (IF holding THEN amount ELSE 0),
      holds   |-> old.holds - Cardinality(released) + (IF holding THEN 1 ELSE 0),
      open    |-> IF holding THEN (Id(r.call) :> [amount |-> amount, expires |-> r.expires]) @@ rest ELSE rest]
PostMoves(r) == [u \in PostUsers(r) |-> PostUser(r, u)]

(* The condition of each Put: attribute_not_exists(id). *)
FailedPuts(r) == PostPuts(r) \cap DOMAIN rows

(* The condition of each Update: attribute_exists of every hold that is    *)
(* released, the least and the most of the balance, the number of holds.   *)
(* For a user without a row: attribute_not_exists(user_id), if the opening *)
(* balance allows the move.                                                *)
RoomForHold(r, holds) == Pending(r.call) => holds < MostHolds
MoveFits(r, u) ==
  LET released == ReleasesOf(r, u) IN
  /\ released \subseteq DOMAIN users[u].open
  /\ Fits(Counted(r.call), u, users[u].balance + HeldByAll(released))
  /\ RoomForHold(r, users[u].holds - Cardinality(released))
NewUserFits(r, u) == Fits(Counted(r.call), u, Opening) /\ ReleasesOf(r, u) = {}
FailedMoves(r) == {u \in PostUsers(r) : IF u \in DOMAIN users THEN ~MoveFits(r, u) ELSE ~NewUserFits(r, u)}

(* DynamoDB rejects an update that names an attribute twice: one that opens  *)
(* a hold and releases it, too.                                            *)
Invalid(r) == Pending(r.call) /\ Id(r.call) \in r.releases

(* A Put takes the place of what is there: what protects a row is the      *)
(* condition, here as in DynamoDB.                                         *)
Post(r) ==
  /\ r.op = "Post"
  /\ ~Invalid(r)
  /\ FailedPuts(r) = {} /\ FailedMoves(r) = {}
  /\ rows' = PostRows(r) @@ rows
  /\ users' = PostMoves(r) @@ users
  /\ Send({e \in Started(rows', now) : e.call \notin over})
  /\ Tell(r.call, rows'[Id(r.call)])
  /\ UNCHANGED <<over, now>>

(* The row of the key is there, in the refusal or by a read. *)
Replay(c) == Tell(c, Outcome(c, rows[Id(c)])) /\ OnlyTold

(* The key is not used up. A call that was answered before must not hear   *)
(* this, and the refusal may not have reported that its id is taken.       *)
TooManyHolds(c) ==
  IF Id(c) \in DOMAIN rows THEN Replay(c)
  ELSE TellNotStored(c, "too many holds")

(* The balance at an entry, after the entries before it, and whether it    *)
(* allows that entry.                                                      *)
EntryFits(e, balance) == IF e.type = "credit" THEN balance + e.amount <= Ceiling ELSE balance >= e.amount
SeenAt(entries, i, balance) == balance + After(entries, entries[i].user, i - 1)

(* Nothing is told before the decline is stored. *)
SendDecline(d) == Send({d}) /\ UNCHANGED <<rows, users, told, over, now>>

(* The hold of this very call is open: its row is there, and the refusal did *)
(* not report that. It is not one to release, whatever its time.           *)
HasOwnHold(c, moves) == Payer(Id(c)) \in moves /\ Id(c) \in DOMAIN User(Payer(Id(c))).open

(* How many holds of u are open at that time of a clock. *)
OpenAt(u, clock) == User(u).holds - Cardinality(Expired(u, clock))

(* What has expired of these users at that time, or had an end since.      *)
OnceExpired(S, clock) ==
  {h \in DOMAIN rows : /\ IsFirst(h) /\ rows[h].status = "pending"
                       /\ Payer(h) \in S /\ rows[h].expires + Grace <= clock}

(* The rows of these users came back: their moves were refused. Where what *)
(* has expired makes the difference, the same posting is sent again and    *)
(* releases all of it, with what it was to release of the others, and      *)
(* perhaps what has expired since of those whose rows came back before.    *)
(* Otherwise it is declined by the first entry, in their order, that the   *)
(* balances which came back don't allow.                                   *)
Refused(r, moves, clock) ==
  LET c            == r.call
      entries      == Counted(c)
      expired(u)   == Expired(u, clock)
      balance(u)   == User(u).balance + HeldByAll(expired(u))
      others       == {h \in r.releases : Payer(h) \notin moves}
      seen(i)      == SeenAt(entries, i, balance(entries[i].user))
      wrong        == {i \in 1..Len(entries) : entries[i].user \in moves /\ ~EntryFits(entries[i], seen(i))}
  IN IF HasOwnHold(c, moves) THEN Replay(c)
     ELSE IF \E u \in moves : ~RoomForHold(r, OpenAt(u, clock)) THEN TooManyHolds(c)
     ELSE IF wrong = {}
          THEN /\ \E since \in SUBSET OnceExpired(PostUsers(r) \ moves, clock) :
                    Send({[r EXCEPT !.releases = others \cup since \cup UNION {expired(u) : u \in moves}, !.at = now]})
               /\ UNCHANGED <<rows, users, told, over, now>>
          ELSE SendDecline(Declining(c, Least(wrong), seen(Least(wrong))))

(* Contention is no answer. The same bytes are sent again. *)
Conflict(r) == UNCHANGED vars

(* Another id than the first is taken, as far as was reported. The first   *)
(* row is read, and is there, unless what is taken is the end of a hold    *)
(* that was to be released: somebody was faster, and the rows of all whose *)
(* holds were to end are read as if they had come back.                    *)
OtherIdTaken(r) ==
  IF Id(r.call) \in DOMAIN rows THEN Replay(r.call)
  ELSE IF r.releases # {} THEN \E clock \in Clocks : Refused(r, {Payer(h) : h \in r.releases}, clock)
  ELSE Tell(r.call, Says("damaged")) /\ OnlyTold

(* DynamoDB may report any of what is true, and what it reports may be     *)
(* mixed. The order of the questions makes one step of each mixture: the   *)
(* id, a conflict, another id, the balances. So each of these steps is     *)
(* possible whenever its reason is true, and a conflict always.            *)
PostRefused(r) ==
  /\ r.op = "Post"
  /\ \/ Id(r.call) \in FailedPuts(r) /\ Replay(r.call)
     \/ Invalid(r) /\ Tell(r.call, Says("damaged")) /\ OnlyTold
     \/ Conflict(r)
     \/ FailedPuts(r) \ {Id(r.call)} # {} /\ OtherIdTaken(r)
     \/ \E moves \in SUBSET FailedMoves(r), clock \in Clocks : moves # {} /\ Refused(r, moves, clock)

(* Decline: one Put of the first row, if its id does not exist. *)
DeclineRow(r) == [call |-> r.call, status |-> "declined", entry |-> r.entry, seen |-> r.seen]
DeclineFits(r) == Id(r.call) \notin DOMAIN rows
Decline(r) ==
  /\ r.op = "Decline"
  /\ DeclineFits(r)
  /\ rows' = (Id(r.call) :> DeclineRow(r)) @@ rows
  /\ Tell(r.call, rows'[Id(r.call)])
  /\ UNCHANGED <<users, sent, over, now>>

DeclineRefused(r) == r.op = "Decline" /\ ~DeclineFits(r) /\ Replay(r.call)

-----------------------------------------------------------------------------
(* Capture, void, expiry: one Put of the end row, one Update of the        *)
(* payer's row; with a capture's credit its row and its receiver's, too.   *)

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
  IN (Payer(h) :> [balance |-> payer.balance + HeldBy(h) - captured, version |-> payer.version + 1,
                   held |-> payer.held - HeldBy(h), holds |-> payer.holds - 1,
                   open |-> Without(payer.open, {h})])
     @@ (IF Pays(r) THEN Receiver(r) :> [receiver EXCEPT !.balance = @ + captured, !.version = @ + 1] ELSE Empty)

EndFits(r)      == EndId(Hold(r)) \notin DOMAIN rows
HoldIsOpen(r)   == Hold(r) \in DOMAIN User(Payer(Hold(r))).open
ReceiverFits(r) == Pays(r) => Fits(<<CreditOf(r)>>, Receiver(r), User(Receiver(r)).balance)

End(r) ==
  /\ EndFits(r) /\ HoldIsOpen(r) /\ ReceiverFits(r)
  /\ rows' = EndRows(r) @@ rows
  /\ users' = EndMoves(r) @@ users
  /\ Tell(r.call, EndOutcome(r.call, rows'[EndId(Hold(r))]))
  /\ UNCHANGED <<sent, over, now>>

Capture(r) == r.op = "Capture" /\ End(r)
Void(r)    == r.op = "Void" /\ End(r)
Expire(r)  == r.op = "Expire" /\ End(r)

(* A capture that was answered before must not hear of its receiver's      *)
(* limit, and the refusal may not have reported that its end is taken: the *)
(* end is read before.                                                     *)
EndThere(c) == Tell(c, EndOutcome(c, rows[EndId(c.hold)])) /\ OnlyTold
OverLimit(c) ==
  IF EndId(c.hold) \in DOMAIN rows THEN EndThere(c)
  ELSE TellNotStored(c, "balance limit")

(* Here, too, any of what is true may be reported. If the hold's attribute *)
(* is gone, its end is there, and is read unless it came back.             *)
EndRefused(r) ==
  /\ r.op \in {"Capture", "Void", "Expire"}
  /\ \/ ~EndFits(r) /\ EndThere(r.call)
     \/ /\ ~HoldIsOpen(r)
        /\ IF EndId(Hold(r)) \in DOMAIN rows THEN EndThere(r.call) ELSE Tell(r.call, Says("damaged")) /\ OnlyTold
     \/ ~ReceiverFits(r) /\ OverLimit(r.call)

-----------------------------------------------------------------------------
(* A reading writes nothing. It takes what has expired for released, by    *)
(* its clock before it looked: for the end, or, if a balance is read, for  *)
(* the hold's attribute, which is there exactly if the end is not.         *)

Read(c) ==
  /\ c.op = "Read"
  /\ c.hold \in DOMAIN rows /\ rows[c.hold].status = "pending"
  /\ IF EndId(c.hold) \in DOMAIN rows THEN Tell(c, Ended(rows[EndId(c.hold)]))
     ELSE /\ \E clock \in Clocks : rows[c.hold].expires + Grace <= clock
          /\ Tell(c, [status |-> "ended", as |-> "expired"])
  /\ OnlyTold

(* A caller who was told what is not stored calls again. *)
CallAgain(c) ==
  /\ c \in over
  /\ over' = over \ {c}
  /\ Send({r \in FirstPostings \cup Started(rows, now) : r.call = c})
  /\ UNCHANGED <<rows, users, told, now>>

(* Time passes, and all callers call again. A capture or void that was under *)
(* way when its hold expired goes on as the expiry: no attempt at another  *)
(* end is sent from then on, and the end that is stored first is told.     *)
Tick ==
  /\ now < LastTime
  /\ now' = now + 1
  /\ over' = {}
  /\ Send(FirstPostings' \cup Started(rows, now'))
  /\ UNCHANGED <<rows, users, told>>

(* What DynamoDB may apply or refuse next: everything that is under way. *)
UnderWay == {r \in sent : now <= r.at + Delay}

Next ==
  \/ \E r \in UnderWay : Post(r)
  \/ \E r \in UnderWay : PostRefused(r)
  \/ \E r \in UnderWay : Decline(r)
  \/ \E r \in UnderWay : DeclineRefused(r)
  \/ \E r \in UnderWay : Capture(r)
  \/ \E r \in UnderWay : Void(r)
  \/ \E r \in UnderWay : Expire(r)
  \/ \E r \in UnderWay : EndRefused(r)
  \/ \E c \in Calls : Read(c)
  \/ \E c \in over : CallAgain(c)
  \/ Tick

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* What holds, in the words of the package ledger. First the money.        *)

Transactions == {id \in DOMAIN rows : IsFirst(id)}
Ends         == {id \in DOMAIN rows : IsEnd(id)}
Posted       == {id \in Transactions : rows[id].status = "posted"}
Holds        == {id \in Transactions : rows[id].status = "pending"}
OpenHolds(u) == {h \in Holds : Payer(h) = u /\ EndId(h) \notin DOMAIN rows}

(* What a row adds to the balance of u, and whether it is one of u's. *)
Effect(id, u) ==
  IF IsEnd(id) THEN IF Payer(id) # u THEN 0
                    ELSE HeldBy(RowId(id, 1)) - (IF rows[id].status = "captured" THEN rows[id].amount ELSE 0)
  ELSE IF ~IsFirst(id) THEN IF rows[id].entry.user = u THEN Signed(rows[id].entry) ELSE 0
  ELSE IF rows[id].status = "declined" \/ rows[id].call.entries[1].user # u THEN 0 ELSE Signed(rows[id].call.entries[1])
Counts(id, u) ==
  IF IsEnd(id) THEN Payer(id) = u
  ELSE IF ~IsFirst(id) THEN rows[id].entry.user = u
  ELSE rows[id].status # "declined" /\ rows[id].call.entries[1].user = u

(* A balance is the opening balance and the effect of the user's rows.     *)
(* The version is their number.                                            *)
BalanceIsSumOfRows ==
  \A u \in Users :
    /\ User(u).balance = Opening + Sum([id \in DOMAIN rows |-> Effect(id, u)])
    /\ User(u).version = Cardinality({id \in DOMAIN rows : Counts(id, u)})

(* A balance is never below zero, and with what is held it never passes    *)
(* the bound by which it is read.                                          *)
BalanceInRange ==
  \A u \in Users : User(u).balance >= 0 /\ User(u).balance + User(u).held <= Ceiling + MostHolds * MaxAmount

(* Only a release lifts a balance over the ceiling, by what was held.      *)
ReleasedOf(u) == {id \in DOMAIN rows' \ DOMAIN rows : IsEnd(id) /\ Payer(id) = u}
OnlyReleasePassesCeiling ==
  [][\A u \in Users : LET old == User(u).balance  new == User(u)'.balance IN
       new > old /\ new > Ceiling =>
         new - old <= HeldByAll({RowId(id, 1) : id \in ReleasedOf(u)})]_vars

(* Each user's balance stays in its range after every entry, as if they    *)
(* were posted one after another with nobody in between.                   *)
EntriesFitInOrder ==
  [][\A id \in Transactions' \ Transactions :
       rows'[id].status # "declined" =>
         LET entries == Counted(rows'[id].call)
             before(u) == User(u).balance + HeldByAll({RowId(e, 1) : e \in ReleasedOf(u)})
         IN \A i \in 1..Len(entries) :
              EntryFits(entries[i], SeenAt(entries, i, before(entries[i].user)))]_vars

(* The rows of a posted transaction are all there, or none of them.        *)
RowsAllOrNone ==
  /\ \A id \in Posted : \A i \in 2..Len(rows[id].call.entries) :
       /\ RowId(id, i) \in DOMAIN rows
       /\ rows[RowId(id, i)] = [of |-> id, entry |-> rows[id].call.entries[i]]
  /\ \A id \in DOMAIN rows : ~IsFirst(id) /\ ~IsEnd(id) =>
       /\ RowId(id, 1) \in DOMAIN rows
       /\ \/ rows[RowId(id, 1)].status = "posted" /\ id[3] <= Len(rows[RowId(id, 1)].call.entries)
          \/ rows[RowId(id, 1)].status = "pending" /\ EndId(id) \in DOMAIN rows /\ rows[EndId(id)].status = "captured"

(* A captured payment has paid what was captured, and nothing else has. *)
CapturePaysOnce ==
  \A h \in Holds : Len(rows[h].call.entries) > 1 =>
    IF EndId(h) \in DOMAIN rows /\ rows[EndId(h)].status = "captured"
    THEN RowId(h, 2) \in DOMAIN rows /\ rows[RowId(h, 2)].entry.amount = rows[EndId(h)].amount
    ELSE RowId(h, 2) \notin DOMAIN rows

(* Nobody captures more than is held. *)
CapturedIsHeld ==
  \A id \in Ends : rows[id].status = "captured" => rows[id].amount <= HeldBy(RowId(id, 1))

(* No hold ends as expired before its expiry by any clock, and no posting  *)
(* releases one before its grace is over.                                  *)
NoEarlyExpiry ==
  \A id \in Ends : rows[id].status = "expired" => rows[RowId(id, 1)].expires <= now + Skew
NoEarlyRelease ==
  [][\A id \in DOMAIN rows' \ DOMAIN rows :
       IsEnd(id) /\ rows'[id].status = "expired" /\ (\E p \in DOMAIN rows' \ DOMAIN rows : IsFirst(p))
         => rows[RowId(id, 1)].expires + Grace <= now + Skew]_vars

(* What is told and not stored is true when it is told, and nothing of the *)
(* call is stored afterwards, unless it is made again.                     *)
TooManyIsTrue ==
  [][\A t \in told' \ told : t.answer.status = "too many holds" =>
       LET u == Payer(Id(t.call))
           expired(clock) == {h \in DOMAIN User(u).open : User(u).open[h].expires + Grace <= clock}
       IN \E clock \in Clocks : User(u).holds - Cardinality(expired(clock)) >= MostHolds]_vars
LimitIsTrue ==
  [][\A t \in told' \ told : t.answer.status = "balance limit" =>
       User(rows[t.call.hold].call.entries[2].user).balance + t.call.amount > Ceiling]_vars
NothingAfterNotStored ==
  \A c \in over :
    IF c.op = "Post" THEN Id(c) \in DOMAIN rows => rows[Id(c)].call # c
    ELSE EndId(c.hold) \in DOMAIN rows => ~SameEnd(c, rows[EndId(c.hold)])

(* A row never changes and never goes. *)
RowsNeverChange == [][\A id \in DOMAIN rows : id \in DOMAIN rows' /\ rows'[id] = rows[id]]_vars

(* Holds. An open hold is exactly an attribute that is there, and has no   *)
(* end. What is held is the sum of the open holds.                         *)
OpenHoldIsAttribute ==
  /\ \A u \in Users :
       /\ DOMAIN User(u).open = OpenHolds(u)
       /\ \A h \in DOMAIN User(u).open : User(u).open[h] = [amount |-> HeldBy(h), expires |-> rows[h].expires]
  /\ \A id \in Ends : RowId(id, 1) \in Holds
HeldIsOpenHolds ==
  \A u \in Users : User(u).held = HeldByAll(OpenHolds(u)) /\ User(u).holds = Cardinality(OpenHolds(u))
HoldsWithinLimit == \A u \in Users : Cardinality(DOMAIN User(u).open) <= MostHolds

(* Answers. The same request again gets the first outcome, and nothing     *)
(* else, once it was told one.                                             *)
SameRequestSameOutcome ==
  [][\A t \in told' \ told, s \in told :
       s.call = t.call /\ s.call.op # "Read" /\ s.answer.status \notin NoOutcome => s.answer = t.answer]_vars

(* An outcome is told only after it is stored, and it is the outcome of    *)
(* the request that was made, not of another one.                          *)
ToldIsStored ==
  \A t \in told :
    CASE t.answer.status \in {"posted", "pending", "declined"} ->
           Id(t.call) \in DOMAIN rows /\ rows[Id(t.call)] = t.answer /\ t.answer.call = t.call
      [] t.answer.status = "captured" ->
           EndId(t.call.hold) \in DOMAIN rows /\ t.answer = [rows[EndId(t.call.hold)] EXCEPT !.amount = t.call.amount]
      [] t.answer.status = "voided" -> EndId(t.call.hold) \in DOMAIN rows /\ t.answer = rows[EndId(t.call.hold)]
      [] t.answer.status = "ended" /\ t.call.op # "Read" ->
           EndId(t.call.hold) \in DOMAIN rows /\ t.answer = Ended(rows[EndId(t.call.hold)])
      [] OTHER -> TRUE

(* A key that is used for something else is the caller's own, and this     *)
(* request has moved nothing: what is stored is another one.               *)
ReuseIsTrue ==
  \A t \in told : t.answer.status = "reused" =>
    LET stored == rows[Id(t.call)].call IN
    /\ stored.key = t.call.key /\ stored.entries[1].user = t.call.entries[1].user
    /\ stored # t.call

(* A decline is decided by what was true when the posting was cancelled:   *)
(* what could be spent, expired holds included, did not allow that entry.  *)
DeclinesAreTrue ==
  [][\A d \in {r \in sent' \ sent : r.op = "Decline"} :
       LET entry == d.call.entries[d.entry]  u == entry.user IN
       /\ ~EntryFits(entry, d.seen)
       /\ \E clock \in Clocks :
            LET expired == {h \in OpenHolds(u) : rows[h].expires + Grace <= clock} IN
            d.seen = SeenAt(d.call.entries, d.entry, User(u).balance + HeldByAll(expired))]_vars

(* Nobody finds what a protocol that holds can't leave behind. *)
NothingIsDamaged == \A t \in told : t.answer.status # "damaged"

(* A hold ends once: no two callers are told of different ends by a        *)
(* capture or a void, whatever their clocks say.                           *)
EndTold(t) == IF t.answer.status = "ended" THEN t.answer.as ELSE t.answer.status
EndsAgree(answers) ==
  \A s, t \in {t \in answers : t.answer.status \in {"captured", "voided", "ended"}} :
    s.call.hold = t.call.hold => EndTold(s) = EndTold(t)
HoldEndsOnce == EndsAgree({t \in told : t.call.op # "Read"})

(* A reading that takes an expired hold for released is told before any    *)
(* end is stored. That none contradicts it is the one promise which needs  *)
(* clocks that agree and requests that don't linger: a capture that was    *)
(* sent in time may be applied Delay later. It holds while                 *)
(*   Skew + Delay <= Grace.                                                *)
ReadingsAgree == EndsAgree(told)

(* Not promises, but what must happen somewhere: each of these is violated, *)
(* or what holds above would hold of nothing.                              *)
NeverCaptured   == \A t \in told : t.answer.status # "captured"
NeverVoided     == \A t \in told : t.answer.status # "voided"
NeverExpired    == \A t \in told : t.answer.status # "ended"
NeverDeclined   == \A t \in told : t.answer.status # "declined"
NeverReused     == \A t \in told : t.answer.status # "reused"
NeverLimit      == \A t \in told : t.answer.status # "balance limit"
NeverTooMany    == \A t \in told : t.answer.status # "too many holds"


NeverReleased   ==
  [][~\E id \in DOMAIN rows' \ DOMAIN rows, p \in DOMAIN rows' \ DOMAIN rows : IsEnd(id) /\ IsFirst(p)]_vars
NeverOverCeiling == \A u \in Users : User(u).balance <= Ceiling
(* A credit is bounded by the stored balance. A reader may see more:       *)
(* expired holds whose release is not written count for the reader.        *)
NeverOverReadableCeiling ==
  [][\A id \in Transactions' \ Transactions :
       rows'[id].status = "posted" =>
         LET entries == rows'[id].call.entries
             readable(u, clock) == User(u).balance + HeldByAll(Expired(u, clock))
         IN \A i \in 1..Len(entries) : entries[i].type = "credit" =>
              \E clock \in Clocks : EntryFits(entries[i], SeenAt(entries, i, readable(entries[i].user, clock)))]_vars
=============================================================================
