// The account view: a user's balance and statement, and the calls that change them. Credits
// and debits are for the user in the field. A late answer does not change the view of
// another user or call.

import { balanceOf, dateOf, ending, isAnother, look, newName, posting, refunding, ruling, transactionOf } from "./calls.js";
import { at, element, groups, isolated } from "./dom.js";
import { made } from "./log.js";
import { currency, opening } from "./settings.js";
import { clear, linkOf, ownMoney, prepareStatement, read, refundsAmong, show } from "./statement.js";
import { choose, prepareTransaction, reread } from "./transaction.js";
import { clock, currencyName, money, moneyOf, name, outcome, sentenceCase } from "./words.js";

const lookEvery = 1000; // milliseconds
const readings = 3; // the limit on attempts to read a balance and a statement that agree

let user; // the user in the address, whose account is on display
let turn = 0; // counts the reads of the account; only the latest may change the page
let reading = 0; // how many reads are under way
let isReadable = false; // whether the ledger accepts the user's name; false until the first read
let opened; // the user and the transaction on display, as JSON
let current; // the log entry whose outcome is on display
let go; // a function that opens the address of a user and, optionally, of a transaction

// showAccount shows a user and, if one is named, a transaction. If both are on display
// already, it only reads the account again.
export async function showAccount(to, transaction) {
  const place = JSON.stringify([to, transaction]);
  if (place === opened) return readAccount();
  opened = place;
  if (to !== user) {
    user = to;
    at("rules").open = false;
    showBalance();
    clear(to);
  }
  at("user").value = to;
  at("owner").replaceChildren(...isolated(name(to)));
  complain();
  noteKey();
  showOutcome(undefined);
  choose();
  const shown = readAccount(true);
  if (transaction) {
    const entry = await make(transactionOf(transaction), to);
    if (entry === current) choose(entry.answer?.status === 200 ? entry.answer.body.data : undefined);
  }
  return shown;
}

export const refresh = () => readAccount();

// readAccount reads the balance and then the statement, at most three times, until two
// consecutive statements are the same. The balance read between them then matches them. If
// log is true, the reads of the first attempt appear in the log.
async function readAccount(log = false) {
  const mine = ++turn;
  const isCurrent = () => mine === turn;
  reading++;
  try {
    let agree = false;
    for (let i = 0; i < readings && !agree; i++) {
      const answer = await readBalance(log && i === 0);
      if (!isCurrent()) return;
      const funds = answer?.body.data?.balance ? answer.body.data : undefined;
      if (!funds) return showStale(answer);
      showBalance(funds, answer);
      agree = await read(isCurrent, log && i === 0);
      if (!isCurrent()) return;
      if (agree || i === readings - 1) show(agree ? funds : undefined);
    }
    await reread();
  } finally {
    reading--;
  }
}

// alone discards the reads under way, runs the function work, and reads the account again.
async function alone(work) {
  turn++;
  reading++;
  try {
    await work();
  } finally {
    reading--;
  }
  return readAccount();
}

async function readBalance(log) {
  if (!log) return look(balanceOf(user));
  const entry = await make(balanceOf(user), user);
  complainOf(entry);
  isReadable = entry.answer?.status !== 400; // 400 means that the name is not valid
  return entry.answer;
}

// watch reads the account every second while it is visible.
async function watch() {
  try {
    if (isReadable && !reading && !document.hidden && !at("account").hidden) await readAccount();
  } finally {
    setTimeout(watch, lookEvery);
  }
}

// showBalance shows the balance and rules in an answer, or a placeholder if there is none
// yet.
function showBalance(funds, answer) {
  const date = dateOf(answer);
  write("balance", funds ? money(funds.balance) : "…");
  write("held", funds?.held ? `${money(funds.held)} held` : "");
  write("lent", funds?.creditLimit ? `${money(funds.creditLimit)} credit limit` : "");
  write("own", funds?.held || funds?.creditLimit ? `${moneyOf(ownMoney(funds))} own money` : "");
  at("barred").textContent = funds?.blocked ? `${sentenceCase(funds.blocked.join(" and "))} are blocked` : "";
  at("as-of").textContent = date ? `as of ${clock(date)}` : "";
  at("stale").textContent = "";
  showRules(funds);
}

