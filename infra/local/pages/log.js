// The log of all calls, and the one of them that is shown. A call's answer, and
// what DynamoDB was sent for it, belong to its entry, whenever they arrive.

import { requestsOf, send, sendAtOnce, unsendable, newName } from "./calls.js";
import { codeOf, languages } from "./copy.js";
import { at, element, isolated, pause } from "./dom.js";
import { showTransaction } from "./transaction.js";
import { laneOutcome, laneSum, name, outcome, visible } from "./words.js";

const lookEvery = 150; // milliseconds
let count = 0;
let shown; // the entry

// A lane is what DynamoDB is sent for one call, or for several that are seen
// together.
export const newLane = () => ({ parts: [] });

// writesIn are the requests in a lane that DynamoDB has written.
export const writesIn = (lane) => lane.parts.flatMap(({ requests }) => requests)
  .filter(({ operation, outcome: came }) => operation === "TransactWriteItems" && came === "ok");

function addPart(lane, number) {
  const part = { name: newName("call"), number, requests: [] };
  lane.parts.push(part);
  return part;
}

// made makes a call of a user and adds it to the log. Show says whether the page
// shows it. The entry is settled when its answer is there, or can't come.
export async function made(call, user, { faults = "", show = true, lane = newLane() } = {}) {
  const entry = add({ call, user, lane, problem: unsendable(call) });
  if (show) showEntry(entry);
  if (entry.problem) return settle(entry, "not sent");
  const part = addPart(lane, entry.number);
  const answer = send(call, part.name, faults);
  const [came] = await Promise.allSettled([answer, follow(lane, part, answer)]);
  entry.answer = came.value;
  return settle(entry, came.value ? "answered" : "no answer");
}

// madeAtOnce makes many calls of a user at once.
export async function madeAtOnce(calls, user, { faults = "", lane = newLane() } = {}) {
  const entries = calls.map((call, i) => add({ call, user, lane, caller: i + 1 }));
  showEntry(entries[0]);
  const part = addPart(lane, entries[0].number);
  const answers = sendAtOnce(calls, part.name, faults);
  const [came] = await Promise.allSettled([answers, follow(lane, part, answers)]);
  entries.forEach((entry, i) => {
    entry.answer = came.value?.[i];
    settle(entry, entry.answer ? "answered" : "no answer");
  });
  return entries;
}

function add(entry) {
  const line = element("button", { type: "button", onclick: () => showEntry(entry) });
  Object.assign(entry, { number: ++count, state: "under way", line });
  at("log").prepend(element("li", { value: entry.number }, line));
  writeLine(entry);
  return entry;
}

function settle(entry, state) {
  entry.state = state;
  writeLine(entry);
  if (entry === shown) writeEntry();
  return entry;
}

// follow shows a call's requests to DynamoDB until the call is over.
async function follow(lane, part, call) {
  let over = false;
  const end = () => { over = true; };
  const ended = call.then(end, end);
  for (let last = false; !last;) {
    await Promise.race([ended, pause(lookEvery)]);
    last = over;
    part.requests = await requestsOf(part.name).catch(() => part.requests);
    if (lane === shown?.lane) writeLane();
  }
}

function writeLine(entry) {
  const { call, answer, line } = entry;
  const { kind, title } = outcome(entry);
  line.className = call.method.toLowerCase();
  line.replaceChildren(`${entry.number} ${call.method} ${call.path}`, ` ${call.headers["Idempotent-Key"] ?? ""} `,
    answer ? `${answer.status} ` : "", element("span", { className: `status ${kind}` }, title));
}

function showEntry(entry) {
  shown?.line.removeAttribute("aria-current");
  shown = entry;
  shown.line.setAttribute("aria-current", "true");
  writeEntry();
}

export const isShown = (entry) => entry === shown;

function writeEntry() {
  const { call, answer, state } = shown;
  const { kind, title, sentence } = outcome(shown);
  at("outcome").className = `outcome ${kind}`;
  at("outcome").replaceChildren(element("strong", {}, `${title}. `), ...isolated(sentence));
  at("call-title").textContent = `Call ${shown.number}${shown.caller ? `, of caller ${shown.caller}` : ""}`;
  const headers = Object.entries(call.headers).map(([field, value]) => `${field}: ${value}\n`).join("");
  at("request").textContent = `${call.method} ${call.path} HTTP/1.1\n${headers}${call.body ? `\n${call.body}` : ""}`.trimEnd();
  at("answer").replaceChildren(...(answer ? answerLines(answer) : [state === "under way" ? "…" : "No answer."]));
  showTransaction(shown);
  writeCode();
  writeLane();
}

function answerLines({ status, reason, headers, text }) {
  const lines = [`HTTP/1.1 ${status} ${reason}\n`];
  for (const [field, value] of headers) {
    const line = `${field.replace(/\b[a-z]/g, (letter) => letter.toUpperCase())}: ${value}`;
    lines.push(field === "idempotent-replayed" ? element("mark", {}, line) : line, "\n");
  }
  return [...lines, "\n", ...breakable(text)];
}

// breakable is JSON that breaks into lines after its commas.
const breakable = (text) => visible(text).split(/(?<=,)/).flatMap((part) => [part, element("wbr")]);

const writeCode = () => { at("code").textContent = codeOf(at("language").value, shown.call); };

function writeLane() {
  const { parts } = shown.lane;
  const requests = parts.flatMap((part) => part.requests.map((request) => ({ ...request, of: request.caller ? `caller ${request.caller}` : `call ${part.number}` })));
  const tokens = new Set();
  at("lane-sum").textContent = laneSum(requests);
  at("lane").replaceChildren(...requests.map((request) => {
    const again = tokens.has(request.token);
    if (request.token) tokens.add(request.token);
    return laneLine(request, again);
  }));
}

function laneLine(request, again) {
  const { kind, text } = laneOutcome(request, again);
  return element("li", { className: kind },
    element("p", {}, element("strong", {}, request.operation), element("span", { className: "note" }, ` ${request.of}, at ${Math.round(request.sentMs)} ms${again ? ", the same again" : ""}`)),
    ...(again ? [] : request.items.map((item, i) => itemLine(item, request.reasons?.[i]))),
    element("p", { className: "status" }, text));
}

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

// prepare makes the buttons of the call that is shown do what they say. Again sends
// a call again.
export function prepare(again) {
  at("language").replaceChildren(...Object.keys(languages).map((name) => element("option", {}, name)));
  at("language").onchange = () => { if (shown) writeCode(); };
  at("again").onclick = () => { if (shown) again(shown); };
  at("copy").onclick = copy;
}

async function copy() {
  try {
    await navigator.clipboard.writeText(at("code").textContent);
    at("copy").textContent = "Copied";
  } catch { // not everywhere may a page write there
    getSelection().selectAllChildren(at("code"));
    at("copy").textContent = "Selected";
  }
  await pause(1500);
  at("copy").textContent = "Copy";
}
