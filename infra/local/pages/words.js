// Describes the ledger's answers for people.

import { currency, places } from "./settings.js";

const digits = { minimumFractionDigits: places, maximumFractionDigits: places };
const isCode = /^[A-Z]{3}$/.test(currency); // whether it looks like an ISO 4217 code, as Intl requires
const format = new Intl.NumberFormat("en", isCode ? { ...digits, style: "currency", currency } : digits);

export const currencyName = isCode ? new Intl.DisplayNames("en", { type: "currency" }).of(currency) : currency;

// money formats a decimal string from the ledger for people. The string never becomes a
// float: Intl formats all its digits.
export const money = (text) => `${format.format(text).replace("-", "−")}${isCode ? "" : ` ${currency}`}`;

// visible escapes the invisible characters in a string as JSON does. Some of them would
// reverse the direction of the text.
export const visible = (text) => text.replace(/[\p{Cf}\p{Zl}\p{Zp}]/gu, (found) =>
  found.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""));

// name marks a user's name with control characters, so that isolated makes it a <bdi>.
export const name = (userId) => `\u2068${visible(userId)}\u2069`;

// units converts a decimal string to the exact whole number of the smallest unit.
export function units(text) {
  const [whole, rest = ""] = text.split(".");
  return BigInt(whole + rest.padEnd(places, "0"));
}

// decimal converts a whole number of the smallest unit to a decimal string.
export function decimal(sum) {
  if (sum < 0n) return `-${decimal(-sum)}`;
  const digits = String(sum).padStart(places + 1, "0");
  return places ? `${digits.slice(0, -places)}.${digits.slice(-places)}` : digits;
}

// unitsOf is like units, but returns undefined if the text is not an amount.
export const unitsOf = (text) => (/^\d+(\.\d+)?$/.test(text) && (text.split(".")[1] ?? "").length <= places ? units(text) : undefined);

// amountOf formats text as money, or as a name if it is not an amount or has more than 300
// characters. Intl accepts at most 308 digits.
export const amountOf = (text) => (unitsOf(text) === undefined || text.length > 300 ? name(text) : money(text));

// moneyOf is like money, but takes a whole number of the smallest unit.
export const moneyOf = (sum) => money(decimal(sum));

const again = "Send the same call again to find out; it can't count twice.";

const titles = {
  "/problems/invalid-request": "Not accepted",
  "/problems/insufficient-funds": "Declined",
  "/problems/balance-limit": "Declined",
  "/problems/idempotency-key-reused": "The key is taken",
  "/problems/hold-ended": "It has ended",
  "/problems/not-pending": "Nothing to end",
  "/problems/too-many-holds": "Too many holds",
  "/problems/account-blocked": "Blocked",
  "/problems/credit-in-use": "Declined",
  "/problems/refund-limit": "Less is left",
  "/problems/not-refundable": "Nothing to refund",
  "/problems/not-found": "Not found",
  "/problems/body-too-large": "Too long",
  "/problems/try-again": "Not settled",
  "/problems/internal": "Failed",
};

const fields = { userId: "The user", ammount: "The amount", creditLimit: "The credit limit", type: "The type", "Idempotent-Key": "The key", expiresIn: "The time of the hold", metadata: "The metadata", entries: "The list of entries", balanced: 'The field "balanced"' };

// fieldName returns a readable name for a field, with entries numbered from 1.
function fieldName(path) {
  const [, place, field] = path.match(/^entries\[(\d+)\]\.?(.*)$/) ?? [];
  if (place === undefined) return fields[path] ?? path;
  const entry = `Entry ${Number(place) + 1}`;
  return field ? `${entry}: ${(fields[field] ?? field).toLowerCase()}` : entry;
}

const complaints = (properties) =>
  Object.entries(properties).flatMap(([field, all]) => all.map((one) => `${fieldName(field)} ${one}.`)).join(" ");

// otherLedger is the message for a page whose server now has other tables.
export const otherLedger = "The server restarted with other tables, which have none of this page's data.";

