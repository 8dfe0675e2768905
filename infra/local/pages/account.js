// The account: a user's balance and statement, and the calls that change them. A click
// is for the user in the field, and an answer, however late, is for the user and the call
// that it answers.

import { balanceOf, dateOf, ending, isAnother, look, newName, posting, refunding, ruling, transactionOf } from "./calls.js";
import { at, element, groups, isolated } from "./dom.js";
import { made } from "./log.js";
import { currency, opening } from "./settings.js";
import { clear, linkOf, ownMoney, prepareStatement, read, refundsAmong, show } from "./statement.js";
import { choose, prepareTransaction, reread } from "./transaction.js";
import { clock, currencyName, money, moneyOf, name, outcome, sentenceCase } from "./words.js";

const lookEvery = 1000; // milliseconds
const readings = 3; // at most, until balance and statement agree

let user; // of the address, whose balance and statement the page shows
let turn = 0; // counts the readings of the account; of two, the later one is shown
let reading = 0; // how many of them are under way
let isReadable = false; // whether the user's balance was read, or may be
let opened; // the user and the transaction that the page shows
let current; // the entry of the log whose outcome the page shows
let go; // opens the address of a user, and of a transaction

// showAccount shows a user and, if one is named, a transaction. A person who
// comes back finds the outcome and the transaction as they were.
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
  tell(undefined);
  choose();
  const shown = readAccount(true);
  if (transaction) {
    const entry = await make(transactionOf(transaction), to);
    if (entry === current) choose(entry.answer?.status === 200 ? entry.answer.body.data : undefined);
  }
  return shown;
}

// refresh reads the account anew.
export const refresh = () => readAccount();

// readAccount reads the balance and then the statement, until the statement is the same as
// before: then the balance in between counts exactly its lines. The first readings of an
// opened account are in the log.
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

// alone makes a reading that those under way do not disturb, and then reads the account.
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
  isReadable = entry.answer?.status !== 400; // else the name is no user's
  return entry.answer;
}

// watch looks at the account once a second while a person does.
async function watch() {
  try {
    if (isReadable && !reading && !document.hidden && !at("account").hidden) await readAccount();
  } finally {
    setTimeout(watch, lookEvery);
  }
}

// showBalance shows the balance in an answer, or none yet.
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

// showStale says why the balance is that of its time.
function showStale(answer) {
  at("stale").textContent = isAnother() ? "Another ledger answers." : answer ? "It can't be read." : "The server does not answer.";
}

function write(id, text) {
  if (at(id).textContent !== text) at(id).replaceChildren(...groups(text)); // else a selection stays
}

const ruleFields = ["debits", "credits", "limit"];
const written = () => ruleFields.map((id) => at(id).value).join();
let filled; // the text of the rules in the form when it was filled, or when they were set
let isSetting = false;

// showRules fills the form of the rules. An open form that a person changed stays, and
// says that the rules have changed.
function showRules({ blocked = [], creditLimit = "0" } = {}) {
  if (isSetting) return;
  const [debits, credits] = ["debits", "credits"].map((type) => (blocked.includes(type) ? "blocked" : "allowed"));
  const rules = [debits, credits, creditLimit];
  const now = rules.join();
  const isEdited = at("rules").open && ![filled, now].includes(written());
  const says = isEdited && now !== filled ? `The rules have changed since: debits ${debits}, credits ${credits}, credit limit ${money(creditLimit)}. Set replaces them.` : "";
  if (at("rules-say").textContent !== says) at("rules-say").textContent = says;
  if (isEdited) return;
  filled = now;
  ruleFields.forEach((id, i) => { if (at(id).value !== rules[i]) at(id).value = rules[i]; });
}

// make makes a call whose outcome the page shows.
const make = (call, whose, faults) => made(call, whose, { faults, tell: (entry) => {
  if (entry.state === "under way" || entry === current) tell(entry);
} });

// tell shows the outcome of an entry, or none. A reading that went well shows itself.
function tell(entry) {
  current = entry;
  const { kind, title, sentence } = entry ? outcome(entry) : {};
  const isReading = entry?.call.method === "GET";
  const says = entry && !(isReading && ["read", "waiting"].includes(kind));
  at("did").className = `outcome ${kind}`;
  at("did").replaceChildren(...(says ? [element("strong", {}, `${title}. `), ...isolated(sentence)] : []));
  at("next").hidden = !says;
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
  const entry = await make(call, whose, faults);
  settleKey(entry);
  complainOf(entry);
  if (whose !== user) return entry;
  const data = entry.answer?.status === 201 ? entry.answer.body.data : undefined;
  if (data?.status === "pending") choose(data);
  await Promise.all([readAccount(), reread(true)]);
  return entry;
}

