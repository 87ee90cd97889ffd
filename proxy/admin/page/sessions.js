// The sessions: how long each is good for, and what can be done about it.

import { change } from "./api.js";
import { confirmed, installed } from "./dialogs.js";
import { badge, element, KeyedList, mark, show, write } from "./dom.js";
import { clock, count, countdown, plural } from "./format.js";

const FIXED = "fixed";
const STATES = {
  valid: ["valid", "good"],
  renewing: ["renewing", "good"],
  cooling: ["trying again soon", "warn"],
  empty: ["not asked for yet", ""],
  expired: ["over", "bad"],
};
const SOON = 60;

const pathOf = (profile, verb) => `/api/profiles/${encodeURIComponent(profile.name)}/${verb}`;

/** Whether nothing that the daemon does by itself brings the session back. */
const isOver = (profile) => profile.state === "expired" || (profile.wants_login && profile.state === "empty");

export class Sessions {
  /** `act(deed)` runs a change and tells what came of it. */
  constructor(section, act) {
    this.none = section.querySelector(".none");
    this.fixed = section.querySelector(".fixed");
    const make = () => new SessionRow(act, (profile) => this.at(profile));
    const options = { key: (profile) => profile.name, make, fallback: section.querySelector("h2") };
    this.rows = new KeyedList(section.querySelector(".rows"), options);
  }

  update(state) {
    this.now = state.at;
    const sessions = state.profiles.filter((profile) => profile.state !== FIXED);
    const fixed = state.profiles.filter((profile) => profile.state === FIXED);
    this.rows.update(sessions);
    show(this.none, sessions.length === 0);
    show(this.fixed, fixed.length > 0);
    const told = fixed.map(({ name, unusable }) => (unusable ? `${name} (${unusable})` : name));
    write(this.fixed, `Fixed credentials: ${told.join(", ")}`);
    this.fixed.classList.toggle("wrong", fixed.some((profile) => profile.unusable));
    return sessions;
  }

  at(profile) {
    return profile.expires_at - this.now;
  }
}

export function summary(sessions) {
  const over = sessions.filter(isOver).length;
  const good = sessions.filter((profile) => ["valid", "renewing"].includes(profile.state)).length;
  if (over) return [`${plural(over, "is", "are")} over`, "bad"];
  return [`${good} of ${sessions.length} valid`, ""];
}

class SessionRow {
  constructor(act, left) {
    this.act = act;
    this.left = left;
    this.name = element("h3");
    this.state = element("span");
    this.ends = element("p", { class: "countdown" });
    this.uses = element("p", { class: "quiet" });
    this.advice = element("p", { class: "advice" });
    this.problem = element("p", { class: "wrong" });
    this.refresh = element("button", { type: "button", text: "Refresh", onclick: () => this.#refresh() });
    this.install = element("button", { type: "button", text: "Install token…", onclick: () => this.#install() });
    this.terminate = element("button", { type: "button", text: "Terminate…", class: "danger", onclick: () => this.#terminate() });
    const head = element("div", { class: "head" }, this.name, this.state, this.ends);
    const buttons = element("p", { class: "buttons" }, this.refresh, this.install, this.terminate);
    this.root = element("li", { class: "session" }, head, this.uses, this.problem, this.advice, buttons);
  }

  update(profile) {
    this.profile = profile;
    const over = isOver(profile);
    write(this.name, profile.name);
    badge(this.state, ...(over ? STATES.expired : (STATES[profile.state] ?? [profile.state, ""])));
    const left = profile.expires_at === null ? null : this.left(profile);
    const ends = left === null || left <= 0 ? "" : countdown(left);
    write(this.ends, ends);
    mark(this.ends, "title", ends && `until ${clock(profile.expires_at)}`);
    this.ends.classList.toggle("soon", left !== null && left < SOON);
    const { success = 0, shared = 0, transient = 0, terminal = 0 } = profile.refreshes;
    const told = [profile.type];
    if (profile.upstreams.length) told.push(`for ${profile.upstreams.join(", ")}`);
    if (success + shared) told.push(plural(success + shared, "renewal"));
    if (transient + terminal) told.push(`${count(transient + terminal)} failed`);
    if (profile.in_flight) told.push(`${count(profile.in_flight)} in flight`);
    write(this.uses, told.join(" · "));
    const problem = profile.unusable ?? profile.problem ?? "";
    write(this.problem, problem);
    show(this.problem, problem !== "");
    show(this.advice, over);
    if (over) this.#advise(profile);
    for (const [button, verb] of [[this.refresh, "Refresh"], [this.install, "Install a token for"], [this.terminate, "Terminate"]]) {
      mark(button, "aria-label", `${verb} ${profile.name}`);
    }
    // A button that has just been used keeps the focus: it is not disabled but says that there is nothing to do.
    mark(this.refresh, "aria-disabled", over ? "true" : null);
    mark(this.terminate, "aria-disabled", over ? "true" : null);
  }

  #advise({ name, wants_login: login }) {
    const text = login ? `outrider login ${name}` : "";
    if (this.advised === text) return;
    this.advised = text;
    if (login) {
      this.advice.replaceChildren("A person begins it: ", element("code", { text }), ", or install a token here.");
    } else {
      this.advice.replaceChildren("It comes back with new credentials where the file says they are, or a token installed here.");
    }
  }

  #refresh() {
    const { name } = this.profile;
    if (this.refresh.getAttribute("aria-disabled")) return;
    this.act(`Refreshing ${name}`, async () => {
      await change("POST", pathOf(this.profile, "refresh"));
      return `${name} was refreshed.`;
    });
  }

  async #terminate() {
    const { name, in_flight: pending } = this.profile;
    if (this.terminate.getAttribute("aria-disabled")) return;
    const cancelled = pending ? ` ${plural(pending, "request")} in flight would be cancelled.` : "";
    const yes = await confirmed({
      title: `Terminate the session ${name}?`,
      text: `Its tokens are cleared everywhere.${cancelled} Requests are refused until it is begun anew.`,
      no: "Keep it",
      yes: "Terminate",
    });
    if (!yes) return;
    await this.act(`Terminating ${name}`, async () => {
      const { cancelled, said } = await change("POST", pathOf(this.profile, "terminate"));
      return `${name} was terminated; ${plural(cancelled, "request was", "requests were")} cancelled. ${said}`.trim();
    });
  }

  #install() {
    const profile = this.profile;
    installed(`Install a token for ${profile.name}`, async (tokens) => {
      await change("POST", pathOf(profile, "session"), tokens);
      await this.act(`Installing a token for ${profile.name}`, async () => `${profile.name} has a new session.`);
    });
  }
}