// outcome describes the outcome of a call by a title, a sentence and a kind, which sets the
// colour. They depend only on the call's own answer.
export function outcome({ call, state, answer, problem, user }) {
  const reading = call.method === "GET";
  switch (state) {
    case "under way":
      return { kind: "waiting", title: reading ? "Reading" : "Sent", sentence: "Waiting for the answer …" };
    case "not sent":
      return { kind: "refused", title: "Not sent", sentence: complaints(problem) };
    case "another ledger":
      return { kind: "lost", title: "Another ledger answered", sentence: otherLedger };
    case "no answer":
      return { kind: "lost", title: "No answer", sentence: reading ? "Nothing was read, and reading moves nothing. Send it again." : `It may have counted or not. ${again}` };
  }
  if (answer.status >= 400 || !answer.body.data) return refusal(answer, call);
  return reading ? found(answer.body.data, user) : posted(answer, call);
}

const endings = {
  captured: "It was captured before.",
  voided: "It was voided before.",
  expired: "It had expired.",
};

function refusal({ status, body, replayed }, call) {
  const title = titles[body.type] ?? `Rejected with status ${status}`;
  if (body.ended) return { kind: "refused", title, sentence: `${endings[body.ended] ?? body.ended} A hold ends once, for ever; nothing moved.` };
  const sentence = body.type === "/problems/invalid-request" && body.properties ? complaints(body.properties) : body.detail ?? "The answer gives no reason.";
  if (!body.balance) return { kind: "refused", title, sentence };
  const seen = `${sentence} ${declinedAt(body, call)}; nothing moved.`;
  return replayed
    ? { kind: "replayed", title: "Replayed", sentence: `This is the first answer again: declined. ${seen}` }
    : { kind: "declined", title, sentence: seen };
}

// declinedAt describes the entry that was declined, and the balance before it.
export function declinedAt({ entry, balance }, { body }) {
  if (entry === undefined) return `It was ${money(balance)}`;
  const entries = body && JSON.parse(body).entries; // a refund's body can lack entries
  return `Entry ${entry + 1}${entries ? `, ${describe(entries[entry])},` : ""} met a balance of ${money(balance)}`;
}

// entriesOf returns a transaction's entries. Without a list of entries, the transaction is
// its only entry.
export const entriesOf = (data) => data.entries ?? [data];

const mostNamed = 3;

const rules = ({ userId, debits, credits, creditLimit }) => `rules of user ${name(userId)}: ${[
  ...(debits ? [`debits ${debits}`] : []), ...(credits ? [`credits ${credits}`] : []), ...(creditLimit ? [`credit limit ${money(creditLimit)}`] : []),
].join(", ")}`;

// describe returns a description of a transaction or an entry.
function describe(data) {
  if (data.type === "account") return rules(data);
  const entries = entriesOf(data);
  const named = entries.slice(0, mostNamed).map(({ type, ammount, userId }) => `${type} of ${money(ammount)}, user ${name(userId)}`).join("; ");
  return entries.length > mostNamed ? `${named}; and ${entries.length - mostNamed} more` : named;
}

export function standing({ status, captured, expiresAt, type }) {
  if (type === "capture" || !captured && status === "posted") return "posted";
  if (captured) return `posted, ${money(captured)} captured`;
  return { pending: `pending, held until ${time(expiresAt)}`, voided: "voided", expired: "expired" }[status] ?? status;
}

export const time = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

// clock formats the time of day, with the date if it is not today.
export function clock(text) {
  const date = new Date(text);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(undefined, { ...(!today && { dateStyle: "medium" }), timeStyle: "medium" });
}

// ago describes how long ago a time is. It rounds, because text that changes every second
// would distract.
export function ago(text) {
  const seconds = (Date.now() - Date.parse(text)) / 1000;
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${Math.floor(seconds / 10) * 10} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return new Date(text).toLocaleDateString(undefined, { dateStyle: "medium" });
}

