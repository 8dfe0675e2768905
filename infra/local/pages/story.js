// The story plays all steps one after another, or a single step. Each step has its own user
// and shows its own last run, so that runs at the same time can't mix.

import { othersSoFar } from "./calls.js";
import { at, copyOf, element } from "./dom.js";
import { showEntry } from "./log.js";
import { sentenceOf } from "./sentences.js";
import { othersOf, stageBalance, steps } from "./steps.js";
import { money } from "./words.js";

const readFor = 2500; // milliseconds, between two steps of the story
const still = matchMedia("(prefers-reduced-motion: reduce)");
const cards = [];
let playing; // the AbortController of the story while the story plays

// prepareStory adds the steps to the page and connects the button that plays the story.
export function prepareStory() {
  at("stage-balance").textContent = money(stageBalance);
  cards.push(...steps.map(newCard));
  at("steps").append(...cards.map(({ item }) => item));
  at("stage").append(...cards.map(({ form }) => form));
  at("play").onclick = () => (playing ? stop() : playStory());
  choose(cards[0]);
}

// A card is a step with its elements: an item in the list and a form on the stage.
function newCard(step, i) {
  const [item, form] = [copyOf("pick"), copyOf("step")];
  const [pick, result] = item.children;
  const part = (name) => form.querySelector(`.${name}`);
  const card = { step, item, pick, result, form, title: part("step-title"), drawing: part("drawing"), fields: part("fields"), sum: part("sum"), run: part("run"), requests: part("requests"), user: part("user"), facts: {} };
  form.id = `step-${i + 1}`;
  form.setAttribute("aria-labelledby", card.title.id = `${form.id}-title`);
  pick.setAttribute("aria-controls", form.id);
  part("about").textContent = step.about;
  card.fields.append(...step.fields.map((field) => control(field, form.id)));
  writeTitle(card);
  form.oninput = () => reset(card);
  form.onsubmit = (event) => {
    event.preventDefault();
    stop();
    if (isValid(card)) play(card);
  };
  card.requests.onclick = () => showEntry(lastOf(card.facts));
  pick.onclick = () => {
    stop();
    choose(card);
  };
  new ResizeObserver(() => { if (card.drawing.clientWidth !== card.width) draw(card); }).observe(card.drawing);
  return card;
}

function control({ label, options, ...field }, form) {
  const id = `${form}-${field.name}`;
  const input = options
    ? element("select", { id, ...field }, ...Object.entries(options).map(([value, text]) => element("option", { value }, text)))
    : element("input", { id, required: true, ...field });
  input.autocomplete = "off";
  return element("div", {}, element("label", { htmlFor: id }, label), input);
}

const valuesOf = ({ form }) => Object.fromEntries(new FormData(form));

function writeTitle(card) {
  const values = valuesOf(card);
  for (const { name, value } of card.step.fields) values[name] ||= value; // an empty field counts as its default
  const title = card.step.title(values);
  for (const place of [card.title, card.pick]) place.replaceChildren(...element("p", {}, title).childNodes);
}

// isValid reports whether the browser accepts a step's fields, and shows the first invalid
// one. The ledger checks everything else.
function isValid({ form }) {
  if (form.checkValidity()) return true;
  form.querySelector("details").open = true;
  form.reportValidity();
  return false;
}

// reset clears the last run of a step, because the step's fields have changed since.
function reset(card) {
  Object.assign(card, { facts: {}, came: undefined });
  writeTitle(card);
  writeState(card);
  draw(card);
}

function choose(chosen) {
  for (const card of cards) {
    card.form.hidden = card !== chosen;
    if (card === chosen) card.pick.setAttribute("aria-current", "step");
    else card.pick.removeAttribute("aria-current");
  }
}

async function playStory() {
  const story = playing = new AbortController();
  writePlay();
  if (at("stage").getBoundingClientRect().top > innerHeight / 2) at("play").scrollIntoView({ behavior: still.matches ? "auto" : "smooth" });
  try {
    for (const card of cards) {
      choose(card);
      if (!isValid(card)) break;
      await play(card, story.signal);
      await rest(readFor, story.signal);
      if (story.signal.aborted) break;
    }
  } finally {
    if (playing === story) stop();
  }
}

function stop() {
  playing?.abort();
  playing = undefined;
  writePlay();
}

function writePlay() {
  at("play").textContent = playing ? "Stop" : cards.some(({ came }) => came) ? "Play it again" : "Play the story";
  at("play").className = playing ? "primary playing" : "primary";
}

// play runs a step and shows the result. It does not start a running step again.
function play(card, signal) {
  card.running ??= perform(card, signal).finally(() => {
    card.running = undefined;
    writeState(card);
  });
  return card.running;
}

async function perform(card, signal) {
  const values = valuesOf(card); // read now, because disabled fields have no values
  const facts = {};
  Object.assign(card, { facts, came: undefined, isBusy: true });
  writeState(card);
  draw(card);
  try {
    const others = othersSoFar();
    await card.step.run(facts, values, () => draw(card), signal).catch((error) => {
      if (!facts.isUnready) throw error;
    });
    facts.others = await othersOf(facts);
    facts.isElsewhere = othersSoFar() > others;
    await reveal(card, signal);
    card.came = sentenceOf(card.step, facts);
  } finally {
    card.isBusy = false;
  }
}

// reveal draws what was recorded, in slow motion unless the person prefers reduced motion.
async function reveal(card, signal) {
  draw(card);
  const lasts = Number(card.drawing.firstElementChild?.dataset.lasts ?? 0);
  if (still.matches || !lasts) return;
  card.drawing.classList.add("playing");
  await rest(lasts, signal);
  card.drawing.classList.remove("playing");
}

// draw draws a step in the available width. It does nothing while the step is hidden.
function draw(card) {
  card.width = card.drawing.clientWidth;
  if (!card.width) return;
  const { isBusy, facts } = card;
  const isEmpty = !facts.calls && !facts.entries && !facts.entry && !facts.hold;
  card.drawing.replaceChildren(card.step.draw(facts, card.width),
    ...(isEmpty ? [element("p", { className: "idle" }, isBusy ? "Calling the ledger …" : "Not played yet")] : []));
}

// lastOf returns the last call of a step, or the first if its calls were concurrent.
const lastOf = ({ calls, entries, entry, hold, debit }) => calls?.at(-1).entry ?? entries?.[0] ?? entry ?? debit ?? hold;

function writeState({ item, form, fields, run, requests, user, sum, result, facts, came, isBusy = false }) {
  form.ariaBusy = String(isBusy);
  fields.disabled = isBusy;
  run.textContent = isBusy ? "Playing …" : came ? "Play again" : "Play this step";
  item.className = isBusy ? "busy" : came?.kind ?? "";
  requests.hidden = !lastOf(facts);
  user.hidden = !facts.user;
  if (facts.user) user.href = `/?${new URLSearchParams({ userId: facts.user })}`;
  form.dataset.came = came?.kind ?? "";
  for (const place of [sum, result]) place.replaceChildren(...(came ? element("p", {}, came.text).childNodes : []));
}

// rest waits for the given time, or until the story is stopped.
function rest(milliseconds, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", resolve);
  });
}
