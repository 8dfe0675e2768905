// The reference is Swagger UI, and what it leaves out: a new key for each visit,
// names for its menus, and buttons without links in them.

import { newName } from "./calls.js";

// withNewKey puts a new key before the examples of the document, whose keys may
// have been used.
function withNewKey(document) {
  for (const { post } of Object.values(document.paths ?? {})) {
    const key = post?.parameters?.find(({ name }) => name === "Idempotent-Key");
    if (key) key.examples = { "a new key": { value: newName("try") }, ...key.examples };
  }
  return document;
}

const newKeys = () => ({
  statePlugins: { spec: { wrapActions: { updateJsonSpec: (update) => (document) => update(withNewKey(document)) } } },
});

function mend() {
  for (const menu of document.querySelectorAll("select:not([aria-label])")) {
    menu.ariaLabel = menu.id === "servers" ? "Server" : "Example";
  }
  for (const area of document.querySelectorAll("textarea:not([aria-label])")) area.ariaLabel = "Body";
  for (const link of document.querySelectorAll("button a[href]")) {
    link.removeAttribute("href");
    link.role = "none";
  }
}

new MutationObserver(mend).observe(document.getElementById("reference"), { childList: true, subtree: true });
SwaggerUIBundle({
  url: "/openapi.yaml",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  plugins: [newKeys],
});