// showStale explains why the balance on display is out of date.
function showStale(answer) {
  at("stale").textContent = isAnother() ? "Another ledger answers." : answer ? "It can't be read." : "The server does not answer.";
}

function write(id, text) {
  if (at(id).textContent !== text) at(id).replaceChildren(...groups(text)); // rewriting the same text would clear a selection
}

const ruleFields = ["debits", "credits", "limit"];
const written = () => ruleFields.map((id) => at(id).value).join();
let filled; // the form's rules when it was last filled in or sent
let isSetting = false;

// showRules fills in the rules form. If a person has edited the open form, it keeps that
// input, and warns if the rules have changed since.
function showRules({ blocked = [], creditLimit = "0" } = {}) {
  if (isSetting) return;
  const [debits, credits] = ["debits", "credits"].map((type) => (blocked.includes(type) ? "blocked" : "allowed"));
  const rules = [debits, credits, creditLimit];
  const now = rules.join();
  const isEdited = at("rules").open && ![filled, now].includes(written());
  const note = isEdited && now !== filled ? `The rules have changed since: debits ${debits}, credits ${credits}, credit limit ${money(creditLimit)}. Set replaces them.` : "";
  if (at("rules-note").textContent !== note) at("rules-note").textContent = note;
  if (isEdited) return;
  filled = now;
  ruleFields.forEach((id, i) => { if (at(id).value !== rules[i]) at(id).value = rules[i]; });
}

// make makes a call and shows its outcome on the page.
const make = (call, owner, faults) => made(call, owner, { faults, onChange: (entry) => {
  if (entry.state === "under way" || entry === current) showOutcome(entry);
} });

// showOutcome shows the outcome of a log entry, or none if there is no entry. It shows no
// outcome for a successful read, because the result is on the page.
function showOutcome(entry) {
  current = entry;
  const { kind, title, sentence } = entry ? outcome(entry) : {};
  const isReading = entry?.call.method === "GET";
  const hasText = entry && !(isReading && ["read", "waiting"].includes(kind));
  at("did").className = `outcome ${kind}`;
  at("did").replaceChildren(...(hasText ? [element("strong", {}, `${title}. `), ...isolated(sentence)] : []));
  at("next").hidden = !hasText;
}

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

// post sends a call for a user, for the first time or again, and shows that user.
async function post(call, owner, faults) {
  if (owner !== user) go(owner);
  complain();
  const entry = await make(call, owner, faults);
  settleKey(entry);
  complainOf(entry);
  if (owner !== user) return entry;
  const data = entry.answer?.status === 201 ? entry.answer.body.data : undefined;
  if (data?.status === "pending") choose(data);
  await Promise.all([readAccount(), reread(true)]);
  return entry;
}

const end = (id, how, ammount) => post(ending(id, how, ammount), user);

const refund = (id, ammount) => post(refunding(id, newName("refund"), ammount), user);

async function setRules() {
  const sent = written();
  isSetting = true; // otherwise a read during the call could restore the old rules
  const entry = await post(ruling(newName("rules"), {
    userId: user, debits: at("debits").value, credits: at("credits").value, creditLimit: at("limit").value.trim(),
  }), user);
  isSetting = false;
  if (entry.answer?.status === 201 && written() === sent) filled = sent;
}

// again repeats a call from the log, without its faults.
export async function again({ call, user: owner }) {
  if (call.method === "POST" && owner === user) return post(call, owner);
  const entry = await (owner === user ? make(call, owner) : made(call, owner));
  if (owner === user) await readAccount();
  return entry;
}

// complainOf marks the fields that caused a call to be rejected, if the call's outcome is
// on display.
function complainOf(entry) {
  if (entry !== current) return;
  const [, form] = entry.call.path.match(/\/(capture|refunds|accounts)$/) ?? [];
  const of = { capture: "#end input", refunds: "#refund input", accounts: "#rules input" }[form] ?? "#open input, #post input";
  complain(entry.problem ?? (entry.answer?.status === 400 ? entry.answer.body.properties : {}), of);
}

