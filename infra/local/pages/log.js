// The log of all calls, and the entry on display. A call's answer and its requests to
// DynamoDB are kept in its entry, however late they arrive.

import { anotherLedger, brokenOff, requestsOf, send, sendAtOnce, unsendable, newName } from "./calls.js";
import { codeOf, languages } from "./copy.js";
import { at, element, isolated, pause } from "./dom.js";
import { laneLines } from "./lane.js";
import { laneSum, name, outcome, visible } from "./words.js";

const lookEvery = 150; // milliseconds
let count = 0;
let shown; // the entry on display

// A lane holds the requests to DynamoDB for one call, or for several that are shown
// together.
export const newLane = () => ({ parts: [] });

// writesIn returns the writes in a lane that DynamoDB has applied.
export const writesIn = (lane) => lane.parts.flatMap(({ requests }) => requests)
  .filter(({ operation, outcome: came }) => operation === "TransactWriteItems" && came === "ok");

function addPart(lane, number) {
  const part = { name: newName("call"), number, requests: [] };
  lane.parts.push(part);
  return part;
}

// made makes a call for a user and adds it to the log. If show is true, the wire view shows
// it. The function onChange is called with the entry at once, and again when the call has
// ended.
export async function made(call, user, { faults = "", show = true, lane = newLane(), onChange = () => {} } = {}) {
  const entry = add({ call, user, lane, onChange, problem: unsendable(call) });
  if (show) showEntry(entry);
  if (entry.problem) return settle(entry, "not sent");
  const part = addPart(lane, entry.number);
  const answer = send(call, part.name, faults);
  const [came] = await Promise.allSettled([answer, follow(lane, part, answer)]);
  entry.answer = came.value;
  entry.isBrokenOff = came.reason === brokenOff;
  return settle(entry, stateOf(came.value, came.reason));
}

const stateOf = (answer, reason) => (answer ? "answered" : reason === anotherLedger ? "another ledger" : "no answer");

export async function madeAtOnce(calls, user, { faults = "", lane = newLane() } = {}) {
  const entries = calls.map((call, i) => add({ call, user, lane, onChange: () => {}, caller: i + 1 }));
  showEntry(entries[0]);
  const part = addPart(lane, entries[0].number);
  const answers = sendAtOnce(calls, part.name, faults);
  const [came] = await Promise.allSettled([answers, follow(lane, part, answers)]);
  entries.forEach((entry, i) => {
    entry.answer = came.value?.[i];
    settle(entry, stateOf(entry.answer, came.reason));
  });
  return entries;
}

function add(entry) {
  const line = element("button", { type: "button", onclick: () => showEntry(entry) });
  Object.assign(entry, { number: ++count, state: "under way", line });
  const list = entry.call.method === "GET" ? readings() : at("log");
  list.prepend(element("li", {}, line));
  if (list !== at("log")) list.previousElementSibling.textContent = `${list.childElementCount} ${list.childElementCount === 1 ? "reading" : "readings"}`;
  at("no-calls").hidden = true;
  writeLine(entry);
  entry.onChange(entry);
  return entry;
}

// readings returns the list to which the next read is added. Consecutive reads share a
// line.
function readings() {
  const newest = at("log").firstElementChild?.querySelector("ol");
  if (newest) return newest;
  const list = element("ol");
  at("log").prepend(element("li", {}, element("details", {}, element("summary"), list)));
  return list;
}

function settle(entry, state) {
  entry.state = state;
  writeLine(entry);
  if (entry === shown) writeEntry();
  entry.onChange(entry);
  return entry;
}

// follow reads and shows a call's requests to DynamoDB until the call is over.
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
  const { call, answer, line, user } = entry;
  const { kind, title } = outcome(entry);
  line.className = call.method.toLowerCase();
  line.replaceChildren(`${entry.number} `, element("span", { className: `status ${kind}` }, title), element("br"),
    element("code", {}, `${call.method} ${call.path}${answer ? ` ${answer.status}` : ""}`),
    ...(call.method === "POST" ? [element("br"), element("span", { className: "note" }, `${call.headers["Idempotent-Key"] ?? "no key"}, user ${name(user)}`)] : []));
}

export function showEntry(entry) {
  shown?.line.removeAttribute("aria-current");
  shown = entry;
  shown.line.setAttribute("aria-current", "true");
  writeEntry();
}

function writeEntry() {
  const { call, answer, state } = shown;
  const { kind, title, sentence } = outcome(shown);
  at("outcome").className = `outcome ${kind}`;
  at("outcome").replaceChildren(element("strong", {}, `${title}. `), ...isolated(sentence));
  at("again").hidden = at("shown").hidden = false;
  at("call-title").textContent = `Call ${shown.number}${shown.caller ? `, of caller ${shown.caller}` : ""}`;
  const headers = Object.entries(call.headers).map(([field, value]) => `${field}: ${value}\n`).join("");
  at("request").textContent = `${call.method} ${call.path} HTTP/1.1\n${headers}${call.body ? `\n${call.body}` : ""}`.trimEnd();
  at("answer").replaceChildren(...(answer ? answerLines(answer) : [state === "under way" ? "…" : "No answer."]));
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

// breakable splits JSON so that it can wrap after commas.
const breakable = (text) => visible(text).split(/(?<=,)/).flatMap((part) => [part, element("wbr")]);

const writeCode = () => { at("code").textContent = codeOf(at("language").value, shown.call); };

function writeLane() {
  const { parts } = shown.lane;
  at("lane-sum").textContent = laneSum(parts.flatMap(({ requests }) => requests));
  at("lane").replaceChildren(...laneLines(parts));
}

// prepare connects the wire view's buttons with their actions. The parameter again is a
// function that repeats a call.
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
  } catch { // not every browser lets a page write to the clipboard
    getSelection().selectAllChildren(at("code"));
    at("copy").textContent = "Selected";
  }
  await pause(1500);
  at("copy").textContent = "Copy";
}
