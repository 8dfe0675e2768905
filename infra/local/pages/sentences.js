// Describes the result of a step in one sentence. It relies only on the answers, the
// recorded requests and the balances that were read. The kind of a sentence is "kept" if
// these prove that the ledger kept its promise, "broken" if they prove that it did not, and
// "open" otherwise.

import { amountOf, declinedAt, entriesOf, money, name, otherLedger, outcome, sentenceCase, units, unitsOf } from "./words.js";

const kept = (text) => ({ kind: "kept", text });
const open = (text) => ({ kind: "open", text });
const broken = (text) => ({ kind: "broken", text });

const answered = (entry) => Boolean(entry.answer);
const posted = ({ answer }) => answer?.status === 201;
const rejected = ({ answer }) => answer?.status === 400;
const definite = (entry) => posted(entry) || rejected(entry) || entry.answer?.status === 422;
const title = (entry) => outcome(entry).title.toLowerCase();

const balances = (...read) => read.every(Boolean);
const moved = (before, after) => units(after.balance) - units(before.balance);
const still = (after) => `the balance is still ${money(after.balance)}`;
const wasStill = (after) => `When the balance was read it was still ${money(after.balance)}.`;
const became = (before, after) => (moved(before, after) === 0n ? still(after) : `${money(before.balance)} became ${money(after.balance)}`);
const unread = "the balance could not be read";

// fate describes the outcome of a call, such as "was posted" in "The debit was posted".
function fate(entry) {
  if (!answered(entry)) return "got no answer";
  return definite(entry) ? `was ${title(entry)}` : `was not settled (status ${entry.answer.status})`;
}

// why returns the reason for a rejection if it is the same in all answers.
function why(entries) {
  const reasons = new Set(entries.filter(answered).map((entry) => (rejected(entry) ? outcome(entry).sentence : "")));
  return reasons.size === 1 && !reasons.has("") ? ` ${[...reasons][0]}` : "";
}

// sentenceOf returns the sentence about the result of a step. If another call changed the
// account meanwhile, the balances prove nothing, so the sentence is open and mentions
// the other call.
export function sentenceOf(step, facts) {
  if (facts.isElsewhere) return open(`Another ledger answered. ${otherLedger}`);
  if (facts.isUnready) return open("This step was not played, because its user could not get the money for it.");
  const came = step.sum(facts);
  return facts.others ? open(`${came.text} Another call changed this account meanwhile.`) : came;
}

export function ofLostAnswer({ calls, amount, before, after }) {
  const [first, second] = calls.map(({ entry }) => entry);
  const how = {
    "true true": "The same call was sent twice",
    "false true": "No answer came, so the same call was sent again",
    "true false": "The same call was sent twice, and the second time no answer came",
    "false false": "No answer came, not even when the same call was sent again",
  }[`${answered(first)} ${answered(second)}`];
  const latest = [second, first].find(answered);
  const settles = latest && rejected(latest) && ![first, second].every(answered);
  const end = latest && !posted(latest) ? `${settles ? ". The answer settles both" : ""}: ${title(latest)}` : "";
  return counted(how + end, [first, second], amount, before, after);
}

export const ofOneKey = ({ entries, amount, before, after }) => counted(tally(entries), entries, amount, before, after);

// counted returns a sentence that begins with the text in how and describes the effect of
// calls with the same key. The calls are identical, so if one was rejected, those without
// an answer were rejected too.
function counted(how, entries, amount, before, after) {
  if (!balances(before, after)) return open(`${how}; ${unread}.`);
  const change = moved(before, after);
  const isRefused = (entries.every(definite) || entries.some(rejected)) && !entries.some(posted);
  if (isRefused && change === 0n) return kept(`${how}, and ${still(after)}.${why(entries)}`);
  if (!isRefused && change !== 0n && change === unitsOf(amount)) return kept(`${how}. It counted once: ${became(before, after)}.`);
  if (change === 0n && !entries.some(posted)) return open(`${how}. ${wasStill(after)}`);
  return broken(`${how}. But ${became(before, after)}, which is not one credit of ${amountOf(amount)}.`);
}

