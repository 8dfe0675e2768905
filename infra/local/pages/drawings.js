// The drawings of the steps. They show only what was recorded: the answers, the requests to
// DynamoDB with their times, and the balances that were read.

import { element } from "./dom.js";
import { remaining, spendableAgain } from "./transaction.js";
import { amountOf, conflicted, entriesOf, laneOutcome, money, name, outcome, units, unitsOf, visible } from "./words.js";

function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// picture returns a drawing. The parameter description is for screen readers, and lasts is
// the length of its animation in milliseconds.
function picture(width, height, description, lasts, ...children) {
  const made = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": visible(description) }, ...children);
  made.dataset.lasts = lasts;
  return made;
}

// fitting returns the first text that fits the width, or the last one if none fits.
const fitting = (texts, width) => texts.find((text) => text.length * letterWidth <= width) ?? texts.at(-1);
const letterWidth = 6.9;

// The lifelines show who sent what to whom. Time runs from top to bottom.

const actors = ["Caller", "Ledger", "DynamoDB"];
const [caller, ledger, database] = actors.keys();
const arrowEvery = 300; // milliseconds

export function drawLifelines({ calls = [], amount }, width) {
  const arrows = arrowsOf(calls, amount);
  const [top, row] = [74, 35];
  const gap = 22; // space above each call but the first
  const edge = Math.min(110, width / 6);
  const x = (actor) => edge + actor * (width / 2 - edge);
  let y = top - row / 2;
  const lines = arrows.map((arrow, i) => {
    y += row + (arrow.begins && i ? gap : 0);
    return arrowLine(arrow, x, y, i * arrowEvery);
  });
  const height = Math.max(y + 26, 452);
  return picture(width, height, arrows.length ? arrows.map(arrowWords).join("; ") : "Caller, ledger and DynamoDB. Nothing was sent yet.", arrows.length && arrows.length * arrowEvery + 500,
    ...actors.map((actor, i) => svg("g", { class: "actor" },
      svg("line", { x1: x(i), x2: x(i), y1: 40, y2: height }),
      svg("rect", { x: x(i) - edge + 2, y: 2, width: 2 * edge - 4, height: 38, rx: 9 }),
      svg("text", { x: x(i), y: 26 }, actor))),
    ...lines);
}

const arrowWords = ({ from, to, texts, broken }) => `${actors[from]} to ${actors[to]}: ${texts[0]}${broken ? ` (${broken})` : ""}`;

function arrowLine({ from, to, texts, kind, broken }, x, y, at) {
  const [start, end] = [x(from), x(to)];
  const way = Math.sign(end - start);
  const stop = broken ? start + (end - start) * .6 : end - way * 2;
  const cross = stop + way * 9;
  return svg("g", { class: `arrow ${kind}`, style: `--at: ${at}ms` },
    svg("text", { x: (start + end) / 2, y: y - (broken ? 10 : 7) }, fitting(texts, Math.abs(end - start) - 14)),
    svg("line", { class: "shaft", pathLength: 1, x1: start + way * 2, x2: stop - (broken ? 0 : way * 6), y1: y, y2: y }),
    ...(broken
      ? [broken === lost ? svg("path", { class: "cross", d: `M${cross - 5} ${y - 5}l10 10m0 -10l-10 10` }) : svg("text", { class: "doubt", x: cross, y: y + 5 }, "?"),
        svg("line", { class: "missing", x1: cross + way * 10, x2: end - way * 4, y1: y, y2: y })]
      : [svg("path", { class: "head", d: `M${stop} ${y}l${-way * 9} -5v10z` })]));
}

// These are the reasons why an arrow breaks off: the message was lost, or may not have
// arrived.
const lost = "lost";
const unknown = "it may not have arrived";