// end ends a hold of the user who is shown.
const end = (id, how, ammount) => post(ending(id, how, ammount), user);

// refund refunds a transaction, or a part of it.
const refund = (id, ammount) => post(refunding(id, newName("refund"), ammount), user);

// setRules changes the rules of the user who is shown.
async function setRules() {
  const sent = written();
  isSetting = true; // else a reading could fill the form with what was before
  const entry = await post(ruling(newName("rules"), {
    userId: user, debits: at("debits").value, credits: at("credits").value, creditLimit: at("limit").value.trim(),
  }), user);
  isSetting = false;
  if (entry.answer?.status === 201 && written() === sent) filled = sent;
}

// again sends a call of the log again, and nothing is lost on the way now.
export async function again({ call, user: whose }) {
  if (call.method === "POST" && whose === user) return post(call, whose);
  const entry = await (whose === user ? make(call, whose) : made(call, whose));
  if (whose === user) await readAccount();
  return entry;
}

// complainOf marks the fields that a call was refused for, if it is the one that
// the page shows.
function complainOf(entry) {
  if (entry !== current) return;
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
  const first = fields.find(wrong);
  if (first?.closest("details")) first.closest("details").open = true;
  first?.focus();
}

const drawn = {}; // the key that the page chose last, and the body that went out with it
const used = new Map(); // whether a call has its outcome, by its user and key

function newKey() {
  Object.assign(drawn, { key: newName("try"), body: undefined });
  at("key").value = drawn.key;
  noteKey();
}

// keyFor is the key for a body. A key that the page chose is for one body: another body
// is another transaction.
function keyFor(body) {
  if (at("key").value.trim() === drawn.key && drawn.body !== undefined && drawn.body !== body) newKey();
  if (at("key").value.trim() === drawn.key) drawn.body = body;
  return at("key").value.trim();
}

// settleKey notes that a key was used. A double click sends one key twice, and counts
// once: the key changes only when its outcome is there.
function settleKey({ call, user: whose, answer }) {
  const key = call.headers["Idempotent-Key"];
  if (!key || call.path !== "/transactions") return;
  const settled = answer?.status === 201 || answer?.status === 422;
  if (settled || !answer || answer.status >= 500) used.set(`${whose} ${key}`, settled);
  if (settled && at("key").value.trim() === key) newKey();
  else noteKey();
}

// noteKey warns that the key in the field was used before.
function noteKey() {
  const settled = used.get(`${at("user").value} ${at("key").value.trim()}`);
  at("same-key").hidden = settled === undefined;
  at("same-key-says").textContent = settled
    ? "This key was used before. The same call again counts once; another call is refused."
    : "The key stays until its call is answered. The same call again can't count twice.";
}

// noteAdvanced names the settings that a closed form hides.
function noteAdvanced() {
  const seconds = at("seconds").value.trim();
  at("advanced-says").textContent = [seconds && `hold for ${seconds} s`, at("fault").value && at("fault").selectedOptions[0].text].filter(Boolean).join(", ");
}

// prepareAccount makes the buttons do what they say. Open opens the address of a
// user, and of a transaction.
export function prepareAccount(open) {
  go = open;
  at("open").onsubmit = (event) => {
    event.preventDefault();
    opened = undefined;
    go(at("user").value);
  };
  at("post").onsubmit = (event) => event.preventDefault(); // Enter is neither a credit nor a debit
  for (const button of document.querySelectorAll(".side")) button.onclick = () => move(button.value);
  at("new-key").onclick = newKey;
  at("another-key").onclick = () => {
    newKey();
    at("amount").focus(); // the button is gone
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
    if (!at("chosen").hidden && document.activeElement === link) at("chosen-title").focus(); // it may be out of sight
  };
  at("rules").querySelector("form").onsubmit = (event) => event.preventDefault();
  at("set-rules").onclick = setRules;
  at("rules").querySelector("form").append(element("p", { id: "rules-say", className: "note", role: "status" }));
  prepareTransaction(end, refund, refundsAmong);
  prepareStatement(alone);
  Object.assign(at("currency"), { textContent: currency, title: currencyName, hidden: currencyName === currency });
  at("opening").textContent = at("opened-with").textContent = money(opening);
  newKey();
  noteAdvanced();
  watch();
}