function posted({ body: { data }, replayed }, call) {
  const end = call.path.match(/\/(capture|void)$/)?.[1];
  const did = describe(data);
  if (replayed) return { kind: "replayed", title: "Replayed", sentence: `This is the first answer again: ${did}${end || data.expiresAt ? `: ${standing(data)}` : ""}. It counted once; nothing moved now.` };
  if (end === "capture") return { kind: "posted", title: "Captured", sentence: `${money(data.captured)} of the ${did}. The same write gave the rest back.` };
  if (end === "void") return { kind: "posted", title: "Voided", sentence: `${sentenceCase(did)}. The held money is back.` };
  if (data.refundOf) return { kind: "posted", title: "Refunded", sentence: `${sentenceCase(did)}.` };
  if (data.status === "pending") return { kind: "pending", title: "Pending", sentence: `${sentenceCase(did)}: held until ${time(data.expiresAt)}.` };
  return { kind: "posted", title: "Posted", sentence: `${sentenceCase(did)}.` };
}

export const balance = ({ balance, held, creditLimit, blocked }) => [
  money(balance),
  ...(creditLimit ? [` with a credit limit of ${money(creditLimit)}`] : []),
  ...(held ? [`, and ${money(held)} held`] : []),
  ...(blocked ? [`; ${blocked.join(" and ")} blocked`] : []),
].join("");

function found(data, user) {
  if (data.balance) return { kind: "read", title: "Read", sentence: `User ${name(user)} has ${balance(data)}.` };
  if (Array.isArray(data)) return { kind: "read", title: "Read", sentence: `${data.length} ${data.length === 1 ? "transaction" : "transactions"} of user ${name(user)}.` };
  return { kind: "read", title: "Read", sentence: `${sentenceCase(describe(data))}: ${standing(data)}; made ${time(data.createdAt)}.` };
}

export const sentenceCase = (text) => text[0].toUpperCase() + text.slice(1);

// laneSum sums up requests to DynamoDB, as in "3 requests, 1 conflict".
export function laneSum(requests) {
  const count = (holds) => requests.filter(holds).length;
  const sums = [
    [count(() => true), "request", "requests"],
    [count(conflicted), "conflict", "conflicts"],
    [count(({ outcome: came }) => came === "answer lost"), "answer lost", "answers lost"],
    [count(({ outcome: came }) => came === "request lost"), "request lost", "requests lost"],
  ];
  return sums.filter(([n], i) => n || i === 0).map(([n, one, many]) => `${n} ${n === 1 ? one : many}`).join(", ");
}

export const conflicted = ({ outcome: came, reasons = [] }) => came === "TransactionConflictException" || reasons.includes("TransactionConflict");

// laneOutcome describes the outcome of a request to DynamoDB. The parameter again is true
// if an earlier request may have applied the same write.
export function laneOutcome(request, again) {
  const { operation, outcome: came, reasons = [], items } = request;
  const writes = operation === "TransactWriteItems" || operation === "PutItem";
  if (!came) return { kind: "waiting", text: "under way …" };
  if (came === "ok") return { kind: writes ? "posted" : "read", text: !writes ? "read" : again ? "written only once: DynamoDB recognized its token" : written(items) };
  if (conflicted(request)) return { kind: "conflict", text: "conflict: another write has the item; nothing written" };
  if (came === "answer lost") return { kind: "lost", text: "written, and the answer lost" };
  if (came === "request lost") return { kind: "lost", text: "lost on its way; nothing written" };
  const failed = items.find((item, i) => reasons[i] === "ConditionalCheckFailed" || came === "ConditionalCheckFailedException");
  if (failed?.action === "Put") return { kind: "replayed", text: "nothing written: the id exists, and DynamoDB returned its row" };
  if (failed) return { kind: "declined", text: `nothing written: ${unmet(failed)}` };
  return { kind: "lost", text: came };
}

const written = (items) => (items.some(({ row }) => row?.startsWith("expiry")) ? "written, together with the release of expired holds" : "written");

// unmet lists every possible reason why a condition on a balance failed. DynamoDB does not
// report which part of the condition was false.
function unmet({ condition }) {
  const parts = [
    [/balance [<>]=/, "the balance would leave its range"],
    [/holds </, "the user has too many holds"],
    [/attribute_exists\(hold:/, "a hold has ended meanwhile"],
    [/s_blocked/, "the user is blocked"],
    [/rule_changes/, "the rules were changed meanwhile"],
  ];
  return parts.filter(([part]) => part.test(condition)).map(([, text]) => text).join(", or ");
}
