// The lane shows a call's requests to DynamoDB as lines: plain sentences with a time axis.
// Opening a line shows the expressions in its requests.

import { element } from "./dom.js";
import { conflicted, laneOutcome, money, name, visible } from "./words.js";

// laneLines returns the lines of a lane. Each part of the lane is one call, or several
// calls at once. A part's time axes begin when the part began, and all axes have the same
// scale. If a part has several callers, each caller has one line for all its requests.
export function laneLines(parts) {
  const scale = Math.max(1, ...parts.flatMap(({ requests }) => requests).map(endOf));
  const sent = new Set(); // the tokens of the writes so far
  const open = new Set(); // the tokens of writes without an answer, which may have been applied
  let before; // the sentences of the previous line
  return parts.filter(({ requests }) => requests.length).flatMap((part) => [
    element("li", { className: "part" }, ...(parts.length > 1 ? [element("strong", {}, `Call ${part.number}`)] : []), element("span", {}, "0 ms"), element("span", {}, ms(scale))),
    ...linesOf(part.requests).map((requests) => {
      const marked = requests.map((request) => mark(request, sent, open));
      const words = wordsOf(requests[0]);
      const repeats = words.join("\n") === before;
      before = words.join("\n");
      return laneLine(marked, repeats ? [] : words, scale);
    }),
  ]);
}

const endOf = ({ sentMs, tookMs = 0 }) => sentMs + tookMs;

// linesOf groups requests into lines: a line per caller if there are several, otherwise a
// line per request.
function linesOf(requests) {
  const byCaller = Map.groupBy(requests, ({ caller }) => caller ?? {});
  return byCaller.size > 1 && requests[0].caller ? [...byCaller].toSorted(([a], [b]) => a - b).map(([, all]) => all) : requests.map((request) => [request]);
}

// mark returns a copy of a request, with a description of its outcome and a flag for a
// write that was sent before. It adds the write's token to sent, and also to open if no
// answer came.
function mark(request, sent, open) {
  const { token, outcome: came } = request;
  const marked = { ...request, ...laneOutcome(request, open.has(token)), isAgain: sent.has(token) };
  if (token) sent.add(token);
  if (token && ["answer lost", "no answer"].includes(came)) open.add(token);
  return marked;
}

function laneLine(requests, words, scale) {
  const last = requests.at(-1);
  return element("li", { className: last.kind },
    element("p", { className: "status" },
      ...(last.caller ? [element("span", { className: "caller" }, `Caller ${last.caller}: `)] : []), outcomeOf(requests)),
    element("span", { className: "axis" }, ...requests.map((request) => bar(request, scale))),
    ...(words.length ? [element("ul", {}, ...words.map((line) => element("li", {}, line)))] : []),
    element("details", {},
      element("summary", {}, requests.length > 1 ? `${requests.length} requests` : headOf(last)),
      ...requests.flatMap((request) => [
        ...(requests.length > 1 ? [element("p", { className: "note" }, `${headOf(request)}: ${request.text}`)] : []),
        ...request.items.map((item, i) => itemLine(item, request.reasons?.[i])),
      ])));
}

function outcomeOf(requests) {
  const { text } = requests.at(-1);
  const conflicts = requests.slice(0, -1).filter(conflicted).length;
  return conflicts ? `${conflicts} ${conflicts === 1 ? "conflict" : "conflicts"}, then ${text}` : text;
}

const headOf = (request) => `${request.operation}${request.isAgain ? ", the same again" : ""}, ${timeOf(request)}`;

function bar(request, scale) {
  const { sentMs, tookMs = 0, kind } = request;
  const span = element("span", { className: `bar ${kind}`, title: timeOf(request) });
  Object.assign(span.style, { insetInlineStart: `${100 * sentMs / scale}%`, width: `${100 * tookMs / scale}%` });
  return span;
}

const timeOf = ({ sentMs, tookMs }) => `sent at ${ms(sentMs)}, ${tookMs ? `took ${ms(tookMs)}` : "under way"}`;

const ms = (time) => `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;

// itemLine shows one read or write as it was sent to DynamoDB.
function itemLine({ action, table, key, row, condition, update }, reason) {
  const failed = reason && reason !== "None";
  return element("p", { className: `item${failed ? " failed" : ""}` },
    `${action} ${table} `, element("b", { title: visible(key ?? "") }, name(short(key ?? ""))),
    ...(row ? [element("br"), visible(row)] : []),
    ...(update ? [element("br"), update] : []),
    ...(condition ? [element("br"), action === "Query" ? "where " : "if ", element("b", {}, name(condition))] : []),
    ...(failed ? [element("br"), `✕ ${reason}`] : []));
}

const short = (key) => (/^[0-9a-f-]{36}$/.test(key) ? key.slice(0, 8) : key);

const reads = { GetItem: "Read", Query: "Read the newest lines of the statement", BatchGetItem: "Read", TransactGetItems: "Read" };

// wordsOf describes a request in plain sentences, one for each item and its condition.
function wordsOf({ operation, items }) {
  if (reads[operation]) return items.map((item) => `${reads[operation]}${operation === "Query" ? "" : ` ${readOf(item)}`}`);
  return items.map((item, i) => {
    const rules = rulesOf(item, i);
    return `${item.row ? `Record ${rowOf(item.row)}` : changeOf(item)}${rules.length ? `, only if ${rules.join(", and ")}` : ""}`;
  });
}

const readOf = ({ table, key }) => (key.startsWith(" ") ? "the refunds" : /aggregate|balance/.test(table) ? `the balance of user ${name(key)}` : `transaction ${short(key)}`);

function rowOf(row) {
  const [, type, sum, user, rest] = row.match(/^(\w+) of ([\d.]+), user (.*), (\w+(?:, first of \d+ entries)?)$/s) ?? [];
  return sum ? `${type} of ${money(sum)}, user ${name(user)}, ${rest}` : visible(row);
}

// changeOf describes an update to a user's balance or to a transaction's refunds.
function changeOf({ key, update = "" }) {
  if (key.startsWith(" ")) return "Count the refund";
  const [, sign, sum] = update.match(/ ([+-]) ([\d.]+), transaction_id/) ?? [];
  const held = update.match(/held (-?[\d.]+)/)?.[1];
  const changes = [
    ...(sum && Number(sum) ? [`${sign === "-" ? "take" : "add"} ${money(sum)}`] : []),
    ...(held && Number(held) ? [held.startsWith("-") ? `release ${money(held.slice(1))} of the held money` : `hold ${money(held)}`] : []),
    ...(/rule_changes/.test(update) ? ["change the rules"] : []),
  ];
  return `User ${name(key)}: ${changes.join(", ") || "count a line"}`;
}

function rulesOf({ action, key, row, condition = "" }, place) {
  if (action === "Put") return [/^(capture|void|expiry)/.test(row) ? "the hold has not ended" : place ? "it is new" : "this key is new"];
  if (key.startsWith(" ")) return ["no more is refunded than was moved"];
  const rules = [
    [/balance >= ([\d.]+)/, ([, sum]) => `${money(sum)} or more is left`],
    [/balance <= /, () => "the balance stays within its limit"],
    [/not_exists\(debits_blocked/, () => "debits are allowed"],
    [/not_exists\(credits_blocked/, () => "credits are allowed"],
    [/holds < (\d+)/, ([, most]) => `fewer than ${most} holds are open`],
    [/attribute_exists\(hold:/, () => "the hold is still open"],
    [/rule_changes/, () => "no other write changed the rules"],
  ];
  return rules.filter(([rule]) => rule.test(condition)).map(([rule, words]) => words(condition.match(rule)));
}
