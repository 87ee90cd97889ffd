// What Outrider answered itself, newest first; the same one over and over is one line.

import { badge, element, KeyedList, mark, show, write } from "./dom.js";
import { clock, count } from "./format.js";

const FEW = 6;

export class Errors {
  constructor(section) {
    this.none = section.querySelector(".none");
    this.more = section.querySelector(".more");
    this.all = false;
    const options = { key: (group) => group.key, make: () => new ErrorRow(), fallback: section.querySelector("h2") };
    this.rows = new KeyedList(section.querySelector(".rows"), options);
    this.more.addEventListener("click", () => {
      this.all = !this.all;
      this.#draw();
    });
  }

  update(state) {
    this.groups = grouped(state.errors);
    this.#draw();
  }

  #draw() {
    this.rows.update(this.all ? this.groups : this.groups.slice(0, FEW));
    show(this.none, this.groups.length === 0);
    show(this.more, this.groups.length > FEW);
    write(this.more, this.all ? "Show fewer" : `Show all ${this.groups.length}`);
    mark(this.more, "aria-expanded", String(this.all));
  }
}

function grouped(errors) {
  const groups = [];
  for (const error of errors) {
    const last = groups.at(-1);
    if (last && last.error.code === error.code && last.error.upstream === error.upstream && last.error.detail === error.detail) {
      last.number += 1;
      last.key = error.id;
    } else {
      groups.push({ key: error.id, error, number: 1 });
    }
  }
  return groups;
}

class ErrorRow {
  constructor() {
    this.time = element("time");
    this.code = element("h3");
    this.stage = element("span", { class: "badge" });
    this.detail = element("p");
    this.facts = element("p", { class: "quiet" });
    const head = element("div", { class: "head" }, this.code, this.stage, this.time);
    this.root = element("li", { class: "error" }, head, this.detail, this.facts);
  }

  update({ error, number }) {
    write(this.time, clock(error.at));
    mark(this.time, "datetime", new Date(error.at * 1000).toISOString());
    write(this.code, number > 1 ? `${error.code} × ${count(number)}` : error.code);
    badge(this.stage, `by ${error.stage.replaceAll("_", " ")}`, "");
    write(this.detail, error.detail);
    write(this.facts, [`status ${error.status}`, error.upstream ?? "no upstream", error.request_id].join(" · "));
  }
}
