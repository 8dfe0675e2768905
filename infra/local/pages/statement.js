// The statement lists a user's transactions, newest first, with the user's own money after
// each. A hold and its end share a row.

import { dateOf, historyOf, look } from "./calls.js";
import { at, copyOf, element, groups, isolated } from "./dom.js";
import { made } from "./log.js";
import { effect, longestCall, reasons, running } from "./running.js";
import { opening } from "./settings.js";
import { addressOf, spendableAgain } from "./transaction.js";
import { ago, clock, entriesOf, money, moneyOf, name, sentenceCase, time, units } from "./words.js";

const page = 25;
const longestPage = 100;
const mostPages = 10; // the limit on pages per read; higher if the known lines fill more pages

let user;
let beginning = 0; // counts how often lines were dropped
let lines = []; // lines of the history, newest first, without gaps
let next; // the cursor of the older lines, which have not been read
let isWhole = false; // true after take; false after a reset, or after readOlder added lines
let readAt; // the server's time at the last read
let rows = new Map(); // the rows on display, by key

const keyOf = ({ id, createdAt }) => `${id} ${createdAt}`;
const began = ({ createdAt }) => Date.parse(createdAt);

// clear empties the statement, and sets the user whose lines it will show.
export function clear(owner) {
  user = owner;
  begin();
  rows.clear();
  at("statement-owner").replaceChildren(...isolated(name(user)));
  at("history").replaceChildren();
  at("unknown").textContent = "";
  for (const id of ["none", "older", "all", "lines", "own-money"]) at(id).hidden = true;
}

function begin() {
  beginning++;
  lines = [];
  isWhole = false;
  next = readAt = undefined;
}

// read reads the newest lines, and reports whether they are the same as at the previous
// read. If so, a balance that was read in between matches them. The time of a line is when
// its write began. So a new line can appear below known ones, but at most longestCall
// before the last read. If the pages do not reach that far back, read drops the older
// lines, because one may be missing among them. If isCurrent returns false, read ignores
// the answers.
export async function read(isCurrent, logged) {
  const reaches = ({ body: { data, next: more } }) => !readAt || !more || began(data.at(-1)) <= readAt - longestCall;
  const answers = [];
  const most = () => Math.max(mostPages, 1 + Math.ceil((lines.length - page) / longestPage));
  for (let i = 0; i < most() && !(answers.length && reaches(answers.at(-1))); i++) {
    const answer = await readPage(i ? longestPage : page, answers.at(-1)?.body.next, logged);
    if (!isCurrent() || answer?.status !== 200) return false;
    answers.push(answer);
  }
  return take(answers, reaches(answers.at(-1)));
}

async function readPage(limit, cursor, logged) {
  const call = historyOf(user, limit, cursor);
  return logged ? (await made(call, user, { show: false })).answer : look(call);
}

// take stores the newest lines, and reports whether they are the same as before. If reach
// is false, the answers do not reach back far enough, so take drops the older lines.
function take(answers, reach) {
  const data = answers.flatMap(({ body }) => body.data);
  const { next: more } = answers.at(-1).body;
  const known = new Set(lines.map(keyOf));
  const found = new Set(data.map(keyOf));
  const end = more ? began(data.at(-1)) : -Infinity;
  if (lines.some((line) => began(line) > end && !found.has(keyOf(line)))) begin(); // a known line is gone: the tables are new
  const same = isWhole && data.every((line) => known.has(keyOf(line)));
  const older = reach ? lines.filter((line) => !found.has(keyOf(line))) : [];
  if (!reach) beginning++;
  if (!older.length) next = more;
  lines = [...data, ...older];
  isWhole = true;
  readAt = Date.parse(dateOf(answers[0]));
  return same;
}

// readOlder reads the next page of older lines, or all pages. If older lines are dropped
// meanwhile, it continues from the new end.
async function readOlder(all) {
  const owner = user;
  let mine;
  at("older").hidden = at("all").hidden = true; // so that no page is read twice
  do {
    mine = beginning;
    const answer = await readPage(all ? longestPage : page, next, true);
    if (owner !== user || answer?.status !== 200) return;
    if (mine !== beginning) continue;
    const known = new Set(lines.map(keyOf));
    isWhole = false;
    lines.push(...answer.body.data.filter((line) => !known.has(keyOf(line))));
    next = answer.body.next;
  } while (next && (all || mine !== beginning));
}

// prepareStatement connects the buttons that read older lines. The parameter alone is a
// function that runs its argument undisturbed by other reads of the account, and then reads
// the account again.
export function prepareStatement(alone) {
  at("older").onclick = () => alone(() => readOlder(false));
  at("all").onclick = () => alone(() => readOlder(true));
}

const moving = "The account changed while it was read.";
const disagree = "The lines and the balance do not agree.";

