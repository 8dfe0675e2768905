// Helpers for working with the page's elements.

export const at = (id) => document.getElementById(id);

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.flatMap((child) => (typeof child === "string" ? isolated(child) : [child])));
  return made;
}

// isolated turns text into nodes. A name between U+2068 and U+2069 becomes a <bdi>, so that
// right-to-left letters in it don't reorder the text around it.
export const isolated = (text) =>
  text.split(/\u2068([^\u2069]*)\u2069/).map((part, i) => (i % 2 ? Object.assign(document.createElement("bdi"), { textContent: part }) : part));

// groups turns an amount into nodes that wrap only between groups of digits.
export const groups = (text) => text.split(/(?<=,)/).flatMap((part, i) => (i ? [element("wbr"), part] : [part]));

export const copyOf = (template) => at(template).content.firstElementChild.cloneNode(true);

export const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
