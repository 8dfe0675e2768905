// Short names for what every part of the page does with the document.

export const at = (id) => document.getElementById(id);

// element makes an element with these properties and children.
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// copyOf makes a copy of what a template holds.
export const copyOf = (template) => at(template).content.firstElementChild.cloneNode(true);

export const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
