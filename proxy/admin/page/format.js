// Numbers for people.

const whole = new Intl.NumberFormat("en");

export const count = (value) => whole.format(value);

/** Three digits that say something. */
export function rough(value) {
  if (value >= 100) return whole.format(Math.round(value));
  if (value >= 10) return value.toFixed(1).replace(/\.0$/, "");
  return value.toFixed(value >= 1 || value === 0 ? 1 : 2).replace(/\.?0+$/, "") || "0";
}

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"];

export function size(bytes) {
  let number = bytes;
  let unit = 0;
  while (number >= 1000 && unit < SIZES.length - 1) {
    number /= 1024;
    unit += 1;
  }
  return `${unit ? rough(number) : number} ${SIZES[unit]}`;
}

/** A short time, as of an answer. */
export function moment(seconds) {
  if (seconds < 0.0995) return `${rough(seconds * 1000)} ms`;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  return seconds < 100 ? `${rough(seconds)} s` : span(seconds);
}

/** A long one, in its two greatest units. */
export function span(seconds) {
  const left = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [Math.floor(left / 86400), Math.floor(left / 3600) % 24, Math.floor(left / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${left % 60} s` : `${left} s`;
}

/** A countdown: `4:07`, `1:02:30`. */
export function countdown(seconds) {
  const left = Math.max(0, Math.ceil(seconds));
  if (left >= 86400) return span(left);
  const two = (value) => String(value).padStart(2, "0");
  const minutes = Math.floor(left / 60) % 60;
  const hours = Math.floor(left / 3600);
  return hours ? `${hours}:${two(minutes)}:${two(left % 60)}` : `${minutes}:${two(left % 60)}`;
}

export const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB");

export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
