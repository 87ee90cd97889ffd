// What the counters did over the last minutes. It is kept in the page alone, so it begins when the page is opened.

export const KEPT = 120;
const WINDOW = 3;
const GAP = 5;

/** The past of one upstream: a point for each look at its counters, with what went on in the seconds before it. */
export class History {
  constructor() {
    this.counters = [];
    this.points = [];
  }

  add(at, state, bounds) {
    const last = this.counters.at(-1);
    // A daemon that was started again counts from zero, and a page that was hidden knows nothing of the time between.
    if (last && (state.requests < last.requests || at - last.at > GAP)) this.counters = [];
    const now = {
      at,
      requests: state.requests,
      failed: state.failed,
      up: state.bytes_up,
      down: state.bytes_down,
      counts: state.latency.counts,
    };
    this.counters.push(now);
    while (this.counters.length > 2 && at - this.counters[1].at >= WINDOW) this.counters.shift();
    const before = this.counters[0];
    const seconds = at - before.at;
    if (seconds <= 0) return;
    const counts = now.counts.map((number, place) => number - before.counts[place]);
    this.points.push({
      at,
      rate: (now.requests - before.requests) / seconds,
      failing: (now.failed - before.failed) / seconds,
      up: (now.up - before.up) / seconds,
      down: (now.down - before.down) / seconds,
      middle: quantile(bounds, counts, 0.5),
      tail: quantile(bounds, counts, 0.99),
    });
    while (this.points.length && at - this.points[0].at > KEPT) this.points.shift();
  }

  get last() {
    return this.points.at(-1) ?? null;
  }

  /** `[[at, value], …]` in runs without a gap. */
  runs(name) {
    const runs = [];
    let before = null;
    for (const point of this.points) {
      if (point[name] === null) continue;
      if (before === null || point.at - before > GAP) runs.push([]);
      runs.at(-1).push([point.at, point[name]]);
      before = point.at;
    }
    return runs;
  }
}

/** Seconds below which a share of the requests took, by straight lines inside the buckets; null where there are none. */
export function quantile(bounds, counts, share) {
  const total = counts.reduce((sum, number) => sum + number, 0);
  if (!total) return null;
  let below = 0;
  for (const [place, number] of counts.entries()) {
    if (number && below + number >= share * total) {
      const low = place ? bounds[place - 1] : 0;
      const high = place < bounds.length ? bounds[place] : low;
      return low + ((high - low) * (share * total - below)) / number;
    }
    below += number;
  }
  return bounds.at(-1);
}