function arrowsOf(calls, amount) {
  const tokens = new Map(); // whether the answer to a write was lost, by the write's token
  return calls.flatMap(({ entry, requests }, i) => {
    const reached = Boolean(entry.answer) || entry.isBrokenOff || requests.length > 0;
    const credit = unitsOf(amount) === undefined ? "add money" : `add ${money(amount)}`;
    const texts = i ? ["the same call, the same key", "the same call", "again"] : [`${credit}, with a key`, credit, "add"];
    if (entry.problem) return [];
    const arrows = [{ from: caller, to: ledger, texts, kind: reached ? "sent" : "pending", broken: reached ? "" : unknown, begins: true }];
    for (const request of requests) arrows.push(...exchange(request, tokens));
    if (!reached) return arrows;
    const { kind, title } = outcome(entry);
    arrows.push({
      from: ledger, to: caller, kind, broken: entry.answer ? "" : lost,
      texts: entry.answer ? [kind === "replayed" ? "replayed: the first answer again" : title.toLowerCase(), title.toLowerCase()] : ["no answer arrives", "no answer"],
    });
    return arrows;
  });
}

// exchange returns the arrows for a request to DynamoDB and its answer.
function exchange(request, tokens) {
  const { operation, outcome: came, items, token } = request;
  const writes = operation === "TransactWriteItems" || operation === "PutItem";
  const again = tokens.has(token);
  const isNew = items.some(({ condition }) => condition?.includes("attribute_not_exists(id)"));
  const texts = again ? ["the same write", "again"] : !writes ? ["read"] : isNew ? ["write, if the key is new", "write if new", "write"] : ["write"];
  const sent = { from: ledger, to: database, texts, kind: came === "request lost" ? "lost" : "sent", broken: came === "request lost" ? lost : "" };
  const known = tokens.get(token);
  if (token) tokens.set(token, known || came === "answer lost");
  if (!came || sent.broken) return [sent];
  const { kind, text } = laneOutcome(request, again);
  const missing = came === "answer lost" || came === "no answer";
  const reply = missing ? ["no answer arrives", "no answer"]
    : came === "ok" && writes ? [again && known ? "written, and only once" : "written", "written"]
      : kind === "conflict" ? ["conflict"]
        : kind === "replayed" ? ["the key is there already", "the key is there", "known"]
          : [text, { declined: "not enough", read: "read" }[kind] ?? "refused"];
  return [sent, { from: database, to: ledger, texts: reply, kind: missing ? "lost" : kind, broken: missing ? lost : "" }];
}

// The race shows many callers on a time axis, with a line for each caller. A dot marks when
// DynamoDB answered with a conflict. The mark at the end of a line shows the answer to the
// caller.

const raceLasts = 3000; // milliseconds

export function drawRace({ entries = [], requests = [] }, width) {
  const [left, right, top, tall] = [34, 30, 8, 380];
  const row = entries.length ? Math.min(19, Math.max(3.8, tall / entries.length)) : 19;
  const bottom = top + Math.max(entries.length * row, tall);
  const end = Math.max(1, ...requests.map(({ sentMs, tookMs }) => sentMs + tookMs)) * 1.02;
  const x = (ms) => left + ms / end * (width - left - right);
  const y = (i) => top + (entries.length * row < tall ? (i + .5) * tall / entries.length : (i + .5) * row);
  const size = Math.min(5.5, Math.max(1.4, row * .34));
  const lanes = entries.map((entry, i) => {
    const mine = requests.filter(({ caller: number }) => number === i + 1);
    const last = Math.max(0, ...mine.map(({ sentMs, tookMs }) => sentMs + tookMs));
    const { kind } = outcome(entry);
    return svg("g", { class: kind },
      svg("line", { class: "track", x1: x(0), x2: x(last), y1: y(i), y2: y(i) }),
      ...mine.filter(conflicted).map(({ sentMs, tookMs }) => dot("conflict", x(sentMs + tookMs), y(i), size * .75)),
      dot(kind, x(last), y(i), Math.max(2.2, size)));
  });
  const numbers = entries.map((_, i) => i + 1).filter((n) => row >= 12 || n === 1 || n % 10 === 0);
  const description = `${entries.length} ${entries.length === 1 ? "caller" : "callers"} on a time axis${requests.length ? ` of ${Math.round(end)} ms` : ""}: ${legend(entries, requests).map(({ text }) => text).join(", ")}`;
  const drawn = picture(width, bottom + 32, entries.length ? description : "A time axis without calls.", raceLasts,
    ...ticks(requests.length ? end : 0).map((ms) => svg("g", { class: "tick" },
      svg("line", { x1: x(ms), x2: x(ms), y1: top, y2: bottom + 4 }),
      svg("text", { x: x(ms), y: bottom + 22, ...(ms === 0 && { class: "first" }) }, `${ms} ms`))),
    svg("line", { class: "time-axis", x1: left, x2: width - right, y1: bottom + 4, y2: bottom + 4 }),
    ...numbers.map((n) => svg("text", { class: "track-number", x: left - 10, y: y(n - 1) + 4 }, String(n))),
    svg("g", { class: row < 10 ? "lanes thin" : "lanes" }, ...lanes));
  const made = element("div", { className: "race" }, drawn, element("ul", { className: "legend" }, ...legend(entries, requests).map(({ kind, text }) =>
    element("li", { className: kind }, svg("svg", { width: 14, height: 14, "aria-hidden": "true" }, dot(kind, 7, 7, 5)), element("span", {}, text)))));
  made.dataset.lasts = entries.length ? raceLasts : 0;
  return made;
}

