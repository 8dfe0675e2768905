// The console: three views under one header. The address names the open view, so that
// reload, back, forward and links work. / is the story, /?userId=U is an account, and #wire
// is the wire view.

import { again, prepareAccount, refresh, showAccount } from "./account.js";
import { whenAnother } from "./calls.js";
import { at } from "./dom.js";
import { prepare } from "./log.js";
import { prepareStory } from "./story.js";
import { addressOf } from "./transaction.js";
import { otherLedger, visible } from "./words.js";

const views = ["story", "account", "wire"];
let account = { userId: "1" }; // the account that was open last

const addresses = {
  story: () => "/",
  account: () => addressOf(account.userId, account.transaction),
  wire: () => `${location.pathname}${location.search}#wire`,
};

const isOpen = (view) => !at(view).hidden;

function viewHere() {
  if (location.hash === "#wire") return "wire";
  return new URLSearchParams(location.search).has("userId") ? "account" : "story";
}

// showAddress shows the view that the address names.
function showAddress() {
  const parameters = new URLSearchParams(location.search);
  if (parameters.has("userId")) account = { userId: parameters.get("userId"), transaction: parameters.get("transaction") };
  const here = viewHere();
  for (const view of views) {
    at(view).hidden = view !== here;
    const tab = at(`${view}-tab`);
    tab.ariaSelected = String(view === here);
    tab.tabIndex = view === here ? 0 : -1;
  }
  document.title = { story: "onewrite: money moves once", account: `${visible(account.userId)}: onewrite`, wire: "Wire: onewrite" }[here];
  return here === "account" ? showAccount(account.userId, account.transaction) : undefined;
}

function go(address) {
  if (address !== location.pathname + location.search + location.hash) history.pushState(null, "", address);
  return showAddress();
}

// moveTab switches the tabs with the arrow keys, Home and End.
function moveTab(event) {
  const place = views.findIndex((view) => event.target.id === `${view}-tab`);
  const to = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: views.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const view = views.at(to % views.length);
  at(`${view}-tab`).focus();
  go(addresses[view]());
}

// follow opens a link to a view without loading the page again, which would lose the log.
function follow(event) {
  const link = event.target.closest('a[href^="/?"], a[href="/"], a[href="#wire"]');
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const address = link.getAttribute("href");
  go(address === "#wire" ? addresses.wire() : address);
  if (!link.checkVisibility()) at(`${viewHere()}-tab`).focus();
  scrollTo(0, 0);
}

for (const view of views) {
  at(`${view}-tab`).onclick = () => go(addresses[view]());
  at(`${view}-tab`).onkeydown = moveTab;
}
document.addEventListener("click", follow);
addEventListener("popstate", showAddress);
addEventListener("pageshow", ({ persisted }) => { if (persisted && isOpen("account")) refresh(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden && isOpen("account")) refresh(); });

whenAnother((isOther) => {
  at("other-note").textContent = otherLedger;
  at("other").hidden = !isOther;
});
prepare(again);
prepareAccount((userId, transaction) => go(addressOf(userId, transaction)));
prepareStory();
showAddress();
document.querySelector("main").hidden = false; // shown only when complete, so that nothing moves while a person reads
