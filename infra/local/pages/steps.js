// The five steps of the story. Each shows something that goes wrong with money in other
// systems. A step has a title, a sentence, fields to vary it, and functions that run it,
// draw what was recorded, and describe the result. The run function records the results in
// facts, for the other two. It can call show to redraw the step before it ends.

import { balanceOf, historyOf, look, newName, posting, send } from "./calls.js";
import { pause } from "./dom.js";
import { drawAccounts, drawBars, drawLifelines, drawRace } from "./drawings.js";
import { made, madeAtOnce, newLane, writesIn } from "./log.js";
import { ofDebits, ofHold, ofLostAnswer, ofOneKey, ofPayment } from "./sentences.js";
import { opening } from "./settings.js";
import { spendableAgain } from "./transaction.js";
import { amountOf, decimal, money, units } from "./words.js";

// stageBalance is the balance with which each step's user begins.
export const stageBalance = units(opening) > units("100") ? opening : "100";

const amount = { name: "amount", label: "Amount", value: "10", inputMode: "decimal" };
const callers = { name: "callers", label: "Callers", value: "20", type: "number", min: "1", max: "100" };
const onAWS = { name: "faults", label: "Writes that meet", options: { contention: "conflict, as on AWS", "": "wait, as in DynamoDB Local" } };

export const steps = [
  {
    title: () => "An answer is lost",
    about: "Without an answer, a caller can't know whether the money moved. So it sends the same call again. Its key names the transaction, so the ledger recognises a repeated call.",
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
    draw: drawLifelines,
    sum: ofLostAnswer,
    async run(facts, { amount: ammount, faults }) {
      const { user, lane } = await newStage(facts);
      const call = posting(newName("try"), { userId: user, ammount, type: "credit" });
      const post = async (lost) => {
        const entry = await made(call, user, { faults: lost, lane });
        return { entry, requests: lane.parts.at(-1).requests };
      };
      facts.amount = ammount;
      facts.calls = [await post(faults), await post()];
      facts.after = await balanceNow(user);
    },
  },
  {
    title: ({ callers: n }) => `${Number(n)} ${Number(n) === 1 ? "caller" : "callers"}, one key`,
    about: "The same call comes from every caller at the same time, as from impatient buttons and eager retries.",
    fields: [callers, amount, onAWS],
    draw: drawRace,
    sum: ofOneKey,
    run(facts, { amount: ammount, faults, callers: n }) {
      return race(facts, ammount, faults, (user) => {
        const call = posting(newName("try"), { userId: user, ammount, type: "credit" });
        return Array(Number(n)).fill(call);
      });
    },
  },
  {
    title: ({ callers: n, amount: each }) => `${Number(n)} ${Number(n) === 1 ? "debit" : "debits"} of ${amountOf(each)} on ${money(stageBalance)}`,
    about: "Each is a call of its own. However many come at once, no two may spend the same money.",
    fields: [callers, amount, onAWS],
    draw: drawRace,
    sum: ofDebits,
    run(facts, { amount: ammount, faults, callers: n }) {
      return race(facts, ammount, faults, (user) =>
        Array.from({ length: Number(n) }, () => posting(newName("try"), { userId: user, ammount, type: "debit" })));
    },
  },
  {
    title: () => "A payment with a fee",
    about: "One user pays, another is paid, and a shop takes its fee: three entries in one call, which must balance. All of them count, or none does.",
    fields: [
      { ...amount, label: "Pays" },
      { ...amount, name: "received", label: "Gets", value: "9" },
      { ...amount, name: "fee", label: "Fee", value: "1" },
      { name: "receiver", label: "Receiver", value: "friend" },
      { name: "shop", label: "Shop", value: "shop" },
    ],
    draw: drawAccounts,
    sum: ofPayment,
    async run(facts, { amount: paid, received, fee, receiver, shop }) {
      const { user, lane } = await newStage(facts, "payer");
      facts.asked = [
        { userId: user, ammount: paid, type: "debit" },
        { userId: receiver, ammount: received, type: "credit" },
        { userId: shop, ammount: fee, type: "credit" },
      ];
      const balances = () => Promise.all(facts.asked.map(({ userId }) => balanceNow(userId)));
      facts.befores = await balances();
      facts.entry = await made(posting(newName("try"), { entries: facts.asked, balanced: true }), user, { lane });
      facts.writes = writesIn(lane);
      facts.afters = await balances();
    },
  },
  {
    title: ({ amount: held, seconds }) => `A hold of ${amountOf(held)} for ${seconds} s`,
    about: "A hold keeps money aside, as a hotel does. When its time is over the user can spend it again, and no job has to run for that.",
    fields: [
      { ...amount, label: "Hold", value: "40" },
      { name: "seconds", label: "Seconds", value: "3", type: "number", min: "1", max: "30" },
      { ...amount, name: "debit", label: "Then a debit of", value: "100" },
    ],
    draw: drawBars,
    sum: ofHold,
    async run(facts, { amount: ammount, seconds, debit }, show, signal) {
      const { user, lane } = await newStage(facts);
      const post = (body) => made(posting(newName("try"), { userId: user, type: "debit", ...body }), user, { lane });
      Object.assign(facts, { ammount, debited: debit });
      show();
      const hold = await post({ ammount, expiresIn: Number(seconds) });
      Object.assign(facts, { hold, during: await balanceNow(user) });
      show();
      if (hold.answer?.body.data?.status === "pending") {
        await expiry(hold.answer.body.data, show, signal);
        const stopped = signal?.aborted;
        Object.assign(facts, { stopped, freed: await balanceNow(user) });
        show();
        if (stopped) return;
      }
      const end = await post({ ammount: debit });
      Object.assign(facts, { debit: end, after: await balanceNow(user) });
    },
  },
];

