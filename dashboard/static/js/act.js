// Asking the server to do something: with the session's token, a word before, a word after.
import { reveal } from "./password.js";
import { csrfToken, h, icon } from "./view.js";

function post(path, body) {
  return fetch(`/api/v1/${path}`, {
    method: "POST",
    headers: { "X-CSRF-Token": csrfToken, "Content-Type": "application/json" },
    body: body === null ? null : JSON.stringify(body),
  });
}

/** POST to the API; the answer, or null when it failed (the person has been told). What is dangerous asks again
 * who it is, and is then sent a second time. */
export async function act(path, body = null, refused = (text) => toast(text, true)) {
  try {
    let answer = await post(path, body);
    let data = await answer.json();
    if (data.code === "step_up_needed") {
      if (!(await proveAgain())) return null;
      answer = await post(path, body);
      data = await answer.json();
    }
    if (answer.ok) {
      if (data.message) toast(data.message);
      return data;
    }
    if (answer.status === 401) location.assign("/login");
    refused(data.detail ?? `The dashboard answered ${answer.status}.`);
  } catch {
    toast("The dashboard cannot be reached.", true);
  }
  return null;
}

/** GET from the API without telling anybody: {data}, or {error: {code, message}}. */
export async function ask(path) {
  try {
    const answer = await fetch(`/api/v1/${path}`, { cache: "no-store" });
    const data = await answer.json();
    if (answer.ok) return { data };
    if (answer.status === 401) location.assign("/login");
    return { error: { code: data.code ?? "unknown", message: data.detail ?? `The dashboard answered ${answer.status}.` } };
  } catch {
    return { error: { code: "away", message: "The dashboard cannot be reached." } };
  }
}

/** GET from the API; the answer, or null when it failed (the person has been told). */
export async function get(path) {
  try {
    const answer = await fetch(`/api/v1/${path}`, { cache: "no-store" });
    const data = await answer.json();
    if (answer.ok) return data;
    if (answer.status === 401) location.assign("/login");
    toast(data.detail ?? `The dashboard answered ${answer.status}.`, true);
  } catch {
    // The banner says that the dashboard is away; who asked asks again when it is back.
  }
  return null;
}

/** Ask who it is once more: code of the second factor, or password. Resolves to whether it was proved. */
function proveAgain() {
  const dialog = h("dialog", { "aria-labelledby": "prove-title" });
  const proof = h("input", { class: "input", id: "proof", type: "password", autocomplete: "current-password", required: true, autofocus: true });
  const problem = h("div", { class: "message", role: "alert", hidden: true });
  const form = h("form", {}, h("h2", { id: "prove-title" }, "Is it you?"),
    h("p", {}, "This is dangerous in wrong hands. Type the code of your second factor; your password where you have none."),
    problem, h("div", { class: "field" }, h("label", { for: "proof" }, "Code or password"), proof),
    h("div", { class: "buttons" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"),
      h("button", { class: "button primary" }, "Go on")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await post("account/step-up", { code: proof.value, password: proof.value });
    if (answer.ok) dialog.close("proved");
    else {
      problem.textContent = (await answer.json()).detail ?? "That was not right.";
      problem.hidden = false;
      proof.select();
    }
  });
  dialog.append(form);
  reveal(proof);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      dialog.remove();
      resolve(dialog.returnValue === "proved");
    };
  });
}

export function toast(text, bad = false) {
  const element = h("div", { class: `toast ${bad ? "bad" : ""}` }, icon(bad ? "alert-triangle" : "circle-check"), h("span", {}, text));
  document.getElementById("toasts").append(element);
  setTimeout(() => element.remove(), bad ? 8000 : 4000);
}

/** Ask before something that matters. `options` are [{name, label}] check boxes. Resolves to null or {name: checked}. */
export function confirmFirst({ title, text, action, danger = false, options = [] }) {
  const dialog = document.getElementById("confirm");
  const boxes = options.map(({ name, label, checked }) => h("label", { class: "check" }, h("input", { type: "checkbox", name, checked }), h("span", {}, label)));
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: "confirm-title" }, title),
    h("p", {}, text),
    ...boxes,
    h(
      "div",
      { class: "buttons" },
      h("button", { class: "button", value: "no", autofocus: true }, "Cancel"),
      h("button", { class: `button ${danger ? "danger" : "primary"}`, value: "yes" }, action),
    ),
  );
  dialog.replaceChildren(form);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      const chosen = Object.fromEntries(options.map(({ name }) => [name, form.elements[name].checked]));
      resolve(dialog.returnValue === "yes" ? chosen : null);
    };
  });
}