// dot returns the mark for a kind of outcome. Posted calls, replays, conflicts and all
// other outcomes have different shapes, so colour is not needed to tell those four apart.
function dot(kind, x, y, size) {
  if (kind === "posted") return svg("circle", { class: `dot ${kind}`, cx: x, cy: y, r: size * 1.15 });
  if (kind === "replayed") return svg("rect", { class: `dot ${kind}`, x: -size * .85, y: -size * .85, width: size * 1.7, height: size * 1.7, transform: `translate(${x} ${y}) rotate(45)` });
  if (kind === "conflict") return svg("circle", { class: `dot hollow ${kind}`, cx: x, cy: y, r: size });
  return svg("path", { class: `dot hollow ${kind}`, d: `M${x - size} ${y - size}l${2 * size} ${2 * size}m0 ${-2 * size}l${-2 * size} ${2 * size}` });
}

function legend(entries, requests) {
  const counts = new Map();
  for (const entry of entries) {
    const { kind, title } = outcome(entry);
    counts.set(title, { kind, n: (counts.get(title)?.n ?? 0) + 1 });
  }
  const ends = [...counts].map(([title, { kind, n }]) => ({ kind, text: `${n} ${title === "No answer" ? "without an answer" : title.toLowerCase()}` }));
  const conflicts = requests.filter(conflicted).length;
  return [...ends.sort((a, b) => (b.kind === "posted") - (a.kind === "posted")),
    ...(conflicts ? [{ kind: "conflict", text: `${conflicts} ${conflicts === 1 ? "conflict" : "conflicts"} on the way` }] : [])];
}

// ticks returns the round times to label on an axis from 0 to the time in end.
function ticks(end) {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((one) => end / one <= 5) ?? 10_000;
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => i * step);
}

// The drawing of a payment shows its accounts, each with the balance before and after, and
// the amounts that move between them.

