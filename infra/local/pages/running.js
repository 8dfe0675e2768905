// The running balance: a user's own money after each write, in the order of the list. Own
// money is the balance plus held money, minus the credit limit. Holds and limits don't
// change it, so every change to it is a line of the history.
//
// The list is in the order in which calls began. Calls at about the same time may have been
// applied in a different order, as the page explains. If own money after a line would be
// lower than the credit limit allows, the order or the limit was different then, and the
// line shows no own money.

import { units } from "./words.js";

// longestCall is the longest time from the beginning of a write until it is applied: eight
// seconds for a call, and two for clock differences and the last request.
export const longestCall = 10_000; // milliseconds

const isEnd = ({ type }) => ["capture", "void", "expiry"].includes(type);

// writeOf returns a key for the write that a line belongs to: its transaction and time.
const writeOf = (line) => `${isEnd(line) ? "end of " : ""}${line.transactionId ?? line.id} ${line.createdAt}`;

// effect returns the amount by which a line changes the user's own money.
export function effect({ type, status, ammount }) {
  if (status === "declined" || status === "pending") return 0n;
  const sign = { credit: 1n, debit: -1n, capture: -1n }[type];
  return sign ? sign * units(ammount) : 0n;
}

export const reasons = {
  together: "The first line of this write shows the own money after the whole write.",
  negative: "It would be too low here: the calls counted in another order, or the credit limit was higher.",
};

// running returns, for each line, the user's own money after the line's write, or why it is
// not shown. If a write has several lines, only the newest one shows the own money. A line
// that moves no money has neither. The lines are newest first. The parameter own is the
// user's own money now, and limit is the credit limit.
export function running(lines, own, limit) {
  const writes = new Map();
  for (const line of lines.filter(effect)) {
    const write = writes.get(writeOf(line)) ?? { newest: line, moved: 0n };
    writes.set(writeOf(line), write);
    write.moved += effect(line);
  }
  for (const write of writes.values()) {
    write.own = own;
    own -= write.moved;
  }
  return lines.map((line) => {
    const write = effect(line) ? writes.get(writeOf(line)) : undefined;
    if (!write) return {};
    if (write.newest !== line) return { why: reasons.together };
    return write.own + limit < 0n ? { why: reasons.negative } : { own: write.own };
  });
}
