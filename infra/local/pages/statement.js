// The statement of the user who is shown: the newest transactions, and all pages
// of them.

import { historyOf } from "./calls.js";
import { at, copyOf } from "./dom.js";
import { made } from "./log.js";
import { entriesOf, money, sentenceCase, time } from "./words.js";

const page = 10;
const longestPage = 100;
let turn = 0; // counts the readings; of two, the later one is shown

// clear empties the statement for another user.
export function clear(user) {
  turn++;
  at("statement-owner").textContent = user;
  at("history").replaceChildren();
  at("none").hidden = at("older").hidden = at("all").hidden = true;
}

// read shows the newest page anew, as long as what is shown.
export async function read(user) {
  const mine = ++turn;
  const limit = Math.min(Math.max(page, at("history").childElementCount), longestPage);
  const { answer } = await made(historyOf(user, limit), user, { show: false });
  if (mine !== turn || answer?.status !== 200) return;
  at("history").replaceChildren();
  append(answer, user, mine);
}

// append adds a page, and lets the buttons read on after it.
function append({ body: { data, next } }, user, mine) {
  at("history").append(...data.map((line) => row(line, user)));
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

// row is a line of the log, as it was written. It links to the transaction as a
// whole, as it stands now.
function row(line, user) {
  const tr = copyOf("row");
  const [made, id, type, status, amount] = [...tr.children].map((cell) => cell.firstElementChild ?? cell);
  const whole = line.transactionId ?? line.id;
  const [first, ...others] = entriesOf(line);
  tr.className = `${first.type} ${line.status}`;
  made.dateTime = line.createdAt;
  made.textContent = time(line.createdAt);
  id.href = `/?${new URLSearchParams({ userId: user, transaction: whole })}`;
  id.textContent = whole.slice(0, 8);
  id.title = whole;
  type.textContent = others.length ? `${others.length + 1} entries` : sentenceCase(first.type);
  status.textContent = line.status === "pending" ? `Pending, until ${time(line.expiresAt)}` : sentenceCase(line.status);
  status.classList.add(line.status);
  amount.textContent = `${signs[first.type]}${money(first.ammount)}${others.length ? ` and ${others.length} more` : ""}`;
  return tr;
}

// What each line does to the balance: a hold has taken already what is captured.
const signs = { credit: "+", debit: "−", capture: "", void: "+", expiry: "+" };
