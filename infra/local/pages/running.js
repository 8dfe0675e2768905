// The running balance: a user's own money after each write, where it is certain. Own
// money is the balance and the held money without the credit limit. Neither a hold nor a
// limit moves it, so each of its moves is a line of the history.
//
// A line has the time at which its write began. One write counted before another began
// if the page saw the first before it sent the second, or if more time lies between them
// than a call takes. Otherwise their order is unknown.

import { units } from "./words.js";

// longestCall is the longest time from the beginning of a write until it counts: eight
// seconds of a call, and two for clocks and for the last request.
export const longestCall = 10_000; // milliseconds

const latest = new Map(restored()); // the latest time at which a write can have counted, by write
const endings = new Map(); // how many writes the page knew when it sent a capture or void, by hold
const storedWrites = 1000;

// What one page knows of the order, the page knows after a reload.
function restored() {
  try {
    return JSON.parse(sessionStorage.getItem("writes")) ?? [];
  } catch {
    return [];
  }
}
addEventListener("pagehide", () => sessionStorage.setItem("writes", JSON.stringify([...latest].slice(-storedWrites))));

const isEnd = ({ type }) => ["capture", "void", "expiry"].includes(type);
const began = ({ createdAt }) => Date.parse(createdAt);

// writeOf names the write of a line: its lines have one transaction and one time.
const writeOf = (line) => `${isEnd(line) ? "end of " : ""}${line.transactionId ?? line.id} ${line.createdAt}`;

// knownWrites returns how many writes the page knows. They counted before a call that it
// sends then.
export const knownWrites = () => latest.size;

// learn takes an answer, whose writes have counted by then. Before is knownWrites at the
// sending of the call.
export function learn({ method, path }, answer, before) {
  const { data } = answer.body;
  const lines = Array.isArray(data) ? data : data?.id ? [data] : [];
  const by = answeredBy(answer);
  for (const line of lines) {
    const write = writeOf(line);
    if (latest.has(write)) continue;
    if (isEnd(line)) precede(endings.get(line.transactionId) ?? 0, line);
    latest.set(write, Math.min(began(line) + longestCall, by));
  }
  if (method !== "POST" || answer.replayed) return;
  if (answer.status === 201) precede(before, data);
  const [, hold] = path.match(/^\/transactions\/(.*)\/(capture|void)$/) ?? [];
  if (hold) endings.set(hold, before);
}

// precede notes that the first writes counted before a line began.
function precede(count, line) {
  for (const [write, time] of [...latest].slice(0, count)) latest.set(write, Math.min(time, began(line)));
}

// answeredBy is the latest time, by the server's clock, at which an answer was made. Its
// header is in whole seconds.
function answeredBy({ headers }) {
  const date = headers.find(([name]) => name === "date")?.[1];
  return date ? Date.parse(date) + 1000 : Infinity;
}

// effect is the sum that a line adds to the user's own money.
export function effect({ type, status, ammount }) {
  if (status === "declined" || status === "pending") return 0n;
  const sign = { credit: 1n, debit: -1n, capture: -1n }[type];
  return sign ? sign * units(ammount) : 0n;
}

export const reasons = {
  order: "Other writes came at about the same time, and their order is not known.",
  together: "A write of several lines has the money after it in its first line.",
  older: "An older line, which is not read, may have counted later.",
  negative: "It would be below zero: an earlier credit limit, or a wrong clock.",
  clock: "The server's clock went backwards.",
};

// running returns for each line the own money after it, or why it is unknown. A line
// that moves nothing has neither. The lines are newest first. Own is the user's own money
// now, limit the credit limit, and more says that older lines are not read.
export function running(lines, own, limit, more) {
  const writes = new Map();
  const firsts = new Set();
  for (const line of lines.filter(effect)) {
    const name = writeOf(line);
    if (!writes.has(name)) {
      writes.set(name, { moved: 0n, began: began(line), counted: latest.get(name) ?? began(line) + longestCall });
      firsts.add(line);
    }
    writes.get(name).moved += effect(line);
  }
  place([...writes.values()], own, limit, more ? began(lines.at(-1)) + longestCall : -Infinity);
  return lines.map((line) => {
    const write = writes.get(writeOf(line));
    if (!write || !effect(line)) return {};
    return firsts.has(line) ? { own: write.own, why: write.why } : { why: reasons.together };
  });
}

// place notes in each write the own money after it, or why it is unknown. The lines that
// are not read counted by the time of rest.
function place(writes, own, limit, rest) {
  const clockIsWrong = writes.some(({ began: from, counted }) => counted < from);
  for (const group of groups(writes, rest)) {
    const isLast = group.at(-1) === writes.at(-1);
    const open = isLast && rest > group.at(-1).began;
    const alike = !open && group.every(({ moved }) => moved === group[0].moved);
    group.forEach((write, i) => {
      if (clockIsWrong) write.why = reasons.clock;
      else if (i > 0 && !alike) write.why = open ? reasons.older : reasons.order;
      else if (own + limit < 0n) write.why = reasons.negative;
      else write.own = own;
      own -= write.moved;
    });
  }
}

// groups parts the writes wherever all older writes counted before all newer ones began.
// The order within a group is unknown.
function groups(writes, rest) {
  const counted = []; // by place, the latest time at which this write or an older one counted
  writes.reduceRight((older, write, i) => (counted[i] = Math.max(older, write.counted)), rest);
  const parts = [];
  writes.forEach((write, i) => {
    if (i === 0 || counted[i] <= writes[i - 1].began) parts.push([]);
    parts.at(-1).push(write);
  });
  return parts;
}
