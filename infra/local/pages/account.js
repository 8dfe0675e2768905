// The account: a user's balance and statement, and the calls that change them. What is
// clicked is for the user in the field, and an answer, however late, is for the user
// and the call that it answers.

import { balanceOf, ending, newName, posting, refunding, ruling, send, transactionOf } from "./calls.js";
import { at, element, isolated } from "./dom.js";
import { isShown, made } from "./log.js";
import { clear, read } from "./statement.js";
import { prepareEnds, prepareRefund } from "./transaction.js";
import { currency, opening } from "./settings.js";
import { currencyName, money, name } from "./words.js";

let user; // of the address, whose balance and statement the page shows
let turn = 0; // counts the readings of balances; of two, the later one is shown

let go; // opens the address of a user, and of a transaction

// showAccount shows a user and, if one is named, a transaction.
export function showAccount(to, transaction) {
  if (to !== user) {
    user = to;
    at("rules").open = false;
    showBalance();
    clear(to);
  }
  at("user").value = to;
  at("owner").replaceChildren(...isolated(name(to)));
  complain();
  const reading = refresh({ show: !transaction });
  if (transaction) made(transactionOf(transaction), to);
  return reading;
}

// refresh reads the balance and the statement anew, and returns the balance.
export async function refresh({ show: shown = false } = {}) {
  const [mine, whose] = [++turn, user];
  const entry = await made(balanceOf(whose), whose, { show: shown });
  if (mine !== turn) return balanceIn(entry);
  showBalance(balanceIn(entry));
  complainOf(entry);
  if (balanceIn(entry)) await read(whose);
  return balanceIn(entry);
}

// balanceIn is the balance, and what is held beside it, of an answer that has one.
export const balanceIn = ({ answer }) => (answer?.body.data?.balance ? answer.body.data : undefined);

function showBalance(data) {
  at("balance").replaceChildren(...(data ? groups(money(data.balance)) : ["…"]));
  at("held").replaceChildren(...(data?.held ? groups(`${money(data.held)} held`) : []));
  showRules(data);
  clearTimeout(watching);
  if (data?.held) watching = setTimeout(watch, watchEvery, user, data);
}

// showRules fills the form of the rules, which stays as it is while it is open.
function showRules({ blocked = [], creditLimit = "0" } = {}) {
  if (at("rules").open) return;
  for (const type of ["debits", "credits"]) at(type).value = blocked.includes(type) ? "blocked" : "allowed";
  at("limit").value = creditLimit;
}

// groups makes a sum that breaks into lines between its groups of digits only.
const groups = (text) => text.split(/(?<=,)/).flatMap((part) => [part, element("wbr")]);

const watchEvery = 1000; // milliseconds
let watching; // the timer

// watch reads the balance while something is held, and all of the page when it has
// changed: a hold expires, or another caller ends it, without a call of this page.
async function watch(whose, shown) {
  const answer = document.hidden ? undefined : await send(balanceOf(whose)).catch(() => undefined);
  if (whose !== user) return;
  const data = answer?.body.data;
  if (data?.balance && (data.balance !== shown.balance || data.held !== shown.held)) refresh();
  else watching = setTimeout(watch, watchEvery, whose, shown);
}

// move posts the form.
function move(type) {
  const seconds = at("seconds").value.trim();
  const body = {
    userId: at("user").value,
    ammount: at("amount").value,
    type,
    ...(seconds && { expiresIn: /^\d{1,9}$/.test(seconds) ? Number(seconds) : seconds }),
  };
  const call = posting(keyFor(JSON.stringify(body)), body);
  return post(call, at("user").value, at("fault").value);
}

// post sends a transaction of a user, new or the same again, and shows the user.
async function post(call, whose, faults) {
  if (whose !== user) go(whose);
  complain();
  const entry = await made(call, whose, { faults });
  // A double click sends one key twice, and counts once: the key changes only when
  // its outcome is there.
  const settled = entry.answer?.status === 201 || entry.answer?.status === 422;
  if (settled && at("key").value.trim() === call.headers["Idempotent-Key"]) newKey();
  complainOf(entry);
  if (whose === user) await refresh();
  return entry;
}

// end ends a hold of the user who is shown.
const end = (id, how, ammount) => post(ending(id, how, ammount), user);

// refund refunds a transaction, or a part of it.
const refund = (id, ammount) => post(refunding(id, newName("refund"), ammount), user);

// setRules changes the rules of the user who is shown.
const setRules = () => post(ruling(newName("rules"), {
  userId: user, debits: at("debits").value, credits: at("credits").value, creditLimit: at("limit").value.trim(),
}), user);

// again sends a call of the log again, and nothing is lost on the way now.
export async function again({ call, user: whose }) {
  if (call.method === "POST" && whose === user) return post(call, whose);
  const entry = await made(call, whose);
  if (whose === user) await refresh();
  return entry;
}

// complainOf marks the fields that a call was refused for, if it is the one that
// the page shows.
function complainOf(entry) {
  if (!isShown(entry)) return;
  const [, form] = entry.call.path.match(/\/(capture|refunds|accounts)$/) ?? [];
  const of = { capture: "#end input", refunds: "#refund input", accounts: "#rules input" }[form] ?? "#open input, #post input";
  complain(entry.problem ?? (entry.answer?.status === 400 ? entry.answer.body.properties : {}), of);
}

// complain marks the fields that have problems, and goes to the first.
function complain(properties = {}, of = "") {
  const fields = [...document.querySelectorAll("#open input, #post input, #end input, #refund input, #rules input")];
  const wrong = (field) => properties[field.name] && field.matches(of);
  for (const field of fields) {
    if (wrong(field)) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  fields.find(wrong)?.focus();
}

const drawn = {}; // the key that the page chose last, and the body that went out with it

function newKey() {
  Object.assign(drawn, { key: newName("try"), body: undefined });
  at("key").value = drawn.key;
}

// keyFor is the key for a body. A key that the page chose is for one body: another body
// is another transaction.
function keyFor(body) {
  if (at("key").value.trim() === drawn.key && drawn.body !== undefined && drawn.body !== body) newKey();
  if (at("key").value.trim() === drawn.key) drawn.body = body;
  return at("key").value.trim();
}

// prepareAccount makes the buttons do what they say. Open opens the address of a
// user, and of a transaction.
export function prepareAccount(open) {
  go = open;
  at("open").onsubmit = (event) => {
    event.preventDefault();
    go(at("user").value);
  };
  at("post").onsubmit = (event) => event.preventDefault(); // Enter is neither a credit nor a debit
  for (const button of document.querySelectorAll(".side")) button.onclick = () => move(button.value);
  at("new-key").onclick = newKey;
  at("history").onclick = at("transaction").onclick = (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const parameters = new URL(link.href).searchParams;
    go(parameters.get("userId"), parameters.get("transaction"));
  };
  at("rules").querySelector("form").onsubmit = (event) => event.preventDefault();
  at("set-rules").onclick = setRules;
  prepareRefund(refund);
  prepareEnds(end, (whose) => { if (whose === user) refresh(); });
  Object.assign(at("currency"), { textContent: currency, title: currencyName, hidden: currencyName === currency });
  at("opening").textContent = money(opening);
  newKey();
}
