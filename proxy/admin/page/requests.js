// Requests in flight: how far each is, and the end of it where somebody wants that.

import { change } from "./api.js";
import { badge, element, KeyedList, mark, show, write } from "./dom.js";
import { count, moment, rough, size, span } from "./format.js";

const SMOOTH = 0.4;
const YOUNG = 1;

export class Requests {
  constructor(section, act) {
    this.none = section.querySelector(".none");
    this.number = section.querySelector("h2 small");
    const options = { key: keyOf, make: () => new RequestRow(act), fallback: section.querySelector("h2") };
    this.rows = new KeyedList(section.querySelector(".rows"), options);
  }

  update(state) {
    // What ends within a second comes and goes faster than anybody reads, let alone acts.
    const shown = state.requests.filter((request) => request.age >= YOUNG);
    // Several may bear one name; then their order tells them apart, as well as it can be.
    const met = new Map();
    for (const request of shown) {
      request.place = met.get(request.id) ?? 0;
      request.at = state.at;
      met.set(request.id, request.place + 1);
    }
    this.rows.update(shown);
    show(this.none, shown.length === 0);
    const more = state.in_flight - shown.length;
    const why = shown.length < state.requests.length ? "younger than a second" : "younger than these";
    write(this.number, more > 0 ? `and ${count(more)} ${why}` : "");
    write(this.none, more > 0 ? "Nothing that takes longer." : "Nothing is in flight.");
  }
}

const keyOf = (request) => `${request.place} ${request.id}`;

class RequestRow {
  constructor(act) {
    this.method = element("strong");
    this.path = element("span", { class: "path" });
    this.stage = element("span", { class: "badge" });
    this.facts = element("p", { class: "quiet" });
    this.up = new Transfer("up");
    this.down = new Transfer("down");
    this.cancel = element("button", { type: "button", text: "Cancel", onclick: () => this.#cancel(act) });
    const head = element("div", { class: "head" }, element("h3", {}, this.method, " ", this.path), this.stage);
    const bars = element("div", { class: "bars" }, this.up.root, this.down.root);
    this.root = element("li", { class: "request" }, head, this.facts, bars, element("p", { class: "buttons" }, this.cancel));
  }

  update(request) {
    this.request = request;
    write(this.method, request.method);
    write(this.path, request.path);
    mark(this.path, "title", request.path);
    badge(this.stage, request.stage.replaceAll("_", " "), request.error ? "bad" : "");
    const told = [request.upstream || "no upstream", moment(request.age)];
    if (request.attempt > 1) told.push(`attempt ${request.attempt}`);
    if (request.status) told.push(`status ${request.status}`);
    if (request.caller) told.push(`from ${request.caller}`);
    write(this.facts, [...told, request.id].join(" · "));
    this.up.update(request.at, request.bytes_up, request.bytes_up_total, request.bytes_up_total !== 0);
    this.down.update(request.at, request.bytes_down, request.bytes_down_total, request.status !== null);
    mark(this.cancel, "aria-label", `Cancel ${request.method} ${request.path}, request ${request.id}`);
  }

  #cancel(act) {
    const { id, method, path } = this.request;
    act(`Cancelling ${method} ${path}`, async () => {
      await change("DELETE", `/api/requests/${encodeURIComponent(id)}`);
      return `${method} ${path} was cancelled.`;
    });
  }
}

/** Bytes that go one way. */
class Transfer {
  constructor(way) {
    this.way = way;
    this.said = element("span", { class: "now" });
    this.bar = element("progress", { max: 1, value: 0 });
    this.root = element("div", { class: `transfer ${way}` }, element("p", {}, element("span", { class: "title", text: way }), this.said), this.bar);
    this.rate = null;
    this.before = null;
  }

  update(at, bytes, total, begun) {
    show(this.root, begun);
    this.#measure(at, bytes);
    const going = total === null || bytes < total;
    const told = [total === null ? size(bytes) : `${size(bytes)} of ${size(total)}`];
    if (going && this.rate > 0) {
      told.push(`${size(Math.round(this.rate))}/s`);
      if (total !== null) told.push(`${span((total - bytes) / this.rate)} left`);
    }
    write(this.said, told.join(" · "));
    show(this.bar, Boolean(total));
    if (!total) return;
    const share = Math.min(1, bytes / total);
    if (this.bar.value !== share) this.bar.value = share;
    mark(this.bar, "aria-label", `Bytes ${this.way}, ${rough(share * 100)} percent`);
  }

  #measure(at, bytes) {
    if (this.before && at > this.before.at) {
      const rate = (bytes - this.before.bytes) / (at - this.before.at);
      this.rate = this.rate === null ? rate : this.rate + SMOOTH * (rate - this.rate);
    }
    this.before = { at, bytes };
  }
}
