// The numbered steps: each shows one thing that goes wrong with money elsewhere.
// A step is a title, a sentence, fields to vary it, and what it does with their
// values. What it does goes through a stage: a new user, ways to make calls, and
// ways to tell what came of them.

import { newName, posting } from "./calls.js";
import { at, copyOf, element } from "./dom.js";
import { money, outcome, timesCounted } from "./words.js";

const amount = { name: "amount", label: "Amount", value: "10", inputMode: "decimal" };
const callers = { name: "callers", label: "Callers", value: "20", type: "number", min: "1", max: "100" };
const onAWS = { name: "faults", label: "Writes that meet", options: { contention: "conflict, as on AWS", "": "wait, as in DynamoDB Local" } };

const steps = [
  {
    title: "Lose the answer, send again",
    says: "The money has moved and nobody said so. The same call with the same key counts once.",
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
    title: "Twenty callers, one key",
    says: "All send the same call at once. One is posted; the others get its answer.",
    fields: [callers, amount, onAWS],
    async run(stage, { amount: ammount, faults, callers: n }) {
      const call = posting(newName("try"), { userId: stage.user, ammount, type: "credit" });
      stage.tellAll(await stage.sendAtOnce(Array(Number(n)).fill(call), faults));
      stage.tellBalance(stage.before, await stage.balance(), ammount);
    },
  },
  {
    title: "Twenty debits of 10 on 100",
    says: "Each has its own key. Ten fit, ten are declined, and the balance is never negative.",
    fields: [callers, amount, onAWS],
    async run(stage, { amount: ammount, faults, callers: n }) {
      const debit = () => posting(newName("try"), { userId: stage.user, ammount, type: "debit" });
      stage.tellAll(await stage.sendAtOnce(Array.from({ length: Number(n) }, debit), faults));
      stage.tellBalance(stage.before, await stage.balance());
    },
  },
];

// prepareSteps shows the steps. NewStage opens a new user and gives the ways to make
// calls: the user, the balance before, send, sendAtOnce and balance.
export function prepareSteps(newStage) {
  at("steps").append(...steps.map((step, i) => card(step, i, newStage)));
}

function card(step, i, newStage) {
  const li = copyOf("step");
  const form = li.firstElementChild;
  const [title, says, fields, button, { firstElementChild: course }] = form.children;
  form.id = `step-${i + 1}`;
  title.textContent = step.title;
  says.textContent = step.says;
  fields.append(...step.fields.map((field) => control(field, form.id)));
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

// ways are how a step tells what came of it, in the lines of its course.
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
    tellBalance(before, after, amount) {
      if (!before || !after) return; // they could not be read
      const times = amount ? timesCounted(before, after, amount) : "";
      line("balance-line", `Balance: ${money(before)} → `, element("strong", {}, money(after)), times && `. ${times}`);
    },
  };
}

// firsts are the first outcome of each title, the posted one before the others.
function firsts(outcomes) {
  const byTitle = new Map(outcomes.map((one) => [one.title, one]));
  return [...byTitle.values()].sort((a, b) => (b.kind === "posted") - (a.kind === "posted"));
}
