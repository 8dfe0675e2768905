// Shows the reference with Scalar. It puts new keys and, unless the tables are remote, the
// ids of existing transactions into the examples, so that this server accepts them.

import { newName, posting, send } from "./calls.js";
import { remote } from "./settings.js";

const user = newName("try");

// posted posts a transaction for the new user, and returns its id.
async function posted(body) {
  const answer = await send(posting(newName("docs"), { userId: user, ...body }));
  return answer.body.data?.id;
}

// made posts the transactions that the examples need, and returns their ids by operation.
async function made() {
  const credit = await posted({ type: "credit", ammount: "100" });
  const hold = { type: "debit", ammount: "40", expiresIn: 86400 };
  return {
    readTransaction: credit, readRefunds: credit, refundTransaction: credit,
    captureTransaction: await posted(hold), voidTransaction: await posted(hold),
  };
}

// runnable puts this server's URL, new keys and the given ids into the API's description.
function runnable(description, ids) {
  for (const item of Object.values(description.paths)) {
    for (const operation of [item.get, item.post].filter(Boolean)) {
      operation.parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((parameter) => {
        const { $ref, ...own } = parameter;
        const whole = $ref ? description.components.parameters[$ref.split("/").at(-1)] : own;
        if (whole.in === "path") return { ...whole, example: ids[operation.operationId] ?? whole.example };
        if (whole.in === "header") return { ...whole, examples: undefined, example: newName("try") };
        return whole;
      });
    }
    delete item.parameters;
  }
  description.servers[0].url = location.origin;
  delete description.components.schemas.Cursor.examples; // Scalar would send this cursor, which another ledger issued
  return description;
}

// mend corrects the ARIA roles and names in Scalar's dialogs, and makes them scrollable by
// keyboard.
function mend() {
  for (const button of document.querySelectorAll("button[role=none]")) button.removeAttribute("role");
  for (const button of document.querySelectorAll("[role=dialog] button[aria-label='Copy code']")) button.removeAttribute("aria-controls");
  for (const field of document.querySelectorAll("[role=combobox]:not([aria-expanded])")) field.ariaExpanded = "false";
  for (const area of document.querySelectorAll("[role=dialog] > .overflow-auto, .cm-scroller:has([contenteditable=false])")) area.tabIndex = 0;
  for (const editor of document.querySelectorAll(".cm-content:not([aria-label])")) editor.ariaLabel = "Body";
}

new MutationObserver(mend).observe(document.getElementById("reference"), { childList: true, subtree: true });
globalThis.__zod_globalConfig = { jitless: true }; // otherwise Zod would compile strings into functions, which the Content-Security-Policy forbids
await import("/docs/scalar.js");
const description = await (await fetch("/docs/openapi.json")).json();
const ids = remote ? {} : await made();
document.getElementById("made").textContent = remote
  ? "Each key is new. Replace the ids with ids from your ledger: its tables are on another machine, so this page posts nothing by itself."
  : `Every example runs: each key is new, and the ids name a credit and two holds that this page has posted for user ${user}.`;
Scalar.createApiReference("#reference", {
  content: runnable(description, ids),
  agent: { disabled: true },
  mcp: { disabled: true },
  telemetry: false,
  withDefaultFonts: false,
  showDeveloperTools: "never",
  hideClientButton: true,
  hideDarkModeToggle: true,
  documentDownloadType: "none",
  defaultOpenAllTags: true,
  hideModels: true,
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
  featuredClients: ["shell/curl", "go/native", "python/python3", "js/fetch"],
  setPageTitle: () => document.title,
});
