// Short names for the document's methods.

export const at = (id) => document.getElementById(id);

// element makes an element with these properties and children.
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.flatMap((child) => (typeof child === "string" ? isolated(child) : [child])));
  return made;
}

// isolated makes nodes of a text. A name between U+2068 and U+2069 becomes a <bdi>, so
// that its letters turn no other text around.
export const isolated = (text) =>
  text.split(/\u2068([^\u2069]*)\u2069/).map((part, i) => (i % 2 ? Object.assign(document.createElement("bdi"), { textContent: part }) : part));

// groups makes nodes of a sum, which breaks into lines between its groups of digits only.
export const groups = (text) => text.split(/(?<=,)/).flatMap((part, i) => (i ? [element("wbr"), part] : [part]));

// copyOf makes a copy of a template's content.
export const copyOf = (template) => at(template).content.firstElementChild.cloneNode(true);

export const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
