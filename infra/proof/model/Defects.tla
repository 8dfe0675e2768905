------------------------------ MODULE Defects ------------------------------
(* Deliberate defects. Each operator here takes the place of one of        *)
(* OneWrite by a line of a configuration, such as                          *)
(*   CONSTANT SendDecline <- TellAndSendDecline                            *)
(* so that the protocol itself is free of them. .ci/model has the table of *)
(* what each must break.                                                   *)
EXTENDS Check

Always(x)         == TRUE
AlwaysBoth(x, y)  == TRUE
Never(x)          == FALSE
NeverBoth(x, y)   == FALSE

(* Declines. *)
TellAndSendDecline(d)  == Send({d}) /\ Tell(d.call, DeclineRow(d)) /\ UNCHANGED <<rows, users, over, now>>
ConflictIsDeclined(r)  == SendDecline(Declining(r.call, 1, Opening))
NothingExpires(u, clock) == {}

(* The write of a posting. *)
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
TooManyHoldsUnread(c)  == Tell(c, Says("too many holds")) /\ OnlyTold
OverLimitUnread(c)     == Tell(c, Says("balance limit")) /\ OnlyTold
SameEntries(c, row)    == row.call.key = c.key /\ row.call.entries = c.entries

(* What is not stored. *)
ToldWhileUnderWay(c, status) ==
  /\ Tell(c, Says(status)) /\ over' = over \cup {c} /\ UNCHANGED <<rows, users, sent, now>>
NeverPays(r)           == ~Pays(r)
AllHolds(u, clock)     == User(u).holds

(* Holds. *)
ExpiredAtOnce(u, clock) == {h \in DOMAIN User(u).open : User(u).open[h].expires <= clock}
OpenIsReleased(S, clock) == {h \in DOMAIN rows : IsFirst(h) /\ rows[h].status = "pending" /\ Payer(h) \in S}
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
ReadLate(c) == \* its clock is read after the end was looked for, Delay later
  /\ c.op = "Read"
  /\ c.hold \in DOMAIN rows /\ rows[c.hold].status = "pending"
  /\ EndId(c.hold) \notin DOMAIN rows /\ rows[c.hold].expires + Grace <= now + Skew + Delay
  /\ Tell(c, [status |-> "ended", as |-> "expired"]) /\ OnlyTold
ExpiryToldOnly(r) ==
  /\ r.op = "Expire" /\ EndFits(r) /\ HoldIsOpen(r)
  /\ Tell(r.call, [status |-> "ended", as |-> "expired"]) /\ OnlyTold
=============================================================================
