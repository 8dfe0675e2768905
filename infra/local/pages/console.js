// The console: it calls the ledger as any other caller does, and shows the calls
// as they go over the wire. What is clicked is for the user in the field, and an
// answer, however late, is for the user and the call that it answers.

import { balanceOf, ending, newName, posting, refunding, ruling, send, transactionOf } from "./calls.js";
import { at, element, isolated } from "./dom.js";
import { isShown, made, madeAtOnce, newLane, prepare, writesIn } from "./log.js";
import { clear, read } from "./statement.js";
import { prepareSteps } from "./steps.js";
import { prepareEnds, prepareRefund } from "./transaction.js";
import { currency, opening } from "./settings.js";
import { currencyName, decimal, money, name, units, visible } from "./words.js";

let user; // of the address, whose balance and statement the page shows
let turn = 0; // counts the readings of balances; of two, the later one is shown

// The address keeps the state of the page, for reload, back, forward and others.
const address = (userId, transaction) => `/?${new URLSearchParams({ userId, ...(transaction && { transaction }) })}`;

function showAddress() {
  const parameters = new URLSearchParams(location.search);
  return show(parameters.get("userId") ?? "1", parameters.get("transaction"));
}

function go(to, transaction) {
  const target = address(to, transaction);
  if (target !== location.pathname + location.search) history.pushState(null, "", target);
  return show(to, transaction);
}

// show shows a user and, if one is named, a transaction.
function show(to, transaction) {
  if (to !== user) {
    user = to;
    at("rules").open = false;
    showBalance();
    clear(to);
  }
  document.title = `${visible(to)}: onewrite`;
  at("user").value = to;
  at("owner").replaceChildren(...isolated(name(to)));
  complain();
  const reading = refresh({ show: !transaction });
  if (transaction) made(transactionOf(transaction), to);
  return reading;
}

// refresh reads the balance and the statement anew, and returns the balance.
async function refresh({ show: shown = false } = {}) {
  const [mine, whose] = [++turn, user];
  const entry = await made(balanceOf(whose), whose, { show: shown });
  if (mine !== turn) return balanceIn(entry);
  showBalance(balanceIn(entry));
  complainOf(entry);
  if (balanceIn(entry)) await read(whose);
  return balanceIn(entry);
}

// balanceIn is the balance, and what is held beside it, of an answer that has one.
const balanceIn = ({ answer }) => (answer?.body.data?.balance ? answer.body.data : undefined);

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
async function again({ call, user: whose }) {
  if (call.method === "POST") return post(call, whose);
  const entry = await made(call, whose);
  if (whose === user) await refresh();
  return entry;
}

// stageBalance is what the steps expect a user to have at first.
const stageBalance = "100";

// newStage opens a new user for a step, with a credit where the opening balance is
// less than the steps expect.
async function newStage() {
  const whose = newName("try");
  const missing = units(stageBalance) - units(opening);
  if (missing > 0n) await send(posting(newName("try"), { userId: whose, ammount: decimal(missing), type: "credit" }));
  const before = await go(whose);
  const lane = newLane();
  return {
    user: whose,
    before,
    send: (call, faults) => made(call, whose, { faults, lane }),
    sendAtOnce: (calls, faults) => madeAtOnce(calls, whose, { faults, lane }),
    balance: async (of = whose) => (of === user ? refresh() : balanceIn(await made(balanceOf(of), of, { show: false }))),
    writes: () => writesIn(lane),
  };
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
addEventListener("popstate", showAddress);
addEventListener("pageshow", ({ persisted }) => { if (persisted) refresh(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });

prepare(again);
prepareRefund(refund);
at("rules").querySelector("form").onsubmit = (event) => event.preventDefault();
at("set-rules").onclick = setRules;
prepareEnds(end, (whose) => { if (whose === user) refresh(); });
prepareSteps(newStage);
Object.assign(at("currency"), { textContent: currency, title: currencyName, hidden: currencyName === currency });
at("opening").textContent = money(opening);
at("stage-balance").textContent = money(stageBalance);
newKey();
document.querySelector("main").hidden = false; // at once and whole, so that nothing moves while it is read
showAddress();
if (!location.search) history.replaceState(null, "", address(user));
