// Shows the chosen transaction as it is now: its times, entries and refunds, and the forms
// that end or refund it.

import { look, refundsOf, transactionOf } from "./calls.js";
import { at, element } from "./dom.js";
import { entriesOf, money, moneyOf, name, sentenceCase, standing, time, units, visible } from "./words.js";

const graceMilliseconds = 1000; // from a hold's expiry until its money can be spent

let chosen;
let refunds; // the entries of the chosen transaction, with their refunded amounts
let refundsAmong; // a function that counts a transaction's refunds in the statement
let counted = 0; // the result of refundsAmong when refunds were last read
let ticking; // the timer of the countdown
let shown; // the facts on display, as JSON

// spendableAgain returns the time from which a hold's money can be spent again.
export const spendableAgain = ({ expiresAt }) => Date.parse(expiresAt) + graceMilliseconds;

// addressOf returns the page's address for a user and, if one is given, a transaction.
export const addressOf = (userId, transaction) => `/?${new URLSearchParams({ userId, ...(transaction && { transaction }) })}`;

// choose shows a transaction, or hides the panel if there is none.
export function choose(data) {
  const another = data?.id !== chosen?.id;
  chosen = data;
  if (another) [refunds, counted] = [undefined, 0];
  clearInterval(ticking);
  at("chosen").hidden = !data;
  if (!data) return;
  const isPending = data.status === "pending";
  if (another) {
    at("captured").value = entriesOf(data)[0].ammount ?? "";
    at("refunded").value = "";
  }
  at("chosen-id").textContent = data.id.slice(0, 8);
  at("end").hidden = !isPending;
  at("end").dataset.id = at("refund").dataset.id = data.id;
  write();
  if (isPending) count(data);
  if (isRefundable(data)) readRefunds(data.id);
}

// reread reads the chosen transaction again if it is pending, if the number of its refunds
// in the statement has changed, or if the parameter changed is true.
export async function reread(changed) {
  const id = chosen?.id;
  if (!id || !changed && chosen.status !== "pending" && refundsAmong(id) === counted) return;
  const answer = await look(transactionOf(id));
  if (answer?.status === 200 && id === chosen?.id) choose(answer.body.data);
}

async function readRefunds(id) {
  const lines = refundsAmong(id);
  const answer = await look(refundsOf(id));
  if (answer?.status !== 200 || id !== chosen?.id) return;
  counted = lines;
  refunds = answer.body.data.entries;
  write();
}

// isRefundable reports whether a transaction is of a kind that can be refunded.
const isRefundable = ({ status, type, transactionId, refundOf }) => status === "posted" && type !== "account" && !transactionId && !refundOf;

const isRefunded = ({ refunded = "0" }) => units(refunded) > 0n;

const left = ({ ammount, refunded = "0" }) => units(ammount) - units(refunded);

function write() {
  at("refund").hidden = !isRefundable(chosen) || Boolean(refunds) && refunds.every((entry) => left(entry) === 0n);
  at("refunded").placeholder = refunds?.some(isRefunded) ? `at most ${moneyOf(left(refunds[0]))}` : "all of it";
  if (document.activeElement?.closest("#chosen [hidden]")) at("chosen-title").focus(); // the form that had the focus is hidden now
  const text = JSON.stringify([chosen, refunds]);
  if (text === shown) return; // nothing to redraw, so a link keeps the focus
  shown = text;
  const link = document.activeElement?.closest("#transaction a")?.href;
  at("transaction").replaceChildren(...facts(chosen).flatMap(([title, ...values]) =>
    [element("dt", {}, title), ...values.map((value) => element("dd", {}, value))]));
  if (link) ([...at("transaction").querySelectorAll("a")].find(({ href }) => href === link) ?? at("chosen-title")).focus();
}

function facts(data) {
  const refunded = (refunds ?? []).filter(isRefunded);
  const several = entriesOf(data).length > 1;
  return [
    ["Status", element("span", { className: `status ${data.status}` }, sentenceCase(standing(data)))],
    ["Made", time(data.createdAt)],
    ...(data.expiresAt ? [["Expires", time(data.expiresAt)]] : []),
    ...(data.type === "account" ? rules(data) : [[several ? "Entries" : "Entry", ...entriesOf(data).map(entryLine)]]),
    ...(refunded.length ? [["Refunded", ...refunded.map((entry) => `${several ? `Entry ${entry.entry + 1}: ` : ""}${money(entry.refunded)}, ${moneyOf(left(entry))} left`)]] : []),
    ...(data.metadata ? [["Metadata", ...Object.entries(data.metadata).map(([key, value]) => name(`${key}: ${value}`))]] : []),
    ...(data.refundOf ? [["Refund of", linkTo(data.refundOf, data.userId ?? entriesOf(data)[0].userId, data.refundOf)]] : []),
    ...(data.transactionId && data.transactionId !== data.id ? [["Part of", linkTo(data.transactionId, data.userId, data.transactionId)]] : []),
    ["Id", data.id],
  ];
}

const rules = ({ debits, credits, creditLimit }) => [
  ...(debits ? [["Debits", debits]] : []), ...(credits ? [["Credits", credits]] : []), ...(creditLimit ? [["Credit limit", money(creditLimit)]] : []),
];

const entryLine = ({ type, ammount, userId }) => element("span", {}, `${sentenceCase(type)} of ${money(ammount)}, `, linkTo(`user ${name(userId)}`, userId));

const linkTo = (text, userId, transaction) => element("a", { href: addressOf(userId, transaction) }, text);

// count displays the result of remaining, updated four times a second.
function count(data) {
  const tick = () => {
    const text = remaining(data);
    if (at("left").textContent !== text) at("left").textContent = text;
  };
  ticking = setInterval(tick, 250);
  tick();
}

// remaining describes the time until a hold expires, according to this machine's clock.
export function remaining(data) {
  const rest = Date.parse(data.expiresAt) - Date.now();
  if (rest > 0) return `Expires in ${duration(Math.ceil(rest / 1000))}.`;
  return spendableAgain(data) > Date.now() ? "It expires now." : "It has expired.";
}

function duration(seconds) {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

// prepareTransaction connects the buttons to the actions end and refund. The function
// countRefunds counts a transaction's refunds in the statement.
export function prepareTransaction(end, refund, countRefunds) {
  refundsAmong = countRefunds;
  at("end").onsubmit = at("refund").onsubmit = (event) => event.preventDefault(); // the Enter key must not move money
  at("capture").onclick = () => end(at("end").dataset.id, "capture", at("captured").value);
  at("void").onclick = () => end(at("end").dataset.id, "void");
  at("give-back").onclick = () => refund(at("refund").dataset.id, at("refunded").value.trim());
}
