// The calls: how they are made, sent and answered. Nothing here knows the page.

import { ledger } from "./settings.js";
import { visible } from "./words.js";

const get = (path, parameters = {}) =>
  ({ method: "GET", path: Object.keys(parameters).length ? `${path}?${new URLSearchParams(parameters)}` : path, headers: {}, body: "" });

export const balanceOf = (userId) => get("/balance", { userId });

export const historyOf = (userId, limit, cursor) => get("/transactions", { userId, limit, ...(cursor && { cursor }) });

export const transactionOf = (id) => get(`/transactions/${encodeURIComponent(id)}`);

export const posting = (key, body) => ({
  method: "POST",
  path: "/transactions",
  headers: { "Idempotent-Key": key, "Content-Type": "application/json" },
  body: visible(JSON.stringify(body)), // the same text to every reader of JSON
});

// ending is the call that ends a hold: by "capture", of part of it if an amount
// is named, or by "void". It needs no key, as a hold ends once.
export const ending = (id, end, ammount) => ({
  method: "POST",
  path: `/transactions/${encodeURIComponent(id)}/${end}`,
  headers: ammount ? { "Content-Type": "application/json" } : {},
  body: ammount ? JSON.stringify({ ammount }) : "",
});

// refunding is the call that refunds a transaction: part of it if an amount is named.
export const refunding = (id, key, ammount) => ({
  method: "POST",
  path: `/transactions/${encodeURIComponent(id)}/refunds`,
  headers: { "Idempotent-Key": key, ...(ammount && { "Content-Type": "application/json" }) },
  body: ammount ? JSON.stringify({ ammount }) : "",
});

// refundsOf is the call that reads the refunds of a transaction.
export const refundsOf = (id) => get(`/transactions/${encodeURIComponent(id)}/refunds`);

// ruling is the call that changes the rules of a user.
export const ruling = (key, body) => ({ ...posting(key, body), path: "/accounts" });

export const newName = (prefix) => `${prefix}-${crypto.getRandomValues(new Uint32Array(1))[0].toString(16).padStart(8, "0")}`;

// unsendable says why a call can't be sent at all, or nothing. The ledger judges
// all else.
export function unsendable({ headers }) {
  if (/[^\x20-\x7e]/.test(headers["Idempotent-Key"] ?? "")) {
    return { "Idempotent-Key": ["can't be sent: a header takes ASCII characters only, such as letters, digits and hyphens"] };
  }
  return undefined;
}

// The headers of the local server's own, by which it knows whose requests to
// DynamoDB to show, and what to let go wrong.
const own = (name, faults) => ({ ...(name && { "Local-Call": name }), ...(faults && { "Local-Fault": faults }) });

const lookWithin = 5000; // milliseconds

// look makes a reading that the page repeats. No log has it. It is undefined without an
// answer.
export const look = (call) => send({ ...call, headers: { "Local-Look": "1" }, signal: AbortSignal.timeout(lookWithin) }).catch(() => undefined);

// brokenOff says that an answer began, and not all of it came: the call had arrived.
export const brokenOff = new Error("the answer broke off");

// anotherLedger says that the answer is another ledger's: the server started again, with other tables.
export const anotherLedger = new Error("another ledger answered");
let isOther = false; // whether the last answer is another ledger's
let others = 0;
let tellOther;

export const isAnother = () => isOther;

// othersSoFar counts the answers of other ledgers.
export const othersSoFar = () => others;

// whenAnother sets what happens when another ledger answers, and when this page's is back.
export const whenAnother = (then) => { tellOther = then; };

// checkLedger throws if another ledger answered.
function checkLedger({ headers }) {
  const answers = headers.get("Local-Ledger");
  if (answers && isOther !== (answers !== ledger)) tellOther(isOther = !isOther);
  if (!answers || !isOther) return;
  others++;
  throw anotherLedger;
}

// send makes a call. It throws if no answer came, or not all of it, or another ledger's.
export async function send({ method, path, headers, body, signal }, name, faults) {
  const response = await fetch(path, { method, signal, headers: { ...headers, ...own(name, faults) }, ...(method === "POST" && { body }) });
  checkLedger(response);
  return answered(response.status, response.statusText, [...response.headers].filter(([field]) => field !== "local-ledger"), await response.text().catch(() => { throw brokenOff; }));
}

// sendAtOnce makes many calls at once, by the local server: a browser would send
// some six at a time.
export async function sendAtOnce(calls, name, faults) {
  const body = JSON.stringify(calls.map((call) => ({ ...call, headers: { ...call.headers, ...own(name, faults) } })));
  const response = await fetch("/local/callers", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  checkLedger(response);
  const answers = await response.json(); // null for a lost answer
  return answers.map((one) => one && answeredAtOnce(one));
}

function answeredAtOnce({ status, reason, headers, text }) {
  return answered(status, reason, Object.entries(headers).map(([key, values]) => [key.toLowerCase(), values.join(", ")]), text);
}

function answered(status, reason, headers, text) {
  return { status, reason, headers, text, body: parsed(text), replayed: headers.some(([name]) => name === "idempotent-replayed") };
}

// dateOf returns the server's time at an answer, as text, or undefined.
export const dateOf = (answer) => answer?.headers.find(([field]) => field === "date")?.[1];

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

// requestsOf reads what DynamoDB has been sent for a call so far.
export async function requestsOf(name) {
  const response = await fetch(`/local/requests?${new URLSearchParams({ call: name })}`);
  return response.json();
}
