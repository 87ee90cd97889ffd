// Asking the daemon. The admin token, where there is one, lives in this tab's session storage and nowhere else.

const KEPT = "outrider-admin-token";
const PATIENCE = 5000;

/** The daemon does not answer at all. */
export class Gone extends Error {}

/** It answers, and wants the admin token or another one. */
export class TokenWanted extends Error {}

/** It refuses; the message is its own. */
export class Refused extends Error {}

export const token = {
  get: () => sessionStorage.getItem(KEPT) ?? "",
  keep: (value) => sessionStorage.setItem(KEPT, value),
  forget: () => sessionStorage.removeItem(KEPT),
};

export const look = (path) => ask("GET", path, PATIENCE);

/** What changes something; it may take as long as a token endpoint does. */
export const change = (method, path, content) => ask(method, path, 60_000, content);

async function ask(method, path, patience, content) {
  const headers = { Accept: "application/json" };
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  if (method !== "GET") headers["Outrider-Admin"] = "1";
  if (content) headers["Content-Type"] = "application/json";
  const signal = AbortSignal.timeout(patience);
  const options = { method, headers, signal, cache: "no-store", credentials: "omit", redirect: "error" };
  let answer, text;
  try {
    answer = await fetch(path, content ? { ...options, body: JSON.stringify(content) } : options);
    text = await answer.text();
  } catch {
    throw new Gone();
  }
  const document = parsed(text);
  if (answer.status === 401 && document?.code === "admin_token_wanted") throw new TokenWanted();
  if (!answer.ok) throw new Refused(document?.detail ?? `The daemon answered with status ${answer.status}.`);
  if (document === null) throw new Refused("What answers here is no Outrider.");
  return document;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