// complain marks the fields that have problems, and focuses the first.
function complain(properties = {}, of = "") {
  const fields = [...document.querySelectorAll("#open input, #post input, #end input, #refund input, #rules input")];
  const wrong = (field) => properties[field.name] && field.matches(of);
  for (const field of fields) {
    if (wrong(field)) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  const first = fields.find(wrong);
  if (first?.closest("details")) first.closest("details").open = true;
  first?.focus();
}

const drawn = {}; // the last key that the page generated, and the body that was sent with it
const used = new Map(); // used keys, by user and key: true once the outcome is known

function newKey() {
  Object.assign(drawn, { key: newName("try"), body: undefined });
  at("key").value = drawn.key;
  noteKey();
}

// keyFor returns the key for a body. A generated key is for one body only, because a
// different body is a different transaction.
function keyFor(body) {
  if (at("key").value.trim() === drawn.key && drawn.body !== undefined && drawn.body !== body) newKey();
  if (at("key").value.trim() === drawn.key) drawn.body = body;
  return at("key").value.trim();
}

// settleKey records that a key was used, and replaces it once its outcome is known. Until
// then a second click sends the same key, so a double click counts once.
function settleKey({ call, user: owner, answer }) {
  const key = call.headers["Idempotent-Key"];
  if (!key || call.path !== "/transactions") return;
  const settled = answer?.status === 201 || answer?.status === 422;
  if (settled || !answer || answer.status >= 500) used.set(`${owner} ${key}`, settled);
  if (settled && at("key").value.trim() === key) newKey();
  else noteKey();
}

// noteKey warns if the key in the field was used before.
function noteKey() {
  const settled = used.get(`${at("user").value} ${at("key").value.trim()}`);
  at("same-key").hidden = settled === undefined;
  at("same-key-note").textContent = settled
    ? "This key was used before. The same call again counts once; another call is refused."
    : "The key stays until its call is answered. The same call again can't count twice.";
}

// noteAdvanced lists the advanced settings in use, because the closed section hides them.
function noteAdvanced() {
  const seconds = at("seconds").value.trim();
  at("advanced-note").textContent = [seconds && `hold for ${seconds} s`, at("fault").value && at("fault").selectedOptions[0].text].filter(Boolean).join(", ");
}

// prepareAccount connects the buttons with their actions. The parameter open is a function
// that opens the address of a user and, optionally, of a transaction.
export function prepareAccount(open) {
  go = open;
  at("open").onsubmit = (event) => {
    event.preventDefault();
    opened = undefined;
    go(at("user").value);
  };
  at("post").onsubmit = (event) => event.preventDefault(); // the Enter key must post neither a credit nor a debit
  for (const button of document.querySelectorAll(".side")) button.onclick = () => move(button.value);
  at("new-key").onclick = newKey;
  at("another-key").onclick = () => {
    newKey();
    at("amount").focus(); // the clicked button is hidden now
  };
  at("key").oninput = at("user").oninput = noteKey;
  at("advanced").oninput = noteAdvanced;
  at("resend").onclick = () => again(current);
  at("close").onclick = () => {
    (linkOf(at("end").dataset.id) ?? at("user")).focus();
    go(user);
  };
  at("history").onclick = at("transaction").onclick = async (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    opened = undefined;
    const parameters = new URL(link.href).searchParams;
    await go(parameters.get("userId"), parameters.get("transaction"));
    if (!at("chosen").hidden && document.activeElement === link) at("chosen-title").focus(); // focusing the title scrolls to it
  };
  at("rules").querySelector("form").onsubmit = (event) => event.preventDefault();
  at("set-rules").onclick = setRules;
  at("rules").querySelector("form").append(element("p", { id: "rules-note", className: "note", role: "status" }));
  prepareTransaction(end, refund, refundsAmong);
  prepareStatement(alone);
  Object.assign(at("currency"), { textContent: currency, title: currencyName, hidden: currencyName === currency });
  at("opening").textContent = at("opened-with").textContent = money(opening);
  newKey();
  noteAdvanced();
  watch();
}