// show shows the lines, each with the own money after it. The parameter funds is the
// balance that matches these lines, or undefined if none was read.
export function show(funds) {
  ends = new Map(lines.filter(({ type }) => type in endings).map((line) => [line.transactionId, line]));
  holds = new Map(lines.filter(({ status }) => status === "pending").map((line) => [line.id, line]));
  const own = funds && ownMoney(funds);
  let after = lines.map((line) => (effect(line) ? { why: moving } : {}));
  if (funds) after = running(lines, own, units(funds.creditLimit ?? "0"));
  const sum = lines.reduce((total, line) => total + effect(line), units(opening));
  if (funds && !next && sum !== own) after = after.map(({ own: one, why }) => (one ?? why ? { why: disagree } : {}));
  const views = lines.map((line, i) => ({ line, after: after[i] })).filter(({ line }) => !isFolded(line)).map(view);
  place(views.map(rowOf));
  for (const { row, line } of rows.values()) setTime(row, line);
  const whys = new Set(views.map(({ why }) => why).filter((why) => why && why !== reasons.together));
  at("unknown").textContent = [...whys].join(" ");
  at("none").hidden = views.length > 0;
  at("lines").hidden = at("own-money").hidden = !views.length;
  at("first").hidden = Boolean(next) || !views.length;
  at("older").hidden = at("all").hidden = !next;
}

// ownMoney returns the balance plus held money, minus the credit limit.
export const ownMoney = ({ balance, held = "0", creditLimit = "0" }) => units(balance) + units(held) - units(creditLimit);

const endings = { capture: "Captured", void: "Voided", expiry: "Expired" };

let ends = new Map(); // the lines that end holds, by the hold's id
let holds = new Map(); // the lines that begin holds, by id
const endOf = ({ id }) => ends.get(id);
const holdOf = ({ type, transactionId }) => (type in endings ? holds.get(transactionId) : undefined);

// isFolded reports whether a line is part of another line's row. A captured hold is part of
// its capture's row. A void or expiry is part of its hold's row.
function isFolded(line) {
  if (line.status === "pending") return endOf(line)?.type === "capture";
  return line.type !== "capture" && Boolean(holdOf(line));
}

function view({ line, after }) {
  const [first, ...others] = entriesOf(line);
  const { status, text } = standing(line);
  return {
    line, status, text, why: after.why,
    own: after.own !== undefined && moneyOf(after.own),
    kind: first.type,
    whole: line.transactionId ?? line.id,
    title: others.length ? `${others.length + 1} entries` : line.refundOf ? `Refund, ${first.type}` : line.status === "pending" ? "Hold" : sentenceCase(first.type),
    amount: `${signs[line.status === "pending" ? "hold" : first.type] ?? ""}${money(first.ammount)}`,
    more: others.length ? `and ${others.length} more` : givenBack(line),
  };
}

const signs = { credit: "+", debit: "−", capture: "−" };

// standing describes a line's current status. For a hold that has ended, it describes the
// end.
function standing(line) {
  if (line.type === "capture") return { status: "posted", text: endings.capture };
  if (line.status !== "pending") return { status: line.status, text: sentenceCase(line.status) };
  const end = endOf(line);
  if (end) return { status: end.status, text: endings[end.type] };
  if (Date.now() >= spendableAgain(line)) return { status: "expired", text: endings.expiry };
  return { status: "pending", text: `Pending until ${clock(line.expiresAt)}` };
}

// givenBack describes how much the user got back from a hold.
function givenBack(line) {
  const hold = line.status === "pending" ? line : holdOf(line);
  const { status } = standing(line);
  if (!hold || status === "pending") return "";
  const back = units(entriesOf(hold)[0].ammount) - (line.type === "capture" ? units(line.ammount) : 0n);
  return back > 0n ? `${moneyOf(back)} given back` : "";
}

// rowOf returns the row for a view. It reuses the existing row, and updates it if the
// content has changed.
function rowOf({ line, ...content }) {
  const key = keyOf(line);
  const text = JSON.stringify(content);
  const known = rows.get(key);
  if (known?.text === text) return known.row;
  const row = known?.row ?? copyOf("row");
  rows.set(key, { row, line, text });
  fill(row, content);
  return row;
}

function fill(row, { status, text, why, own, kind, whole, title, amount, more }) {
  const [, { firstElementChild: link }, { firstElementChild: badge }, sum, after] = row.children;
  row.className = `${kind} ${status}`;
  Object.assign(link, { href: addressOf(user, whole), title: whole });
  link.replaceChildren(title, " ", element("span", { className: "id" }, whole.slice(0, 8)));
  Object.assign(badge, { textContent: text, className: `status ${status}` });
  sum.replaceChildren(...groups(amount), ...(more ? [element("div", { className: "note" }, more)] : []));
  after.replaceChildren(...(own ? groups(own) : why ? [element("span", { title: why, ariaHidden: "true" }, "–"), element("span", { className: "unseen" }, why)] : []));
}

// refundsAmong counts a transaction's refunds in the statement.
export const refundsAmong = (id) => lines.filter(({ refundOf }) => refundOf === id).length;

// linkOf returns the link to a transaction, or undefined if no row has it.
export const linkOf = (id) => [...at("history").querySelectorAll("a")].find(({ title }) => title === id);

function setTime(row, line) {
  const shown = row.querySelector("time");
  const text = ago(line.createdAt);
  if (shown.textContent === text) return;
  Object.assign(shown, { textContent: text, dateTime: line.createdAt, title: time(line.createdAt) });
}

// place sets the rows of the table. It does not move a row that stays, so that the row
// keeps the focus.
function place(shown) {
  const kept = new Set(shown);
  for (const [key, { row }] of rows) if (!kept.has(row)) rows.delete(key);
  for (const row of [...at("history").children]) if (!kept.has(row)) row.remove();
  let here = at("history").firstElementChild;
  for (const row of shown) {
    if (row === here) here = here.nextElementSibling;
    else at("history").insertBefore(row, here);
  }
}
