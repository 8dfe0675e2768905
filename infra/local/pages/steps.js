// The numbered steps: each shows one thing that goes wrong with money elsewhere.
// A step is a title, a sentence, fields to vary it, and what it does with their
// values. What it does goes through a stage: a new user, ways to make calls, and
// ways to tell what came of them.

import { balanceIn } from "./account.js";
import { balanceOf, newName, posting, send } from "./calls.js";
import { at, copyOf, element, pause } from "./dom.js";
import { made, madeAtOnce, newLane, writesIn } from "./log.js";
import { opening } from "./settings.js";
import { remaining, spendableAgain } from "./transaction.js";
import { balance, decimal, money, name, outcome, timesCounted, units } from "./words.js";

const amount = { name: "amount", label: "Amount", value: "10", inputMode: "decimal" };
const callers = { name: "callers", label: "Callers", value: "20", type: "number", min: "1", max: "100" };
const onAWS = { name: "faults", label: "Writes that meet", options: { contention: "conflict, as on AWS", "": "wait, as in DynamoDB Local" } };

const steps = [
  {
    title: () => "Lose an answer, send again",
    says: "Without an answer a caller can't know whether the money moved. The same call with the same key counts once.",
    fields: [amount, {
      name: "faults",
      label: "Lost",
      options: {
        "write-answer-lost,answer-lost": "both answers",
        "answer-lost": "our answer",
        "write-answer-lost": "DynamoDB's answer",
        "write-lost,answer-lost": "DynamoDB's request, our answer",
      },
    }],
    async run(stage, { amount: ammount, faults }) {
      const call = posting(newName("try"), { userId: stage.user, ammount, type: "credit" });
      stage.tell("Sent", await stage.send(call, faults));
      stage.tell("Sent again", await stage.send(call));
      stage.tellBalance(stage.before, await stage.balance(), ammount);
    },
  },
  {
    title: ({ callers: n }) => `${n} ${Number(n) === 1 ? "caller" : "callers"}, one key`,
    says: "All send the same call at once. It counts once, and all get the same answer.",
    fields: [callers, amount, onAWS],
    async run(stage, { amount: ammount, faults, callers: n }) {
      const call = posting(newName("try"), { userId: stage.user, ammount, type: "credit" });
      stage.tellAll(await stage.sendAtOnce(Array(Number(n)).fill(call), faults));
      stage.tellBalance(stage.before, await stage.balance(), ammount);
    },
  },
  {
    title: ({ callers: n, amount: each }) => `${n} ${Number(n) === 1 ? "debit" : "debits"} of ${each} on 100`,
    says: "Each has its own key. As many as fit are posted, the others are declined, and the balance is never negative.",
    fields: [callers, amount, onAWS],
    async run(stage, { amount: ammount, faults, callers: n }) {
      const debit = () => posting(newName("try"), { userId: stage.user, ammount, type: "debit" });
      stage.tellAll(await stage.sendAtOnce(Array.from({ length: Number(n) }, debit), faults));
      stage.tellBalance(stage.before, await stage.balance());
    },
  },
  {
    title: () => "Pay another user, with a fee",
    says: "Three entries, one call: all of them count, or none does.",
    fields: [
      { ...amount, label: "Pays" },
      { ...amount, name: "received", label: "Gets", value: "9" },
      { ...amount, name: "fee", label: "Fee", value: "1" },
      { name: "receiver", label: "Receiver", value: "friend" },
      { name: "shop", label: "Shop", value: "shop" },
    ],
    async run(stage, { amount: paid, received, fee, receiver, shop }) {
      const entries = [
        { userId: stage.user, ammount: paid, type: "debit" },
        { userId: receiver, ammount: received, type: "credit" },
        { userId: shop, ammount: fee, type: "credit" },
      ];
      const users = [...new Set(entries.map(({ userId }) => userId))];
      const balances = () => Promise.all(users.map((user) => stage.balance(user)));
      const before = await balances();
      stage.tell("Sent", await stage.send(posting(newName("try"), { entries })));
      stage.tellWrites(stage.writes());
      const after = await balances();
      users.forEach((user, i) => stage.tellBalance(before[i], after[i], "", name(user)));
    },
  },
  {
    title: () => "Hold money until it expires",
    says: "A hold keeps money aside for some seconds. Then the user can spend it again, though nothing runs: the next debit that needs it releases it.",
    fields: [
      { ...amount, label: "Hold", value: "40" },
      { name: "seconds", label: "Seconds", value: "3", type: "number", min: "1", max: "30" },
      { ...amount, name: "debit", label: "Then a debit of", value: "100" },
    ],
    async run(stage, { amount: ammount, seconds, debit }) {
      const hold = await stage.send(posting(newName("try"), { userId: stage.user, ammount, type: "debit", expiresIn: Number(seconds) }));
      stage.tell("Hold", hold);
      stage.tellBalance(stage.before, await stage.balance());
      if (hold.answer?.body.data?.status === "pending") {
        await stage.send(balanceOf(stage.user));
        await stage.countdown(hold.answer.body.data);
        await stage.send(balanceOf(stage.user));
        stage.tellBalance(undefined, await stage.balance());
      }
      stage.tell(`Debit of ${debit}`, await stage.send(posting(newName("try"), { userId: stage.user, ammount: debit, type: "debit" })));
      stage.tellBalance(undefined, await stage.balance());
    },
  },
];

