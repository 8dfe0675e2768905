------------------------------- MODULE Check -------------------------------
(* The calls of each configuration, which has a file of that name. In all  *)
(* of them an opening balance is 2, small enough that calls compete for it. *)
EXTENDS OneWrite

Debit(user, amount)         == [user |-> user, type |-> "debit", amount |-> amount]
Credit(user, amount)        == [user |-> user, type |-> "credit", amount |-> amount]
Posts(key, entries)         == [op |-> "Post", key |-> key, entries |-> entries, expiresIn |-> 0]
Reserves(key, entries)      == [op |-> "Post", key |-> key, entries |-> entries, expiresIn |-> 1]
Captures(user, key, amount) == [op |-> "Capture", hold |-> <<user, key, 1>>, amount |-> amount]
Voids(user, key)            == [op |-> "Void", hold |-> <<user, key, 1>>]
Reads(user, key)            == [op |-> "Read", hold |-> <<user, key, 1>>]

(* Transfers there and back, the same key for something else, the same key *)
(* of another user.                                                        *)
TransfersCalls == {
  Posts("k", <<Debit("A", 2), Credit("B", 2)>>),
  Posts("k", <<Debit("A", 2), Credit("B", 1), Credit("A", 1)>>),
  Posts("k", <<Debit("B", 3), Credit("A", 1)>>),
  Posts("d", <<Debit("A", 1)>>)}

(* Entries whose sum is in range and whose way there is not. *)
EntriesCalls == {
  Posts("up", <<Credit("A", 2), Debit("A", 2)>>),
  Posts("both", <<Debit("A", 1), Credit("B", 1), Debit("A", 1), Credit("A", 1), Debit("B", 3)>>),
  Posts("c", <<Credit("A", 1)>>),
  Posts("d", <<Debit("A", 1)>>),
  Posts("e", <<Debit("B", 1)>>)}

(* Two holds, and what wants their money. *)
HoldsCalls == {
  Reserves("g", <<Debit("A", 1)>>),
  Reserves("h", <<Debit("A", 1)>>),
  Captures("A", "h", 1),
  Posts("d", <<Debit("A", 2)>>)}

(* A payment on hold, whose receiver is near the ceiling. *)
PaymentsCalls == {
  Reserves("h", <<Debit("A", 2), Credit("B", 2)>>),
  Captures("A", "h", 1), Captures("A", "h", 2), Captures("A", "h", 3), Voids("A", "h"),
  Posts("c", <<Credit("B", 1)>>),
  Posts("d", <<Debit("B", 1)>>)}

(* Holds of two users, and a posting that needs what has expired of both. *)
ReleasesCalls == {
  Reserves("g", <<Debit("A", 1)>>),
  Reserves("h", <<Debit("B", 2)>>),
  Captures("A", "g", 1),
  Posts("d", <<Debit("A", 2), Debit("B", 1)>>)}

(* More holds than a user may have. *)
LimitCalls == {
  Reserves("g", <<Debit("A", 1)>>),
  Reserves("h", <<Debit("A", 1), Credit("B", 1)>>),
  Captures("A", "h", 1),
  Posts("g", <<Debit("A", 1)>>),
  Voids("A", "g")}

(* A release that lifts a balance over the ceiling, and what is posted there. *)
OverCeilingCalls == {
  Reserves("h", <<Debit("A", 2)>>),
  Captures("A", "h", 1),
  Posts("c", <<Credit("A", 2)>>),
  Posts("b", <<Debit("A", 1), Credit("A", 1)>>)}

(* What callers are told while time passes. *)
ClocksCalls == {
  Reserves("h", <<Debit("A", 2)>>),
  Captures("A", "h", 2), Reads("A", "h"),
  Posts("d", <<Debit("A", 1)>>)}
=============================================================================
