// A card for each upstream: how much, how fast, how well, and what holds it back.

import { Chart } from "./chart.js";
import { badge, element, KeyedList, mark, show, write } from "./dom.js";
import { count, moment, plural, rough, size } from "./format.js";
import { History } from "./history.js";

const CIRCUITS = { closed: ["circuit closed", "good"], half_open: ["circuit probing", "warn"], open: ["circuit open", "bad"] };
const NOWHERE = "-";
const FULL = 0.9;

const named = (upstream) => (upstream.name === NOWHERE ? "no upstream" : upstream.name);

export class Upstreams {
  constructor(section) {
    this.histories = new Map();
    const heading = section.querySelector("h2");
    const key = (upstream) => upstream.name;
    this.cards = new KeyedList(section.querySelector(".cards"), { key, make: () => new Card(this), fallback: heading });
    this.idle = new KeyedList(section.querySelector(".idle"), { key, make: () => new IdleRow(), fallback: heading });
  }

  /** A daemon that was started again has another past. */
  forget() {
    this.histories.clear();
  }

  update(state) {
    this.at = state.at;
    for (const upstream of state.upstreams) {
      if (!this.histories.has(upstream.name)) this.histories.set(upstream.name, new History());
      this.histories.get(upstream.name).add(state.at, upstream, state.latency_bounds);
    }
    const busy = (upstream) => upstream.requests > 0 || upstream.in_flight > 0;
    this.cards.update(state.upstreams.filter(busy));
    this.idle.update(state.upstreams.filter((upstream) => !busy(upstream) && upstream.name !== NOWHERE));
  }

  /** Of all upstreams together, now. */
  total(name) {
    return [...this.histories.values()].reduce((sum, history) => sum + (history.last?.[name] ?? 0), 0);
  }
}

class IdleRow {
  constructor() {
    this.name = element("strong");
    this.url = element("span", { class: "url" });
    this.root = element("li", {}, this.name, this.url, element("span", { class: "quiet", text: "no request yet" }));
  }

  update(upstream) {
    write(this.name, named(upstream));
    write(this.url, upstream.url);
  }
}

class Card {
  constructor(upstreams) {
    this.upstreams = upstreams;
    this.name = element("h3");
    this.circuit = element("span");
    this.url = element("p", { class: "url" });
    const perSecond = (value) => `${rough(value)}/s`;
    this.rate = new Chart("Requests", ["rate"], { tone: "calm", least: 1, unit: perSecond });
    this.latency = new Chart("Latency", ["middle", "tail"], { tone: "cool", least: 0.002, unit: moment });
    this.failing = new Chart("Errors", ["failing"], { tone: "hot", least: 1, unit: perSecond });
    this.facts = element("p", { class: "quiet" });
    this.gauges = new KeyedList(element("div", { class: "gauges" }), { key: (gauge) => gauge.name, make: () => new Gauge() });
    const charts = element("div", { class: "charts" }, this.rate.root, this.latency.root, this.failing.root);
    const head = element("div", { class: "head" }, this.name, this.circuit);
    this.root = element("li", { class: "card" }, head, this.url, charts, this.gauges.container, this.facts);
  }

  update(upstream) {
    const { at, histories } = this.upstreams;
    const history = histories.get(upstream.name);
    const now = history.last;
    write(this.name, named(upstream));
    write(this.url, upstream.url || "requests that Outrider refused at its door");
    show(this.circuit, upstream.circuit !== null);
    if (upstream.circuit !== null) badge(this.circuit, ...CIRCUITS[upstream.circuit]);
    this.rate.update(history, at, now ? `${rough(now.rate)}/s` : "…");
    const latency = now && now.middle !== null ? `${moment(now.middle)}, p99 ${moment(now.tail)}` : "…";
    this.latency.update(history, at, latency);
    this.failing.update(history, at, now ? `${rough(now.failing)}/s` : "…");
    const gauges = [...limits(upstream)];
    this.gauges.update(gauges);
    show(this.gauges.container, gauges.length > 0);
    write(this.facts, facts(upstream, now).join(" · "));
  }
}

function facts(upstream, now) {
  const found = [plural(upstream.requests, "request")];
  const retries = Object.values(upstream.retries).reduce((sum, number) => sum + number, 0);
  if (upstream.in_flight) found.push(`${count(upstream.in_flight)} in flight`);
  if (upstream.failed) found.push(`${count(upstream.failed)} failed`);
  if (retries) found.push(plural(retries, "retry", "retries"));
  if (upstream.coalesced) found.push(`${count(upstream.coalesced)} shared`);
  if (upstream.rate_limited) found.push(`${count(upstream.rate_limited)} over the limit`);
  if (now && now.up >= 1) found.push(`${size(Math.round(now.up))}/s up`);
  if (now && now.down >= 1) found.push(`${size(Math.round(now.down))}/s down`);
  if (upstream.profile && upstream.profile !== "none") found.push(`as ${upstream.profile}`);
  return found;
}

function* limits(upstream) {
  const { concurrency, rate_limits: rates, rate_waiting: waiting, quota_remaining: left, quota_limit: quota } = upstream;
  if (concurrency) {
    const { limit, in_use: used, waiting: queued } = concurrency;
    yield { name: "Calls at once", used, limit, said: `${used} of ${limit}${queued ? `, ${queued} waiting` : ""}` };
  }
  for (const [place, { rate, burst, room }] of rates.entries()) {
    const said = `${room} of ${burst} free${waiting && !place ? `, ${waiting} waiting` : ""}`;
    yield { name: `Limit ${rate}`, used: burst - room, limit: burst, said };
  }
  if (left !== null) {
    const known = quota !== null && quota >= left;
    const said = known ? `${count(left)} of ${count(quota)} left` : `${count(left)} left`;
    yield { name: "Quota", used: known ? quota - left : null, limit: quota, said };
  }
}

class Gauge {
  constructor() {
    this.name = element("span", { class: "title" });
    this.said = element("span", { class: "now" });
    this.bar = element("span", { class: "bar" });
    this.meter = element("span", { class: "meter", role: "meter", "aria-valuemin": 0 }, this.bar);
    this.root = element("div", { class: "gauge" }, element("p", {}, this.name, this.said), this.meter);
  }

  update({ name, used, limit, said }) {
    write(this.name, name);
    write(this.said, said);
    show(this.meter, used !== null);
    if (used === null) return;
    mark(this.meter, "aria-label", name);
    mark(this.meter, "aria-valuemax", limit);
    mark(this.meter, "aria-valuenow", Math.min(used, limit));
    mark(this.meter, "aria-valuetext", said);
    this.meter.classList.toggle("full", used >= FULL * limit);
    this.bar.style.width = `${limit ? Math.min(100, (100 * used) / limit) : 0}%`;
  }
}