// stageBalance is what the steps expect a user to have at first.
const stageBalance = "100";

// newStage opens a new user for a step, with a credit where the opening balance is
// less than the steps expect.
async function newStage() {
  const whose = newName("try");
  const missing = units(stageBalance) - units(opening);
  if (missing > 0n) await send(posting(newName("try"), { userId: whose, ammount: decimal(missing), type: "credit" }));
  const balance = async (of = whose) => balanceIn(await made(balanceOf(of), of, { show: false }));
  const before = await balance();
  const lane = newLane();
  return {
    user: whose,
    before,
    send: (call, faults) => made(call, whose, { faults, lane }),
    sendAtOnce: (calls, faults) => madeAtOnce(calls, whose, { faults, lane }),
    balance,
    writes: () => writesIn(lane),
  };
}

// prepareSteps shows the steps.
export function prepareSteps() {
  at("stage-balance").textContent = money(stageBalance);
  at("steps").append(...steps.map(card));
}

function card(step, i) {
  const li = copyOf("step");
  const form = li.firstElementChild;
  const [title, says, fields, button, { firstElementChild: course }] = form.children;
  form.id = `step-${i + 1}`;
  const writeTitle = () => { title.textContent = step.title(Object.fromEntries(new FormData(form))); };
  says.textContent = step.says;
  fields.append(...step.fields.map((field) => control(field, form.id)));
  writeTitle();
  form.oninput = writeTitle;
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    const values = Object.fromEntries(new FormData(form));
    form.ariaBusy = "true";
    button.textContent = "Running …";
    course.replaceChildren();
    try {
      await step.run({ ...await newStage(), ...ways(course) }, values);
    } finally {
      form.ariaBusy = "false";
      button.textContent = "Run again";
    }
  };
  return li;
}

function control({ label, options, ...field }, form) {
  const id = `${form}-${field.name}`;
  const input = options
    ? element("select", { id, ...field }, ...Object.entries(options).map(([value, text]) => element("option", { value }, text)))
    : element("input", { id, required: true, ...field });
  input.autocomplete = "off";
  return element("div", {}, element("label", { htmlFor: id }, label), input);
}

// ways write the lines of a step's course.
function ways(course) {
  const line = (kind, ...words) => course.append(element("li", { className: kind }, ...words));
  return {
    tell(did, entry) {
      const { kind, title } = outcome(entry);
      line(kind, `${did}: `, element("strong", {}, title));
    },
    tellAll(entries) {
      const outcomes = entries.map(outcome);
      line("crowd", ...outcomes.map(({ kind, title }) => element("span", { className: kind, title, ariaHidden: "true" })));
      for (const { kind, title } of firsts(outcomes)) {
        line(kind, element("strong", {}, `${outcomes.filter((one) => one.title === title).length} ${title.toLowerCase()}`));
      }
    },
    tellBalance(before, after, amount, of = "Balance") {
      if (!after) return; // it could not be read
      const times = before && amount ? timesCounted(before.balance, after.balance, amount) : "";
      line("balance-line", `${of}: ${before ? `${balance(before)} → ` : ""}`, element("strong", {}, balance(after)), times && `. ${times}`);
    },
    tellWrites(writes) {
      for (const { items } of writes) line("read", `One write of ${items.length} items`);
    },
    // countdown shows the rest of a hold's time, until the hold has expired.
    async countdown(data) {
      const timer = element("span", { role: "timer" });
      line("pending balance-line", timer);
      for (let last = false; !last;) {
        last = Date.now() >= spendableAgain(data);
        timer.textContent = remaining(data);
        if (!last) await pause(Math.min(200, Math.max(1, spendableAgain(data) - Date.now())));
      }
    },
  };
}

// firsts are the first outcome of each title, the posted one before the others.
function firsts(outcomes) {
  const byTitle = new Map(outcomes.map((one) => [one.title, one]));
  return [...byTitle.values()].sort((a, b) => (b.kind === "posted") - (a.kind === "posted"));
}
