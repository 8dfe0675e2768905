------------------------------ MODULE Defects ------------------------------
(* Deliberate defects. A line in a configuration replaces one of           *)
(* OneWrite's operators with one of these, for example                     *)
(*   CONSTANT SendDecline <- AnswerAndSendDecline                         *)
(* The table in .ci/model names the invariant that each defect must break. *)
EXTENDS Check

Always(x)         == TRUE
AlwaysBoth(x, y)  == TRUE
Never(x)          == FALSE
NeverBoth(x, y)   == FALSE

(* Declines. *)
AnswerAndSendDecline(d) == Send({d}) /\ Answer(d.call, DeclineRow(d)) /\ UNCHANGED <<rows, users, refunded, over, now>>
ConflictIsDeclined(r)  == SendDecline(Declining(r.call, now, 1, Opening, "balance"))
NothingExpires(u, clock) == {}
ClockReadOnce(r, u, clock) == FALSE
LastWrong(wrong)       == Most(wrong)

(* A posting's write. *)
FirstIdNotAsked(r)     == (PostPuts(r) \ {Id(r.call)}) \cap DOMAIN rows
OnlyFirstIdAsked(r)    == {Id(r.call)} \cap DOMAIN rows
NoMoves(r)             == Empty
OnlyFirstRow(r)        == {Id(r.call)}
NetSumFits(entries, u, balance) == balance + Move(entries, u) \in 0 .. Ceiling
NoMostFromCeiling(entries, u) ==
  Least({Ceiling + MostHolds * MaxAmount}
        \cup ({Ceiling - After(entries, u, i) : i \in Of(entries, u, "credit")} \cap (0 .. Ceiling - 1)))

(* Replay. *)
SameKey(c, row)        == row.call.key = c.key
IdOfKey(c)             == <<CHOOSE u \in Users : TRUE, c.key, 1>>
NotStoredUnread(c, status) == Answer(c, StatusOnly(status)) /\ OnlyAnswers
SameEntries(c, row)    == row.call.key = c.key /\ row.call.entries = c.entries

(* Unstored answers. *)
AnsweredWhileUnderWay(c, status) ==
  /\ Answer(c, StatusOnly(status)) /\ over' = over \cup {c} /\ UNCHANGED <<rows, users, refunded, sent, now>>
NeverPays(r)           == ~Pays(r)
AllHolds(u, clock)     == User(u).holds

(* Refunds. *)
AnyPlaceFits(r) ==
  IsRefund(r.call) =>
    LET c == r.call IN
    \E i \in 1..Len(c.places) :
      RefundedOf(c.of, c.places[i]) + c.entries[i].amount <= MovedBy(rows, c.of)[c.places[i]]
OnlyOneFits(r) == IsRefund(r.call) => r.call.of \notin DOMAIN refunded
RefundableIfPending(table, id) == id \in DOMAIN table /\ table[id].call.op = "Post" /\ ~IsRefund(table[id].call)
RefundableIfRefund(table, id)  == id \in DOMAIN table /\ (table[id].status = "posted" \/ Captured(table, id))
EntryAmounts(table, id)        == [i \in 1..Len(table[id].call.entries) |-> table[id].call.entries[i].amount]
RefundLimitUnread(c)           == Answer(c, StatusOnly("refund limit")) /\ OnlyAnswers
RefundLimitDeclined(c)         == SendDecline(Declining(c, now, 1, User(c.entries[1].user).balance, "balance"))

(* Rules. *)
BothFree(r)            == Pays(r) => ~Blocks(Receiver(r), "credit") /\ ~Blocks(Payer(Hold(r)), "debit")
NothingBlocked(r)      == [User(r.call.user) EXCEPT !.changes = @ + 1]
LimitAdded(r)          == [User(r.call.user) EXCEPT !.balance = @ + Grants(r), !.limit = @ + Grants(r), !.changes = @ + 1]
BlockOnlyAnswered(d)    == IF d.by = "block" THEN Answer(d.call, DeclineRow(d)) /\ OnlyAnswers ELSE OnlySend({d})
ByBalance(c, time, entry, seen, by) ==
  [op |-> "Decline", call |-> c, entry |-> entry, seen |-> seen, by |-> "balance", at |-> time]
NothingGranted(r)      == 0

(* Holds. *)
SendAnyway(r)          == {r}
ExpiredAtOnce(u, clock) == {h \in DOMAIN User(u).open : User(u).open[h].expires <= clock}
EndingAsExpiry(c, table, time, clock) == [op |-> "Expire", call |-> c, at |-> time]
EndingLate(c, table, time, clock)     == [op |-> c.op, call |-> c, at |-> time]
StartedUnchecked(table, time) ==
  {Ending(c, table, time, clock) : clock \in time .. time + Skew,
     c \in {c \in Calls : c.op \in {"Capture", "Void"} /\ c.hold \in DOMAIN table /\ table[c.hold].status = "pending"}}
NoEndRows(r)           == {RowId(Id(r.call), i) : i \in 1..Len(Counted(r.call))}
NoAttributeAsked(r, u) ==
  /\ Fits(Counted(r.call), u, users[u].balance + HeldByAll(ReleasesOf(r, u)))
  /\ RoomForHold(r, users[u].holds - Cardinality(ReleasesOf(r, u)))
NoEndOfThatKind(r)     == EndId(Hold(r)) \in DOMAIN rows => rows[EndId(Hold(r))].status # EndRow(r).status
ReadLate(c) == \* it reads its clock Delay after it looked for the end
  /\ c.op = "Read"
  /\ c.hold \in DOMAIN rows /\ rows[c.hold].status = "pending"
  /\ EndId(c.hold) \notin DOMAIN rows /\ rows[c.hold].expires + Grace <= now + Skew + Delay
  /\ Answer(c, [status |-> "ended", as |-> "expired"]) /\ OnlyAnswers
ExpiryOnlyAnswered(r) ==
  /\ r.op = "Expire" /\ EndFits(r) /\ HoldIsOpen(r)
  /\ Answer(r.call, [status |-> "ended", as |-> "expired"]) /\ OnlyAnswers
=============================================================================
