------------------------------- MODULE Check -------------------------------
(* TransfersCalls are the calls in Transfers.cfg, and so on. The opening   *)
(* balance is always 2, small enough that the calls compete for it.        *)
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

(* Postings whose net sum fits, although an entry in between may not. *)
EntriesCalls == {
  Posts("up", <<Credit("A", 2), Debit("A", 2)>>),
  Posts("both", <<Debit("A", 1), Credit("B", 1), Debit("A", 1), Credit("A", 1), Debit("B", 3)>>),
  Posts("c", <<Credit("A", 1)>>),
  Posts("d", <<Debit("A", 1)>>),
  Posts("e", <<Debit("B", 1)>>)}

(* Two holds, a capture of one, and a debit that needs the money of both. *)
HoldsCalls == {
  Reserves("g", <<Debit("A", 1)>>),
  Reserves("h", <<Debit("A", 1)>>),
  Captures("A", "h", 1),
  Posts("d", <<Debit("A", 2)>>)}

(* A payment on hold to a receiver whose balance is near the ceiling. *)
PaymentsCalls == {
  Reserves("h", <<Debit("A", 2), Credit("B", 2)>>),
  Captures("A", "h", 1), Captures("A", "h", 2), Captures("A", "h", 3), Voids("A", "h"),
  Posts("c", <<Credit("B", 1)>>),
  Posts("d", <<Debit("B", 1)>>)}

(* Holds of two users, and a posting that needs the expired money of both. *)
ReleasesCalls == {
  Reserves("g", <<Debit("A", 1)>>),
  Reserves("h", <<Debit("B", 2)>>),
  Captures("A", "g", 1),
  Posts("d", <<Debit("A", 2), Debit("B", 1)>>)}

(* One more hold than the user may have at a time. *)
LimitCalls == {
  Reserves("g", <<Debit("A", 1)>>),
  Reserves("h", <<Debit("A", 1), Credit("B", 1)>>),
  Captures("A", "h", 1),
  Posts("g", <<Debit("A", 1)>>),
  Voids("A", "g")}

(* A release that lifts a balance over the ceiling, and postings after it. *)
OverCeilingCalls == {
  Reserves("h", <<Debit("A", 2)>>),
  Captures("A", "h", 1),
  Posts("c", <<Credit("A", 2)>>),
  Posts("b", <<Debit("A", 1), Credit("A", 1)>>)}

(* A hold that expires while callers capture it, read it or use its money. *)
ClocksCalls == {
  Reserves("h", <<Debit("A", 2)>>),
  Captures("A", "h", 2), Reads("A", "h"),
  Posts("d", <<Debit("A", 1)>>)}

(* A hold that expires after a refusal and before the clock is read. *)
LateCalls == {
  Reserves("h", <<Debit("A", 2)>>),
  Posts("d", <<Debit("A", 3)>>)}

(* Two holds, whose releases do not fit into one write with the debit. *)
ItemsCalls == {
  Reserves("g", <<Debit("A", 1)>>),
  Reserves("h", <<Debit("A", 1)>>),
  Captures("A", "g", 1),
  Posts("d", <<Debit("A", 2)>>)}

(* Refunds of a payment. Two of them have the same key. *)
RefundsCalls == {
  Posts("p", <<Debit("A", 2), Credit("B", 2)>>),
  Refunds("w", "A", "p", <<1, 2>>, <<Credit("A", 2), Debit("B", 2)>>),
  Refunds("x", "A", "p", <<1, 2>>, <<Credit("A", 1), Debit("B", 1)>>),
  Refunds("x", "A", "p", <<1>>, <<Credit("A", 2)>>),
  Refunds("y", "A", "p", <<1>>, <<Credit("A", 1)>>)}

(* Refunds of a captured payment whose receiver may have spent the money,  *)
(* and an attempt to refund a refund.                                      *)
CapturedCalls == {
  Reserves("h", <<Debit("A", 2), Credit("B", 2)>>),
  Captures("A", "h", 1),
  Refunds("w", "A", "h", <<1, 2>>, <<Credit("A", 1), Debit("B", 1)>>),
  Refunds("x", "A", "h", <<1>>, <<Credit("A", 1)>>),
  Refunds("y", "A", "h", <<1>>, <<Credit("A", 2)>>),
  Refunds("z", "A", "x", <<1>>, <<Debit("A", 1)>>),
  Posts("s", <<Debit("B", 3)>>)}

(* Rules that block and allow the payer's debits and the receiver's        *)
(* credits, a payment on hold, and a posting with a rule's key.            *)
BlocksCalls == {
  BlocksType("b", "A", "debit"), Allows("a", "A", "debit"), BlocksType("c", "B", "credit"),
  Reserves("h", <<Debit("A", 1), Credit("B", 1)>>),
  Captures("A", "h", 1),
  Posts("a", <<Debit("A", 1)>>)}

(* Two credit limits, and calls that may use more than the lower one. *)
CreditCalls == {
  Lends("k", "A", 2), Lends("l", "A", 1),
  Reserves("h", <<Debit("A", 1)>>),
  Posts("d", <<Debit("A", 3)>>)}
=============================================================================
