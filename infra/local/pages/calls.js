// Builds and sends the calls to the ledger, and parses the answers. This module does not
// touch the page.

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
  body: visible(JSON.stringify(body)), // escapes don't change the meaning of JSON
});

// ending returns the call that ends a hold. The parameter end is "capture" or "void". With
// an amount, the call captures only that amount. It needs no key, because a hold can end
// only once.
export const ending = (id, end, ammount) => ({
  method: "POST",
  path: `/transactions/${encodeURIComponent(id)}/${end}`,
  headers: ammount ? { "Content-Type": "application/json" } : {},
  body: ammount ? JSON.stringify({ ammount }) : "",
});

// refunding returns the call that refunds a transaction, or only the given amount of it.
export const refunding = (id, key, ammount) => ({
  method: "POST",
  path: `/transactions/${encodeURIComponent(id)}/refunds`,
  headers: { "Idempotent-Key": key, ...(ammount && { "Content-Type": "application/json" }) },
  body: ammount ? JSON.stringify({ ammount }) : "",
});

export const refundsOf = (id) => get(`/transactions/${encodeURIComponent(id)}/refunds`);

export const ruling = (key, body) => ({ ...posting(key, body), path: "/accounts" });

export const newName = (prefix) => `${prefix}-${crypto.getRandomValues(new Uint32Array(1))[0].toString(16).padStart(8, "0")}`;

// unsendable returns why a call can't be sent at all, or undefined if it can. The ledger
// checks everything else.
export function unsendable({ headers }) {
  if (/[^\x20-\x7e]/.test(headers["Idempotent-Key"] ?? "")) {
    return { "Idempotent-Key": ["can't be sent: a header takes ASCII characters only, such as letters, digits and hyphens"] };
  }
  return undefined;
}

// own returns the headers for the local server: the call's name, under which its requests
// to DynamoDB are recorded, and the faults to inject.
const own = (name, faults) => ({ ...(name && { "Local-Call": name }), ...(faults && { "Local-Fault": faults }) });

const lookWithin = 5000; // milliseconds

// look makes one of the reads that the page repeats and leaves out of the logs. It resolves
// to undefined if no answer arrives.
export const look = (call) => send({ ...call, headers: { "Local-Look": "1" }, signal: AbortSignal.timeout(lookWithin) }).catch(() => undefined);

// brokenOff is thrown if only a part of an answer arrives. The call did reach the server.
export const brokenOff = new Error("the answer broke off");

// anotherLedger is thrown if the answer is from a server with other tables.
export const anotherLedger = new Error("another ledger answered");
let isOther = false; // whether the last answer came from another ledger
let others = 0;
let onOther;

export const isAnother = () => isOther;

// othersSoFar returns how many answers came from other ledgers.
export const othersSoFar = () => others;

// whenAnother sets the function that is called with true when another ledger answers, and
// with false when this page's ledger answers again.
export const whenAnother = (then) => { onOther = then; };

// checkLedger throws if another ledger answered. If the ledger changed since the last
// answer, it also calls the function that whenAnother set.
function checkLedger({ headers }) {
  const answers = headers.get("Local-Ledger");
  if (answers && isOther !== (answers !== ledger)) onOther(isOther = !isOther);
  if (!answers || !isOther) return;
  others++;
  throw anotherLedger;
}

// send makes a call. It throws if the answer is missing, incomplete or from another ledger.
export async function send({ method, path, headers, body, signal }, name, faults) {
  const response = await fetch(path, { method, signal, headers: { ...headers, ...own(name, faults) }, ...(method === "POST" && { body }) });
  checkLedger(response);
  return answered(response.status, response.statusText, [...response.headers].filter(([field]) => field !== "local-ledger"), await response.text().catch(() => { throw brokenOff; }));
}

// sendAtOnce has the local server make many calls at once, because a browser sends only
// about six at a time.
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

export const dateOf = (answer) => answer?.headers.find(([field]) => field === "date")?.[1];

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

// requestsOf returns the requests to DynamoDB that were recorded for a call so far.
export async function requestsOf(name) {
  const response = await fetch(`/local/requests?${new URLSearchParams({ call: name })}`);
  return response.json();
}
