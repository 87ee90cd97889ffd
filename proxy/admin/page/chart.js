// A small plot: time to the right, now at its right edge.

import { drawing, element, mark, write } from "./dom.js";
import { KEPT } from "./history.js";

const WIDTH = 240;
const HEIGHT = 44;
const TOP = 3;

export class Chart {
  /** `lines` name what is drawn of a history's points, the first one in front; `least` is the height of a calm scale. */
  constructor(title, lines, { tone, least, unit }) {
    this.title = title;
    this.lines = lines;
    this.least = least;
    this.unit = unit;
    this.now = element("span", { class: "now" });
    this.most = element("span", { class: "most" });
    this.fill = drawing("path", { class: "fill" });
    this.paths = lines.map((_, place) => drawing("path", { class: place ? "line faint" : "line" }));
    this.picture = drawing(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
      this.fill,
      ...this.paths.toReversed(),
    );
    this.root = element(
      "div",
      { class: `chart ${tone}` },
      element("p", {}, element("span", { class: "title", text: title }), this.now),
      this.picture,
      this.most,
    );
  }

  update(history, at, now) {
    const runs = this.lines.map((name) => history.runs(name));
    const highest = Math.max(0, ...runs.flat(2).map(([, value]) => value));
    const scale = Math.max(highest, this.least);
    const x = (moment) => (WIDTH * (KEPT - (at - moment))) / KEPT;
    const y = (value) => HEIGHT - 1 - ((HEIGHT - 1 - TOP) * value) / scale;
    const point = ([moment, value]) => `${x(moment).toFixed(1)} ${y(value).toFixed(1)}`;
    // A line along the floor says nothing, and a red one says something wrong.
    if (highest === 0) runs.forEach((_, place) => (runs[place] = []));
    for (const [place, path] of this.paths.entries()) {
      mark(path, "d", runs[place].map((run) => `M${run.map(point).join("L")}`).join("") || "M0 0");
    }
    const floor = (run) => `L${x(run.at(-1)[0]).toFixed(1)} ${HEIGHT}L${x(run[0][0]).toFixed(1)} ${HEIGHT}Z`;
    mark(this.fill, "d", runs[0].map((run) => `M${run.map(point).join("L")}${floor(run)}`).join("") || "M0 0");
    write(this.now, now);
    const most = highest > 0 ? `most ${this.unit(highest)}` : "";
    write(this.most, most);
    mark(this.picture, "aria-label", `${this.title}: now ${now}${most ? `, at most ${this.unit(highest)}` : ""}`);
  }
}
