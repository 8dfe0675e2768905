// The transaction that an answer holds, as it stands in it: its times, entries and
// metadata, and while it is pending the ways to end it.

import { at, element } from "./dom.js";
import { entriesOf, money, name, sentenceCase, standing, time, visible } from "./words.js";

const graceMilliseconds = 1000; // after its expiry the held money can be spent

let over; // runs when the shown hold has expired
let ticking = 0; // the timer of the countdown

// spendableAgain is the time from which a hold's money can be spent again.
export const spendableAgain = ({ expiresAt }) => Date.parse(expiresAt) + graceMilliseconds;

// showTransaction shows the transaction of an entry's answer, if it says more than
// one line does.
export function showTransaction({ call, answer, user }) {
  clearInterval(ticking);
  const data = answer?.body.data ?? stillPending(call, answer);
  const more = data?.id && (call.method === "GET" || data.entries || data.expiresAt || data.metadata);
  const pending = data?.status === "pending";
  if (pending) holds.set(data.id, data);
  at("transaction").hidden = !more;
  at("end").hidden = !pending;
  at("refund").hidden = !refundable(call, data);
  at("refund").dataset.id = data?.id;
  if (!more) return;
  at("transaction").replaceChildren(...facts(data).flatMap(([title, ...values]) =>
    [element("dt", {}, title), ...values.map((value) => element("dd", {}, value))]));
  if (!pending) return;
  if (at("end").dataset.id !== data.id) at("captured").value = entriesOf(data)[0].ammount;
  at("end").dataset.id = data.id;
  count(data, user);
}

// refundable reports whether an answer is a transaction that can be refunded, if
// something is left of it.
const refundable = ({ method }, data) =>
  method === "GET" && data?.status === "posted" && data.type !== "account" && !data.transactionId && !data.refundOf;

const holds = new Map(); // the shown pending transactions, by id

// stillPending is the hold that a call would have ended, unless its answer says that
// there is none any more.
function stillPending({ path }, answer) {
  const gone = ["/problems/hold-ended", "/problems/not-pending", "/problems/not-found"].includes(answer?.body.type);
  return gone ? undefined : holds.get(path.match(/^\/transactions\/(.*)\/(capture|void)$/)?.[1]);
}

function facts(data) {
  return [
    ["Stands", standing(data)],
    ["Made", time(data.createdAt)],
    ...(data.expiresAt ? [["Expires", time(data.expiresAt)]] : []),
    ...(data.captured ? [["Captured", money(data.captured)]] : []),
    ["Entries", ...entriesOf(data).map(entryLine)],
    ...(data.metadata ? [["Metadata", ...Object.entries(data.metadata).map(([key, value]) => name(`${key}: ${value}`))]] : []),
    ...(data.refundOf ? [["Refund of", linkTo(visible(data.refundOf), data.userId ?? entriesOf(data)[0].userId, data.refundOf)]] : []),
    ...(data.transactionId ? [["Part of", linkTo(visible(data.transactionId), data.userId, data.transactionId)]] : []),
  ];
}

const entryLine = ({ type, ammount, userId }) => element("span", {}, `${sentenceCase(type)} of ${money(ammount)}, `, linkTo(`user ${name(userId)}`, userId));

export const linkTo = (text, userId, transaction) =>
  element("a", { href: `/?${new URLSearchParams({ userId, ...(transaction && { transaction }) })}` }, text);

// count shows how long a hold lasts, and then that it has expired.
function count(data, user) {
  const look = () => {
    const left = spendableAgain(data) - Date.now();
    at("left").textContent = remaining(data);
    if (left > 0) return;
    clearInterval(ticking);
    over(user);
  };
  ticking = setInterval(look, 250);
  at("left").textContent = remaining(data);
}

// remaining words the rest of a hold's time, by this machine's clock.
export function remaining(data) {
  const left = Date.parse(data.expiresAt) - Date.now();
  if (left > 0) return `Expires in ${duration(Math.ceil(left / 1000))}.`;
  return spendableAgain(data) > Date.now() ? "It expires now." : "It has expired.";
}

function duration(seconds) {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

// prepareEnds makes the buttons end the hold that is shown. Expired is called with the
// user of a hold that expired while it was shown.
export function prepareEnds(end, expired) {
  over = expired;
  at("end").onsubmit = (event) => event.preventDefault(); // Enter is neither a capture nor a void
  at("capture").onclick = () => end(at("end").dataset.id, "capture", at("captured").value);
  at("void").onclick = () => end(at("end").dataset.id, "void");
}

// prepareRefund makes the button refund the transaction that is shown.
export function prepareRefund(refund) {
  at("refund").onsubmit = (event) => event.preventDefault();
  at("give-back").onclick = () => refund(at("refund").dataset.id, at("refunded").value.trim());
}