export function drawAccounts({ asked, entry, befores = [], afters, writes = [] }) {
  const data = entry?.answer?.body.data;
  const entries = data ? entriesOf(data) : asked ?? [];
  const { kind, title } = entry ? outcome(entry) : { kind: "waiting", title: "" };
  const roles = ["Pays", "Gets", "Fee"];
  const one = entries[1] && entries[1].userId === entries[2].userId; // one user receives both the payment and the fee
  const labelOf = (i) => `${roles[i]}${entries[i] ? ` ${amountOf(entries[i].ammount)}` : ""}`;
  const cards = roles.slice(0, one ? 2 : 3).map((_, i) => element("div", { className: `holder holder-${i}${one ? " one" : ""}` },
    element("span", { className: "role" }, labelOf(i), ...(one && i ? [", ", labelOf(2)] : [])),
    element("b", {}, entries[i] ? name(entries[i].userId) : "…"),
    ...(befores[i] && befores[i].balance !== afters?.[i]?.balance ? [element("span", { className: "was" }, money(befores[i].balance), " → ")] : []),
    ...(afters ? [element("strong", {}, afters[i] ? money(afters[i].balance) : "not read")] : [])));
  const flows = [1, 2].map((i) => element("div", { className: `flow flow-${i} ${kind}` },
    element("span", {}, entry ? amountOf(entries[i].ammount) : "")));
  const badge = element("p", { className: `badge ${kind}` },
    ...(entry ? [element("strong", {}, title), ...(data && writes.length === 1 ? [`: one write of ${writes[0].items.length} items`] : [])] : []));
  const made = element("div", { className: "accounts" }, ...cards, ...flows, badge);
  made.dataset.lasts = entry ? 1600 : 0;
  return made;
}

// The drawing of a hold has a bar for each time the balance was read. A bar shows the
// spendable and the held money.

export function drawBars(facts) {
  const { ammount, debited, before, hold, during, freed, debit, after, stopped } = facts;
  const data = hold?.answer?.body.data;
  const pending = data?.status === "pending";
  const ended = Boolean(freed ?? debit) || stopped;
  const most = [before, during, freed, after].filter(Boolean).map(total).reduce((a, b) => (a > b ? a : b), 1n);
  const rows = [
    ...(before ? [bar("At first", before, most)] : []),
    ...(hold ? [bar(`Hold of ${amountOf(ammount)}: ${outcome(hold).title.toLowerCase()}`, during, most, pending && !ended ? data : undefined)] : []),
    ...(pending && ended ? [bar(stopped ? "Stopped" : "After its time", freed, most)] : []),
    ...(debit ? [bar(`Debit of ${amountOf(debited)}: ${outcome(debit).title.toLowerCase()}`, after, most)] : []),
  ];
  const made = element("div", { className: "bars" }, ...(rows.length ? rows : [element("div", { className: "bar-row" }, element("span", { className: "label" }, "The balance"), element("div", { className: "bar" }))]));
  made.dataset.lasts = 0;
  return made;
}

const total = ({ balance, held = "0" }) => units(balance) + units(held);

// bar draws a balance, or that it could not be read. If a hold is pending, bar also draws
// its remaining time.
function bar(label, read, most, hold) {
  const percent = (text) => `${Number(units(text) * 10_000n / most) / 100}%`;
  const part = (className, text) => Object.assign(element("div", { className }), { style: `width: ${percent(text)}` });
  const parts = read ? [part("free", read.balance), ...(read.held ? [part("held", read.held)] : [])] : [];
  if (hold && parts[1]) parts[1].append(drain(hold));
  return element("div", { className: "bar-row" },
    element("span", { className: "label" }, label),
    element("div", { className: `bar${read ? "" : " unread"}`, ariaHidden: "true" }, ...parts),
    element("span", { className: "reading" },
      ...(read ? [element("strong", {}, money(read.balance)), read.held ? " can be spent, " : " can be spent", ...(read.held ? [element("strong", { className: "pending" }, money(read.held)), hold ? " is held." : " is held"] : [])] : ["The balance could not be read."]),
      ...(hold ? [" ", element("span", { role: "timer", className: "pending" }, remaining(hold))] : [])));
}

// drain draws the remaining time of a hold as a fraction of its whole time.
function drain(hold) {
  const end = spendableAgain(hold);
  const all = end - Date.parse(hold.createdAt);
  const made = element("div", { className: "left" });
  made.style.setProperty("--all", `${all}ms`);
  made.style.setProperty("--gone", `${Math.min(0, end - all - Date.now())}ms`);
  made.style.setProperty("--left", `${Math.max(0, Math.min(100, (end - Date.now()) / all * 100))}%`);
  return made;
}
