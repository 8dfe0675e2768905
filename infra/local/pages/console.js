// The console: it calls the ledger as any other caller does, and shows the
// calls as they go over the wire.

const at = (id) => document.getElementById(id);
let user = new URLSearchParams(location.search).get("userId") ?? "1";
let balance; // of the user, as text, when it was last read
let last;    // the last call: {method, path, headers, body}

// send makes a call and shows it. It is null if no answer came.
async function send(call) {
  const answer = await exchange(call).catch(() => null);
  show(call, answer);
  return answer;
}

async function exchange({ method, path, headers, body }) {
  const response = await fetch(path, { method, headers, body });
  const text = await response.text();
  return {
    status: response.status,
    reason: response.statusText,
    headers: [...response.headers],
    replayed: response.headers.has("Idempotent-Replayed"),
    text,
    body: JSON.parse(text),
  };
}

const get = (path, parameters = {}) =>
  ({ method: "GET", path: Object.keys(parameters).length ? `${path}?${new URLSearchParams(parameters)}` : path });

// show writes the call, its answer and the same call for curl.
function show(call, answer) {
  last = call;
  const headers = Object.entries(call.headers ?? {}).map(([name, value]) => `${name}: ${value}\n`).join("");
  at("request").textContent = `${call.method} ${call.path} HTTP/1.1\n${headers}${call.body ? `\n${call.body}` : ""}`.trimEnd();
  at("answer").replaceChildren(...(answer ? answerLines(answer) : ["No answer."]));
  at("curl").textContent = curl(call);
  at("again").hidden = call.method !== "POST";
}

function answerLines({ status, reason, headers, text }) {
  const lines = [`HTTP/1.1 ${status} ${reason}\n`];
  for (const [name, value] of headers) {
    const line = `${name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase())}: ${value}`;
    lines.push(name === "idempotent-replayed" ? marked(line) : line, "\n");
  }
  return [...lines, "\n", ...breakable(text)];
}

// breakable is JSON that breaks into lines after its commas.
const breakable = (text) => text.split(/(?<=,)/).flatMap((part) => [part, document.createElement("wbr")]);

function marked(text) {
  const mark = document.createElement("mark");
  mark.textContent = text;
  return mark;
}

function curl({ method, path, headers, body }) {
  const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const words = ["curl", "-i", quote(location.origin + path)];
  for (const [name, value] of Object.entries(headers ?? {})) words.push("-H", quote(`${name}: ${value}`));
  if (method === "POST") words.push("-d", quote(body));
  return words.join(" ");
}

// money is a sum for people, from the ledger's decimal text; never a float.
function money(text) {
  const [dollars, cents = ""] = text.split(".");
  return `$${dollars.replace(/\B(?=(\d{3})+$)/g, ",")}.${cents.padEnd(2, "0")}`;
}

// open shows another user.
async function open() {
  tell();
  complain();
  const answer = await send(get("/balance", { userId: user }));
  if (answer?.status !== 200) {
    at("balance").textContent = "…";
    at("history").replaceChildren();
    at("none").hidden = at("older").hidden = true;
    tellProblem(answer);
    return;
  }
  showBalance(answer);
  await readHistory();
}

function showBalance(answer) {
  balance = answer.body.data.balance;
  at("balance").textContent = money(balance);
}

// post sends a transaction, new or the same again, and says what it did.
async function post(call) {
  complain();
  const before = balance;
  const answer = await send(call);
  if (answer === null || answer.status >= 500) {
    tellProblem(answer); // and the key stays: the same call again settles it
    return;
  }
  if (at("key").value === call.headers["Idempotent-Key"]) newKey();
  const read = await exchange(get("/balance", { userId: user })).catch(() => null);
  if (read?.status === 200) showBalance(read);
  await readHistory();
  const moved = balance === before
    ? `The balance did not move: ${money(balance)}.`
    : `The balance went from ${money(before)} to ${money(balance)}.`;
  if (answer.replayed) {
    tell("replayed", "Replayed", `This is the first answer again. ${moved}`);
  } else if (answer.status === 201) {
    tell("posted", "Posted", moved);
  } else if (answer.body.balance) {
    tell("declined", "Declined", `${answer.body.detail} ${moved}`);
  } else {
    tellProblem(answer);
  }
}

function tellProblem(answer) {
  if (answer === null) {
    tell("refused", "No answer", "It may have counted or not. Send the same call again to find out; it can't count twice.");
    return;
  }
  tell("refused", answer.body.title, answer.body.detail);
  complain(answer.status === 400 ? answer.body.properties : {});
}

// tell says the outcome, to all eyes and ears; nothing without a kind.
function tell(kind, title, sentence) {
  const outcome = at("outcome");
  outcome.hidden = !kind;
  outcome.replaceChildren();
  if (!kind) return;
  const strong = document.createElement("strong");
  strong.textContent = `${title}. `;
  outcome.className = `outcome ${kind}`;
  outcome.append(strong, sentence);
}

// complain marks the fields that the ledger refused, and goes to the first.
function complain(properties = {}) {
  const fields = [...document.querySelectorAll("input")];
  for (const field of fields) {
    if (properties[field.name]) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  fields.find((field) => properties[field.name])?.focus();
}

// readHistory shows the newest page, or with a cursor adds the one after it.
async function readHistory(cursor) {
  const answer = await exchange(get("/transactions", { userId: user, limit: 10, ...(cursor && { cursor }) })).catch(() => null);
  if (answer?.status !== 200) return;
  const rows = answer.body.data.map(row);
  if (cursor) at("history").append(...rows);
  else at("history").replaceChildren(...rows);
  at("none").hidden = at("history").childElementCount > 0;
  at("older").hidden = !answer.body.next;
  at("older").onclick = () => readHistory(answer.body.next);
}

function row(transaction) {
  const tr = at("row").content.firstElementChild.cloneNode(true);
  const [time, id, type, status, amount] = tr.children;
  const created = new Date(transaction.createdAt);
  tr.className = `${transaction.type} ${transaction.status}`;
  time.firstChild.dateTime = transaction.createdAt;
  time.firstChild.textContent = created.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  id.firstChild.textContent = transaction.id.slice(0, 8);
  id.firstChild.onclick = () => send(get(`/transactions/${transaction.id}`));
  type.textContent = transaction.type === "credit" ? "Credit" : "Debit";
  status.firstChild.textContent = transaction.status === "posted" ? "Posted" : "Declined";
  status.firstChild.classList.add(transaction.status);
  amount.textContent = `${transaction.type === "credit" ? "+" : "−"}${money(transaction.ammount)}`;
  return tr;
}

function newKey() {
  at("key").value = `try-${crypto.getRandomValues(new Uint32Array(1))[0].toString(16).padStart(8, "0")}`;
}

at("open").onsubmit = (event) => {
  event.preventDefault();
  user = at("user").value;
  open();
};

// A double click sends one key twice, and counts once: the key changes only
// when the answer is there.
at("post").onsubmit = (event) => {
  event.preventDefault();
  post({
    method: "POST",
    path: "/transactions",
    headers: { "Idempotent-Key": at("key").value, "Content-Type": "application/json" },
    body: JSON.stringify({ userId: user, ammount: at("amount").value, type: event.submitter.value }),
  });
};

at("again").onclick = () => post(last);
at("new-key").onclick = newKey;
at("copy").onclick = async () => {
  await navigator.clipboard.writeText(at("curl").textContent);
  at("copy").textContent = "Copied";
  setTimeout(() => { at("copy").textContent = "Copy"; }, 1500);
};

at("user").value = user;
newKey();
open();
