------------------------------- MODULE Check -------------------------------
(* The calls of each configuration, in the file with the same name. The    *)
(* opening balance is 2 in all of them, small enough that calls compete    *)
(* for it.                                                                 *)
EXTENDS OneWrite

Debit(user, amount)         == [user |-> user, type |-> "debit", amount |-> amount]
Credit(user, amount)        == [user |-> user, type |-> "credit", amount |-> amount]
Posts(key, entries)         == [op |-> "Post", key |-> key, entries |-> entries, expiresIn |-> 0]
Reserves(key, entries)      == [op |-> "Post", key |-> key, entries |-> entries, expiresIn |-> 1]
Captures(user, key, amount) == [op |-> "Capture", hold |-> <<user, key, 1>>, amount |-> amount]
Voids(user, key)            == [op |-> "Void", hold |-> <<user, key, 1>>]
Reads(user, key)            == [op |-> "Read", hold |-> <<user, key, 1>>]
Refunds(key, user, of, places, entries) ==
  [op |-> "Post", key |-> key, entries |-> entries, expiresIn |-> 0, of |-> <<user, of, 1>>, places |-> places]
Rules(key, user, blocks, allows, limit) ==
  [op |-> "Rule", key |-> key, user |-> user, blocks |-> blocks, allows |-> allows, limit |-> limit]
BlocksType(key, user, type) == Rules(key, user, {type}, {}, Stays)
Allows(key, user, type)     == Rules(key, user, {}, {type}, Stays)
Lends(key, user, limit)     == Rules(key, user, {}, {}, limit)

(* Transfers in both directions, a key reused for another request, and     *)
(* another user's call with the same key.                                  *)
TransfersCalls == {
  Posts("k", <<Debit("A", 2), Credit("B", 2)>>),
  Posts("k", <<Debit("A", 2), Credit("B", 1), Credit("A", 1)>>),
  Posts("k", <<Debit("B", 3), Credit("A", 1)>>),
  Posts("d", <<Debit("A", 1)>>)}

(* Entries with a sum in range, although a step on the way is not. *)
EntriesCalls == {
  Posts("up", <<Credit("A", 2), Debit("A", 2)>>),
  Posts("both", <<Debit("A", 1), Credit("B", 1), Debit("A", 1), Credit("A", 1), Debit("B", 3)>>),
  Posts("c", <<Credit("A", 1)>>),
  Posts("d", <<Debit("A", 1)>>),
  Posts("e", <<Debit("B", 1)>>)}

(* Two holds, and calls that need their money. *)
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

(* Two users' holds, and a posting that needs both users' expired money. *)
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

(* A release that lifts a balance over the ceiling, and postings there. *)
OverCeilingCalls == {
  Reserves("h", <<Debit("A", 2)>>),
  Captures("A", "h", 1),
  Posts("c", <<Credit("A", 2)>>),
  Posts("b", <<Debit("A", 1), Credit("A", 1)>>)}

(* Answers to callers while time passes. *)
ClocksCalls == {
  Reserves("h", <<Debit("A", 2)>>),
  Captures("A", "h", 2), Reads("A", "h"),
  Posts("d", <<Debit("A", 1)>>)}

(* A hold that expires before a clock is read. *)
LateCalls == {
  Reserves("h", <<Debit("A", 2)>>),
  Posts("d", <<Debit("A", 3)>>)}

(* More holds than one write can release beside an entry. *)
ItemsCalls == {
  Reserves("g", <<Debit("A", 1)>>),
  Reserves("h", <<Debit("A", 1)>>),
  Captures("A", "g", 1),
  Posts("d", <<Debit("A", 2)>>)}

(* Refunds of a payment, two of them with one key. *)
RefundsCalls == {
  Posts("p", <<Debit("A", 2), Credit("B", 2)>>),
  Refunds("w", "A", "p", <<1, 2>>, <<Credit("A", 2), Debit("B", 2)>>),
  Refunds("x", "A", "p", <<1, 2>>, <<Credit("A", 1), Debit("B", 1)>>),
  Refunds("x", "A", "p", <<1>>, <<Credit("A", 2)>>),
  Refunds("y", "A", "p", <<1>>, <<Credit("A", 1)>>)}

(* Refunds of a payment on hold, up to the captured sum, which may be      *)
(* spent. A refund is not refunded.                                        *)
CapturedCalls == {
  Reserves("h", <<Debit("A", 2), Credit("B", 2)>>),
  Captures("A", "h", 1),
  Refunds("w", "A", "h", <<1, 2>>, <<Credit("A", 1), Debit("B", 1)>>),
  Refunds("x", "A", "h", <<1>>, <<Credit("A", 1)>>),
  Refunds("y", "A", "h", <<1>>, <<Credit("A", 2)>>),
  Refunds("z", "A", "x", <<1>>, <<Debit("A", 1)>>),
  Posts("s", <<Debit("B", 3)>>)}

(* The payer's debits and the receiver's credits, blocked and allowed, and *)
(* a payment with a rule's key.                                            *)
BlocksCalls == {
  BlocksType("b", "A", "debit"), Allows("a", "A", "debit"), BlocksType("c", "B", "credit"),
  Reserves("h", <<Debit("A", 1), Credit("B", 1)>>),
  Captures("A", "h", 1),
  Posts("a", <<Debit("A", 1)>>)}

(* Credit limits, one of them below the credit in use, and their use. *)
CreditCalls == {
  Lends("k", "A", 2), Lends("l", "A", 1),
  Reserves("h", <<Debit("A", 1)>>),
  Posts("d", <<Debit("A", 3)>>)}
=============================================================================
