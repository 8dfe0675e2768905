// The running balance: a user's own money after each write, in the order of the list.
// Own money is the balance and the held money without the credit limit. Neither a hold nor
// a limit moves it, so each of its moves is a line of the history.
//
// The list has the order in which calls began. Calls at about the same time may have
// counted in another order, and the page says so. Where the order of the list would take
// the money below zero, they have: no money is shown there.

import { units } from "./words.js";

// longestCall is the longest time from the beginning of a write until it counts: eight
// seconds of a call, and two for clocks and for the last request.
export const longestCall = 10_000; // milliseconds

const isEnd = ({ type }) => ["capture", "void", "expiry"].includes(type);

// writeOf names the write of a line: its lines have one transaction and one time.
const writeOf = (line) => `${isEnd(line) ? "end of " : ""}${line.transactionId ?? line.id} ${line.createdAt}`;

// effect is the sum that a line adds to the user's own money.
export function effect({ type, status, ammount }) {
  if (status === "declined" || status === "pending") return 0n;
  const sign = { credit: 1n, debit: -1n, capture: -1n }[type];
  return sign ? sign * units(ammount) : 0n;
}

export const reasons = {
  together: "A write of several lines has the money after it in its first line.",
  negative: "It would be below zero: these calls counted in another order, or the credit limit was higher.",
};

// running returns for each line the own money after its write, at the newest line of the
// write, or why it is not shown. A line that moves nothing has neither. The lines are
// newest first. Own is the user's own money now, and limit the credit limit.
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
