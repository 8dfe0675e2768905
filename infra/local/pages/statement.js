// The statement of the user who is shown: the newest transactions, and all pages
// of them.

import { historyOf } from "./calls.js";
import { at, copyOf } from "./dom.js";
import { made } from "./log.js";
import { money } from "./words.js";

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
  at("history").append(...data.map(row));
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

function row(transaction) {
  const tr = copyOf("row");
  const [time, id, type, status, amount] = [...tr.children].map((cell) => cell.firstElementChild ?? cell);
  tr.className = `${transaction.type} ${transaction.status}`;
  time.dateTime = transaction.createdAt;
  time.textContent = new Date(transaction.createdAt).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  id.href = `/?${new URLSearchParams({ userId: transaction.userId, transaction: transaction.id })}`;
  id.textContent = transaction.id.slice(0, 8);
  id.title = transaction.id;
  type.textContent = transaction.type === "credit" ? "Credit" : "Debit";
  status.textContent = transaction.status === "posted" ? "Posted" : "Declined";
  status.classList.add(transaction.status);
  amount.textContent = `${transaction.type === "credit" ? "+" : "−"}${money(transaction.ammount)}`;
  return tr;
}
