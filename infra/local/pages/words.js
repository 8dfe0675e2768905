// What the ledger's answers are in people's words.

// money is a sum for people, from the ledger's decimal text; never a float.
export function money(text) {
  const [dollars, cents = ""] = text.split(".");
  return `$${dollars.replace(/\B(?=(\d{3})+$)/g, ",")}.${cents.padEnd(2, "0")}`;
}

// cents is a sum as a whole number, which is exact.
function cents(text) {
  const [dollars, rest = ""] = text.split(".");
  return BigInt(dollars + rest.padEnd(2, "0"));
}

// timesCounted says how often an amount was credited between two balances.
export function timesCounted(before, after, amount) {
  if (!/^\d+(\.\d\d?)?$/.test(amount) || cents(amount) === 0n) return "";
  const moved = cents(after) - cents(before);
  const times = moved / cents(amount);
  if (times * cents(amount) !== moved) return "";
  return times === 0n ? "It did not count." : `It counted ${times === 1n ? "once" : `${times} times`}.`;
}

const again = "Send the same call again to find out; it can't count twice.";

const titles = {
  "/problems/invalid-request": "Not accepted",
  "/problems/insufficient-funds": "Declined",
  "/problems/balance-limit": "Declined",
  "/problems/idempotency-key-reused": "The key is taken",
  "/problems/not-found": "Not found",
  "/problems/body-too-large": "Too long",
  "/problems/try-again": "Not settled",
  "/problems/internal": "The ledger failed",
};

const fields = { userId: "The user", ammount: "The amount", type: "The type", "Idempotent-Key": "The key" };

// complaints is what is wrong with fields, as sentences.
const complaints = (properties) =>
  Object.entries(properties).flatMap(([name, all]) => all.map((one) => `${fields[name] ?? name} ${one}.`)).join(" ");

// outcome says what became of a call: its kind, for the eye, a title and a
// sentence. It says what the call's own answer says, and nothing of other calls.
export function outcome({ call, state, answer, problem, user }) {
  const reading = call.method === "GET";
  switch (state) {
    case "under way":
      return { kind: "waiting", title: reading ? "Reading" : "Sent", sentence: "Waiting for the answer …" };
    case "not sent":
      return { kind: "refused", title: "Not sent", sentence: complaints(problem) };
    case "no answer":
      return { kind: "lost", title: "No answer", sentence: reading ? "Nothing was read, and reading moves nothing. Send it again." : `It may have counted or not. ${again}` };
  }
  if (answer.status >= 400 || !answer.body.data) return refusal(answer);
  return reading ? found(answer.body.data, user) : posted(answer);
}

function refusal({ status, body, replayed }) {
  const title = titles[body.type] ?? `Refused with status ${status}`;
  const sentence = body.type === "/problems/invalid-request" && body.properties ? complaints(body.properties) : body.detail ?? "";
  if (!body.balance) return { kind: "refused", title, sentence };
  const seen = `${sentence} It was ${money(body.balance)}; nothing moved.`;
  return replayed
    ? { kind: "replayed", title: "Replayed", sentence: `This is the first answer again: declined. ${seen}` }
    : { kind: "declined", title, sentence: seen };
}

// what is a transaction in words.
const what = ({ type, ammount, userId }) => `${type} of ${money(ammount)}, user ${userId}`;

function posted({ body: { data }, replayed }) {
  return replayed
    ? { kind: "replayed", title: "Replayed", sentence: `This is the first answer again: ${what(data)}. It counted once; nothing moved now.` }
    : { kind: "posted", title: "Posted", sentence: `${sentenceCase(what(data))}.` };
}

function found(data, user) {
  if (data.balance) return { kind: "read", title: "Read", sentence: `User ${user} has ${money(data.balance)}.` };
  if (Array.isArray(data)) return { kind: "read", title: "Read", sentence: `${data.length} transactions of user ${user}.` };
  return { kind: "read", title: "Read", sentence: `${sentenceCase(what(data))}: ${data.status}, ${new Date(data.createdAt).toLocaleString()}.` };
}

const sentenceCase = (text) => text[0].toUpperCase() + text.slice(1);

// laneSum counts what DynamoDB was sent.
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
  if (came === "ok") return { kind: writes ? "posted" : "read", text: !writes ? "read" : again ? "written, once: DynamoDB knows its token" : "written" };
  if (conflicted(request)) return { kind: "conflict", text: "conflict: another write has the item; nothing written" };
  if (came === "answer lost") return { kind: "lost", text: "written, and the answer lost" };
  if (came === "request lost") return { kind: "lost", text: "lost on its way; nothing written" };
  const failed = items.find((item, i) => reasons[i] === "ConditionalCheckFailed" || came === "ConditionalCheckFailedException");
  if (failed?.action === "Put") return { kind: "replayed", text: "nothing written: the id is there, and its row came back" };
  if (failed) return { kind: "declined", text: "nothing written: the balance would leave its range" };
  return { kind: "lost", text: came };
}
