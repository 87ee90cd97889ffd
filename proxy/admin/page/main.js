// The status page: asks for the state once a second while somebody looks, and hands it to the parts.

import { Gone, look, Refused, token, TokenWanted } from "./api.js";
import { tokenAsked } from "./dialogs.js";
import { badge, element, KeyedList, show, write } from "./dom.js";
import { Errors } from "./errors.js";
import { count, rough, span } from "./format.js";
import { Requests } from "./requests.js";
import { Sessions, summary } from "./sessions.js";
import { Upstreams } from "./upstreams.js";

const EVERY = 1000;
const SAID_FOR = 8000;
const PHASES = { ready: ["ready", "good"], starting: ["starting", "warn"], draining: ["draining", "warn"] };

const by = (id) => document.getElementById(id);
const parts = {
  upstreams: new Upstreams(by("upstreams")),
  requests: new Requests(by("requests"), act),
  sessions: new Sessions(by("sessions"), act),
  errors: new Errors(by("errors")),
};
const named = { key: ([name]) => name, make: () => new Fact() };
const tiles = new KeyedList(document.querySelector("#glance dl"), named);
const facts = new KeyedList(by("facts"), named);

let timer = 0;
let asking = null;
let startedAt = null;
let goneSince = null;

class Fact {
  constructor() {
    this.name = element("dt");
    this.value = element("dd");
    this.root = element("div", {}, this.name, this.value);
  }

  update([name, value, tone = ""]) {
    write(this.name, name);
    write(this.value, value);
    if (this.value.className !== tone) this.value.className = tone;
  }
}

function draw(state) {
  if (startedAt !== null && startedAt !== state.started_at) parts.upstreams.forget();
  startedAt = state.started_at;
  const [phase, tone] = PHASES[state.phase] ?? [state.phase, ""];
  const hindered = state.phase === "ready" && state.reasons.length > 0;
  badge(by("phase"), hindered ? "not ready" : phase, hindered ? "bad" : tone);
  trouble(hindered ? `Not ready: ${state.reasons.join("; ")}` : "");
  facts.update([
    ["version", state.build.version ?? ""],
    ["up for", span(state.uptime)],
    ["listens on", state.addresses.join(", ")],
  ]);
  parts.upstreams.update(state);
  parts.requests.update(state);
  parts.errors.update(state);
  const sessions = parts.sessions.update(state);
  const failing = parts.upstreams.total("failing");
  const [sessionsSaid, sessionsTone] = summary(sessions);
  tiles.update([
    ["Requests a second", rough(parts.upstreams.total("rate"))],
    ["In flight", `${count(state.in_flight)} of ${count(state.in_flight_limit)}`],
    ["Errors a second", rough(failing), failing > 0 ? "bad" : ""],
    ["Sessions", sessions.length ? sessionsSaid : "none", sessionsTone],
  ]);
  show(by("forget"), token.get() !== "");
}

function trouble(text, isGone = false) {
  const place = by("trouble");
  write(place, text);
  show(place, text !== "");
  document.documentElement.classList.toggle("gone", isGone);
}

/** One look. Never throws: what went wrong is on the page. */
async function update() {
  try {
    const state = await look("/api/state");
    goneSince = null;
    draw(state);
    return true;
  } catch (error) {
    if (error instanceof TokenWanted) wantToken();
    else if (error instanceof Gone) gone();
    else if (error instanceof Refused) trouble(error.message, true);
    else throw error;
    return !(error instanceof TokenWanted);
  }
}

function gone() {
  goneSince ??= Date.now();
  badge(by("phase"), "gone", "bad");
  // Told once, and not read out anew each second.
  const since = new Date(goneSince).toLocaleTimeString("en-GB");
  trouble(`The daemon at ${location.host} has not answered since ${since}. What stands here is old; this page goes on by itself when it is back.`, true);
}

function wantToken() {
  token.forget();
  badge(by("phase"), "locked", "warn");
  tokenAsked(async (given) => {
    token.keep(given);
    try {
      await look("/api/state");
    } catch (error) {
      token.forget();
      throw new Error(error instanceof TokenWanted ? "This is not the admin token." : error.message);
    }
    poll();
  });
}

/** Now, and then each second; nothing while nobody looks, or while the token is asked for. */
function poll() {
  clearTimeout(timer);
  if (document.hidden) return;
  asking ??= update().finally(() => (asking = null));
  asking.then((again) => {
    clearTimeout(timer);
    if (again && !document.hidden) timer = setTimeout(poll, EVERY);
  });
}

let silence = 0;

function say(text, tone = "") {
  const place = by("said");
  write(place, text);
  place.className = tone ? `said ${tone}` : "said";
  clearTimeout(silence);
  silence = setTimeout(() => write(place, ""), SAID_FOR);
}

/** Does something, tells what came of it, and looks at once. */
async function act(what, deed) {
  try {
    say(await deed());
  } catch (error) {
    if (error instanceof TokenWanted) wantToken();
    else say(`${what} failed: ${error instanceof Gone ? "the daemon does not answer." : error.message}`, "wrong");
  }
  poll();
}

by("forget").addEventListener("click", () => {
  token.forget();
  poll();
});
document.addEventListener("visibilitychange", poll);
poll();