export function ofDebits({ entries, amount, before, after }) {
  const each = unitsOf(amount) ?? 0n;
  const how = tally(entries);
  if (!balances(before, after)) return open(`${how}; ${unread}.`);
  const many = BigInt(entries.filter(posted).length);
  if (!entries.every(definite)) return open(`${how}. ${moved(before, after) === 0n ? wasStill(after) : `${became(before, after)}.`}`);
  if (many === 0n && moved(before, after) === 0n) return kept(`${how}, and ${still(after)}.${why(entries)}`);
  const sum = `${money(before.balance)} − ${many} × ${amountOf(amount)}`;
  if (-moved(before, after) === many * each) return kept(`${how}. ${sum} = ${money(after.balance)}, exactly.`);
  return broken(`${how}. But ${sum} is not ${money(after.balance)}.`);
}

// tally lists how many calls had each outcome, with the posted ones first.
function tally(entries) {
  const counts = new Map();
  const first = (entry) => outcome(entry).kind === "posted";
  for (const entry of [...entries].sort((a, b) => first(b) - first(a))) counts.set(title(entry), (counts.get(title(entry)) ?? 0) + 1);
  return [...counts].map(([what, n]) => `${n} ${what === "no answer" ? "without an answer" : what}`).join(", ");
}

export function ofPayment({ entry, asked, writes, befores, afters }) {
  const { answer } = entry;
  if (posted(entry)) {
    const parts = [...Map.groupBy(entriesOf(answer.body.data), ({ type, userId }) => `${name(userId)} ${type === "debit" ? "paid" : "got"}`)]
      .map(([did, entries]) => `${did} ${list(entries.map(({ ammount }) => money(ammount)))}`);
    return kept(`${writes.length === 1 ? "In one write" : "Together"} ${list(parts)}.`);
  }
  const read = [...new Map(asked.map(({ userId }, i) => [userId, { userId, before: befores[i], after: afters[i] }])).values()];
  const isRead = read.every(({ before, after }) => before && after);
  const changed = isRead && read.filter(({ before, after }) => moved(before, after) !== 0n);
  const nothing = isRead && !changed.length ? "All balances are as before." : "None of the entries counted.";
  if (!answered(entry)) {
    if (!isRead) return open("No answer came; the balances could not be read.");
    if (!changed.length) return open("No answer came. When the balances were read they were as before.");
    return open(`No answer came, and the balances changed: ${changed.map(({ userId, before, after }) => `${name(userId)} ${became(before, after)}`).join(", ")}.`);
  }
  if (answer.body.balance) return kept(`Declined as a whole. ${declinedAt(answer.body, entry.call)}. ${nothing}`);
  if (definite(entry)) return kept(`${outcome(entry).title} as a whole. ${outcome(entry).sentence} ${nothing}`);
  return open(`${outcome(entry).title}. ${outcome(entry).sentence}`);
}

const list = (parts) => (parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : parts[0]);

export function ofHold({ hold, debit, before, during, freed, after, stopped, others }) {
  const pending = hold.answer?.body.data?.status === "pending";
  const sum = pending && money(hold.answer.body.data.ammount);
  if (stopped) return open(`${sum} was ${!freed ? "held" : freed.held ? "still held" : "not held any more"} when you stopped${freed ? `: ${spendable(freed)}` : `; ${unread}`}.`);
  const free = pending && others === 0 && balances(before, freed) && !freed.held && moved(before, freed) === 0n;
  const back = free ? " and came back by itself" : freed ? `, and after its time ${spendable(freed)}` : `, and after its time ${unread}`;
  const met = hold.answer?.body.balance;
  const held = pending ? `${sum} was held${back}.` : `The hold ${fate(hold)}${met ? `, as the balance was ${money(met)}` : ""}.${why([hold])}`;
  const left = after ? spendable(after) : unread;
  const then = rejected(debit) ? `.${why([debit])} ${sentenceCase(left)}` : `${after ? ":" : ";"} ${left}`;
  const text = `${held} The debit ${fate(debit)}${then}.`;
  if (!definite(hold) || !definite(debit) || !balances(before, after) || pending && !balances(during, freed)) return open(text);
  const spent = posted(debit) ? units(debit.answer.body.data.ammount) : 0n;
  const fits = -moved(before, after) === spent && !after.held && (!pending || free && during.held);
  return fits ? kept(text) : broken(text);
}

const spendable = ({ balance, held }) => `${money(balance)} can be spent${held ? `, ${money(held)} is held` : ""}`;
