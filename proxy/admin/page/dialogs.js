// What is asked before something happens. A dialog gives the focus back to where it came from when it is closed.

const by = (id) => document.getElementById(id);

/** Whether a person says yes. The safe answer has the focus, and Escape is that answer. */
export function confirmed({ title, text, no, yes }) {
  const dialog = by("confirm");
  const [leave, go] = dialog.querySelectorAll("button");
  by("confirm-title").textContent = title;
  by("confirm-text").textContent = text;
  leave.textContent = no;
  go.textContent = yes;
  return new Promise((resolve) => {
    leave.onclick = () => dialog.close("no");
    go.onclick = () => dialog.close("yes");
    dialog.onclose = () => {
      resolve(dialog.returnValue === "yes");
      dialog.returnValue = "no";
    };
    dialog.showModal();
  });
}

/** Asks for tokens until `install(tokens)` takes them, or the person leaves it. They stay nowhere. */
export function installed(title, install) {
  const dialog = by("install");
  const form = dialog.querySelector("form");
  by("install-title").textContent = title;
  asked(dialog, form, async (given) => {
    const tokens = {};
    for (const name of ["access_token", "refresh_token"]) if (given[name]) tokens[name] = given[name];
    if (given.expires_in) tokens.expires_in = Number(given.expires_in);
    if (!tokens.access_token && !tokens.refresh_token) throw new Error("Give an access token, a refresh token or both.");
    await install(tokens);
  });
  form.querySelector("button[value=no]").onclick = () => dialog.close();
}

/** Asks for the admin token until `accept(token)` takes it. */
export function tokenAsked(accept) {
  const dialog = by("token");
  if (dialog.open) return;
  // Without it there is nothing to be seen.
  dialog.oncancel = (event) => event.preventDefault();
  asked(dialog, dialog.querySelector("form"), async ({ token }) => accept(token.trim()));
}

function asked(dialog, form, take) {
  const wrong = form.querySelector(".wrong");
  form.reset();
  wrong.textContent = "";
  form.onsubmit = async (event) => {
    event.preventDefault();
    const submit = form.querySelector("[type=submit]");
    if (submit.getAttribute("aria-disabled")) return;
    submit.setAttribute("aria-disabled", "true");
    try {
      await take(Object.fromEntries(new FormData(form)));
      dialog.close();
    } catch (error) {
      wrong.textContent = error.message || "The daemon does not answer.";
      form.querySelector("input").focus();
    } finally {
      submit.removeAttribute("aria-disabled");
    }
  };
  dialog.onclose = () => form.reset();
  dialog.showModal();
}
