// Making and keeping elements. Text goes in as text only: nothing here, or anywhere on the page, parses markup.

const SVG = "http://www.w3.org/2000/svg";

/** `element("p", {class: "x", text: "…"}, child, …)`; an `on…` property is a listener, null and false are left out. */
export function element(name, properties = {}, ...children) {
  return furnish(document.createElement(name), properties, children);
}

export function drawing(name, properties = {}, ...children) {
  return furnish(document.createElementNS(SVG, name), properties, children);
}

function furnish(made, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Only what differs is written: an unchanged page costs no layout and disturbs nobody who reads it out. */
export function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export function mark(target, name, value) {
  if (value === null || value === undefined || value === false) target.removeAttribute(name);
  else if (target.getAttribute(name) !== String(value)) target.setAttribute(name, value);
}

export function show(target, shown) {
  if (target.hidden === shown) target.hidden = !shown;
}

export function badge(target, text, tone = "") {
  write(target, text);
  const wanted = tone ? `badge ${tone}` : "badge";
  if (target.className !== wanted) target.className = wanted;
}

/**
 * A list that is kept like `items`: `make(item)` gives `{root, update(item)}`, once for each `key(item)`. Elements stay
 * where they are, and so do the focus and what is selected; where the focused one goes, the next one takes the focus.
 */
export class KeyedList {
  constructor(container, { key, make, fallback }) {
    this.container = container;
    this.key = key;
    this.make = make;
    this.fallback = fallback;
    this.parts = new Map();
  }

  update(items) {
    const wanted = new Set(items.map(this.key));
    for (const [key, part] of this.parts) {
      if (!wanted.has(key)) this.#remove(key, part);
    }
    let place = this.container.firstElementChild;
    for (const item of items) {
      const key = this.key(item);
      let part = this.parts.get(key);
      if (!part) {
        part = this.make(item);
        this.parts.set(key, part);
      }
      part.update(item);
      if (part.root === place) place = place.nextElementSibling;
      else this.container.insertBefore(part.root, place);
    }
  }

  #remove(key, part) {
    const focused = part.root.contains(document.activeElement);
    const next = part.root.nextElementSibling ?? part.root.previousElementSibling;
    part.root.remove();
    this.parts.delete(key);
    if (focused) (next?.querySelector("button:not([disabled])") ?? this.fallback)?.focus();
  }
}