const shownEvery = 250; // milliseconds

// expiry waits until a hold has expired, or the story is stopped.
async function expiry(hold, show, signal) {
  for (let left; (left = spendableAgain(hold) - Date.now()) > 0 && !signal?.aborted;) {
    await pause(Math.min(shownEvery, left));
    show();
  }
}

async function race(facts, ammount, faults, callsOf) {
  const { user, lane } = await newStage(facts);
  facts.amount = ammount;
  facts.entries = await madeAtOnce(callsOf(user), user, { faults, lane });
  facts.requests = lane.parts.flatMap(({ requests }) => requests);
  facts.after = await balanceNow(user);
}

// newStage gives a step a new user and a lane for its requests. If the opening balance is
// less than the steps need, it credits the user, and throws if that fails.
async function newStage(facts, who = "try") {
  facts.user = newName(who);
  facts.lane = newLane();
  const missing = units(stageBalance) - units(opening);
  const credit = posting(newName("try"), { userId: facts.user, ammount: decimal(missing), type: "credit" });
  if (missing > 0n) facts.credit = { answer: await send(credit).catch(() => undefined) };
  facts.before = await balanceNow(facts.user);
  facts.isUnready = missing > 0n && facts.before?.balance !== stageBalance;
  if (facts.isUnready) throw new Error("the user could not get the money");
  return facts;
}

// othersOf counts the changes to a step's user that the step's own calls don't explain. It
// assumes that each call without an answer made one change.
export async function othersOf({ user, credit, calls = [], entries = [], entry, hold, debit, ...read }) {
  const answer = await look(historyOf(user, 100));
  if (!answer?.body.data) return undefined;
  const own = [credit, ...calls.map((one) => one.entry), ...entries, entry, hold, debit].filter(Boolean);
  const known = new Set(own.map((one) => one.answer?.body.data?.id ?? one.answer?.body.id));
  const idOf = ({ type, id, transactionId }) => (type === "void" || type === "capture" ? id : transactionId ?? id);
  const strange = new Set(answer.body.data.map(idOf).filter((id) => !known.has(id)));
  const isLent = [read.freed, read.after].some((funds) => funds?.creditLimit);
  return Math.max(0, strange.size - own.filter((one) => !one.answer).length) + isLent;
}

// balanceNow reads a balance. It resolves to undefined if that fails.
async function balanceNow(user) {
  const { answer } = await made(balanceOf(user), user, { show: false });
  return answer?.body.data?.balance ? answer.body.data : undefined;
}
