// The ledger's answers, worded for people.

import { currency, places } from "./settings.js";

const digits = { minimumFractionDigits: places, maximumFractionDigits: places };
const isCode = /^[A-Z]{3}$/.test(currency); // as the currencies of ISO 4217, of which Intl knows the signs
const format = new Intl.NumberFormat("en", isCode ? { ...digits, style: "currency", currency } : digits);

// currencyName is the name of the currency for people.
export const currencyName = isCode ? new Intl.DisplayNames("en", { type: "currency" }).of(currency) : currency;

// money is a sum for people, from the ledger's decimal text; never a float: Intl
// takes every digit of a balance.
export const money = (text) => `${format.format(text).replace("-", "−")}${isCode ? "" : ` ${currency}`}`;

// visible is a text whose invisible characters, such as those that turn the direction
// of the text around, are written as in JSON.
export const visible = (text) => text.replace(/[\p{Cf}\p{Zl}\p{Zp}]/gu, (found) =>
  found.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""));

// name is a user's name within a text, for isolated.
export const name = (userId) => `\u2068${visible(userId)}\u2069`;

// units is a sum as a whole number of the smallest unit, which is exact.
export function units(text) {
  const [whole, rest = ""] = text.split(".");
  return BigInt(whole + rest.padEnd(places, "0"));
}

// decimal is the ledger's decimal text of a whole number of units.
export function decimal(sum) {
  if (sum < 0n) return `-${decimal(-sum)}`;
  const digits = String(sum).padStart(places + 1, "0");
  return places ? `${digits.slice(0, -places)}.${digits.slice(-places)}` : digits;
}

// unitsOf is the amount of a field as a whole number of units, if it is one.
export const unitsOf = (text) => (/^\d+(\.\d+)?$/.test(text) && (text.split(".")[1] ?? "").length <= places ? units(text) : undefined);

// amountOf is the amount of a field for people, or the field's text where it is none. Intl
// takes no more than 308 digits.
export const amountOf = (text) => (unitsOf(text) === undefined || text.length > 300 ? name(text) : money(text));

// moneyOf is a sum for people, from a whole number of units.
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

// fieldName is a field in words: that of an entry, counted from 1, or of the call.
function fieldName(path) {
  const [, place, field] = path.match(/^entries\[(\d+)\]\.?(.*)$/) ?? [];
  if (place === undefined) return fields[path] ?? path;
  const entry = `Entry ${Number(place) + 1}`;
  return field ? `${entry}: ${(fields[field] ?? field).toLowerCase()}` : entry;
}

// complaints words the problems of fields.
const complaints = (properties) =>
  Object.entries(properties).flatMap(([field, all]) => all.map((one) => `${fieldName(field)} ${one}.`)).join(" ");

// otherLedger says why a page can't go on with the ledger that answers now.
export const otherLedger = "The server started again with other tables, which have nothing of what this page shows.";

// outcome says what became of a call: its kind, for the eye, a title and a
// sentence. It says what the call's own answer says, and nothing of other calls.
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
  const title = titles[body.type] ?? `Refused with status ${status}`;
  if (body.ended) return { kind: "refused", title, sentence: `${endings[body.ended] ?? body.ended} A hold ends once, for ever; nothing moved.` };
  const sentence = body.type === "/problems/invalid-request" && body.properties ? complaints(body.properties) : body.detail ?? "It has no reason.";
  if (!body.balance) return { kind: "refused", title, sentence };
  const seen = `${sentence} ${declinedAt(body, call)}; nothing moved.`;
  return replayed
    ? { kind: "replayed", title: "Replayed", sentence: `This is the first answer again: declined. ${seen}` }
    : { kind: "declined", title, sentence: seen };
}

// declinedAt words the entry that did not fit, and the balance that it met.
export function declinedAt({ entry, balance }, { body }) {
  if (entry === undefined) return `It was ${money(balance)}`;
  const entries = body && JSON.parse(body).entries; // a refund of a transaction names none
  return `Entry ${entry + 1}${entries ? `, ${what(entries[entry])},` : ""} met a balance of ${money(balance)}`;
}

// entriesOf returns the entries of any transaction.
export const entriesOf = (data) => data.entries ?? [data];

const mostNamed = 3;

// rules words a change of a user's rules.
const rules = ({ userId, debits, credits, creditLimit }) => `rules of user ${name(userId)}: ${[
  ...(debits ? [`debits ${debits}`] : []), ...(credits ? [`credits ${credits}`] : []), ...(creditLimit ? [`credit limit ${money(creditLimit)}`] : []),
].join(", ")}`;

