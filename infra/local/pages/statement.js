// The statement of the user who is shown: the newest transactions, and all pages
// of them.

import { historyOf } from "./calls.js";
import { at, copyOf, element, isolated } from "./dom.js";
import { made } from "./log.js";
import { spendableAgain } from "./transaction.js";
import { entriesOf, money, moneyOf, name, sentenceCase, time, units } from "./words.js";

const page = 10;
const longestPage = 100;
let turn = 0; // counts the readings; of two, the later one is shown
let lines = []; // of the history, newest first

// clear empties the statement for another user.
export function clear(user) {
  turn++;
  at("statement-owner").replaceChildren(...isolated(name(user)));
  lines = [];
  at("history").replaceChildren();
  at("none").hidden = at("older").hidden = at("all").hidden = true;
}

// read shows the newest page anew, as long as what is shown.
export async function read(user) {
  const mine = ++turn;
  const limit = Math.min(Math.max(page, at("history").childElementCount), longestPage);
  const { answer } = await made(historyOf(user, limit), user, { show: false });
  if (mine !== turn || answer?.status !== 200) return;
  lines = [];
  append(answer, user, mine);
}

// append adds a page, and lets the buttons read on after it.
function append({ body: { data, next } }, user, mine) {
  lines.push(...data);
  at("history").replaceChildren(...lines.map((line) => row(line, user)));
  at("none").hidden = at("history").childElementCount > 0;
  at("older").hidden = at("all").hidden = !next;
  at("older").onclick = () => readOn(user, mine, next, page);
  at("all").onclick = () => readAll(user, mine, next);
}

// readOn shows one more page, and returns where the next one begins.
async function readOn(user, mine, cursor, limit) {
  at("older").hidden = at("all").hidden = true; // so that no page is read twice
  const { answer } = await made(historyOf(user, limit, cursor), user, { show: false });
  if (mine !== turn) return undefined;
  if (answer?.status !== 200) {
    at("older").hidden = at("all").hidden = false; // to try again
    return undefined;
  }
  append(answer, user, mine);
  return answer.body.next;
}

async function readAll(user, mine, cursor) {
  for (let next = cursor; next;) next = await readOn(user, mine, next, longestPage);
}

// row shows a line of the history. The history is a log: the line of a hold stays
// pending, and its end is another line. So the row takes its hold or its end from
// there. It links to the transaction as a whole.
function row(line, user) {
  const tr = copyOf("row");
  const [made, id, type, status, amount] = [...tr.children].map((cell) => cell.firstElementChild ?? cell);
  const whole = line.transactionId ?? line.id;
  const [first, ...others] = entriesOf(line);
  const standing = fold(line);
  tr.className = `${first.type} ${standing.status}`;
  made.dateTime = line.createdAt;
  made.textContent = time(line.createdAt);
  id.href = `/?${new URLSearchParams({ userId: user, transaction: whole })}`;
  id.textContent = whole.slice(0, 8);
  id.title = whole;
  type.textContent = others.length ? `${others.length + 1} entries` : sentenceCase(first.type);
  status.textContent = standing.text;
  status.classList.add(standing.status);
  amount.textContent = `${signs[first.type]}${money(first.ammount)}${others.length ? ` and ${others.length} more` : ""}`;
  if (standing.givenBack) amount.append(element("div", { className: "given-back" }, `+${standing.givenBack} given back`));
  return tr;
}

// fold says how a line stands now, with the other lines that the page has read: a
// hold as it ended, and a capture with the part of the hold that it gave back.
function fold(line) {
  if (line.status === "pending") {
    const end = lines.find(({ type, transactionId }) => transactionId === line.id && type in endings);
    if (end) return { status: end.status, text: endings[end.type] };
    if (Date.now() >= spendableAgain(line)) return { status: "expired", text: endings.expiry };
    return { status: "pending", text: `Pending, until ${time(line.expiresAt)}` };
  }
  const hold = line.type === "capture" && lines.find(({ id }) => id === line.transactionId);
  const left = hold ? units(entriesOf(hold)[0].ammount) - units(line.ammount) : 0n;
  return { status: line.status, text: sentenceCase(line.status), givenBack: left > 0n && moneyOf(left) };
}

const endings = { capture: "Captured", void: "Voided", expiry: "Expired" };

// The effect of each line on the balance. A capture has none: the hold took the sum.
const signs = { credit: "+", debit: "−", capture: "", void: "+", expiry: "+" };