// what words a transaction, or an entry of one.
function what(data) {
  if (data.type === "account") return rules(data);
  const entries = entriesOf(data);
  const named = entries.slice(0, mostNamed).map(({ type, ammount, userId }) => `${type} of ${money(ammount)}, user ${name(userId)}`).join("; ");
  return entries.length > mostNamed ? `${named}; and ${entries.length - mostNamed} more` : named;
}

// standing words the status of a transaction.
export function standing({ status, captured, expiresAt, type }) {
  if (type === "capture" || !captured && status === "posted") return "posted";
  if (captured) return `posted, ${money(captured)} captured`;
  return { pending: `pending, held until ${time(expiresAt)}`, voided: "voided", expired: "expired" }[status] ?? status;
}

// time is a time for people, from the ledger's.
export const time = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

// clock is the time of the day, with the date if that is another one than today's.
export function clock(text) {
  const date = new Date(text);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(undefined, { ...(!today && { dateStyle: "medium" }), timeStyle: "medium" });
}

// ago is how long ago a time is: by the second would be restless.
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
  const did = what(data);
  if (replayed) return { kind: "replayed", title: "Replayed", sentence: `This is the first answer again: ${did}${end || data.expiresAt ? `: ${standing(data)}` : ""}. It counted once; nothing moved now.` };
  if (end === "capture") return { kind: "posted", title: "Captured", sentence: `${money(data.captured)} of the ${did}. The same write gave the rest back.` };
  if (end === "void") return { kind: "posted", title: "Voided", sentence: `${sentenceCase(did)}. The held money is back.` };
  if (data.refundOf) return { kind: "posted", title: "Refunded", sentence: `${sentenceCase(did)}.` };
  if (data.status === "pending") return { kind: "pending", title: "Pending", sentence: `${sentenceCase(did)}: held until ${time(data.expiresAt)}.` };
  return { kind: "posted", title: "Posted", sentence: `${sentenceCase(did)}.` };
}

// balance words a user's balance, held money and rules.
export const balance = ({ balance, held, creditLimit, blocked }) => [
  money(balance),
  ...(creditLimit ? [` with a credit limit of ${money(creditLimit)}`] : []),
  ...(held ? [`, and ${money(held)} held`] : []),
  ...(blocked ? [`; ${blocked.join(" and ")} blocked`] : []),
].join("");

function found(data, user) {
  if (data.balance) return { kind: "read", title: "Read", sentence: `User ${name(user)} has ${balance(data)}.` };
  if (Array.isArray(data)) return { kind: "read", title: "Read", sentence: `${data.length} ${data.length === 1 ? "transaction" : "transactions"} of user ${name(user)}.` };
  return { kind: "read", title: "Read", sentence: `${sentenceCase(what(data))}: ${standing(data)}; made ${time(data.createdAt)}.` };
}

export const sentenceCase = (text) => text[0].toUpperCase() + text.slice(1);

// laneSum counts the requests to DynamoDB.
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

// laneOutcome says what became of a request to DynamoDB. Again says that it is one
// that DynamoDB was sent before, which its token tells.
export function laneOutcome(request, again) {
  const { operation, outcome: came, reasons = [], items } = request;
  const writes = operation === "TransactWriteItems" || operation === "PutItem";
  if (!came) return { kind: "waiting", text: "under way …" };
  if (came === "ok") return { kind: writes ? "posted" : "read", text: !writes ? "read" : again ? "written, once: DynamoDB knows its token" : written(items) };
  if (conflicted(request)) return { kind: "conflict", text: "conflict: another write has the item; nothing written" };
  if (came === "answer lost") return { kind: "lost", text: "written, and the answer lost" };
  if (came === "request lost") return { kind: "lost", text: "lost on its way; nothing written" };
  const failed = items.find((item, i) => reasons[i] === "ConditionalCheckFailed" || came === "ConditionalCheckFailedException");
  if (failed?.action === "Put") return { kind: "replayed", text: "nothing written: the id is there, and its row came back" };
  if (failed) return { kind: "declined", text: `nothing written: ${unmet(failed)}` };
  return { kind: "lost", text: came };
}

// written words the effect of a write.
const written = (items) => (items.some(({ row }) => row?.startsWith("expiry")) ? "written, and what had expired was released with it" : "written");

// unmet says what a condition on a balance guards: DynamoDB does not say which part
// of it failed.
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
