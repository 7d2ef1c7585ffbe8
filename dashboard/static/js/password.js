// Password fields: a button that shows what is typed, and how good a new one would be, by the server's own rule.
import { h } from "./view.js";

const TYPING_MS = 250;
const TAKEN = ["", "", "", "Good enough.", "Strong."];

/** A button beside a password field that shows what is typed, and hides it again. */
export function reveal(input) {
  const button = h("button", { class: "button small", type: "button", "aria-pressed": "false", "aria-label": "Show what is typed" }, "Show");
  button.addEventListener("click", () => {
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.textContent = shown ? "Hide" : "Show";
  });
  // Nothing is sent, or offered to be remembered, as a plain text.
  input.form?.addEventListener("submit", () => { input.type = "password"; });
  input.parentElement.classList.add("with-reveal");
  input.after(button);
}

/** How good a new password would be, while it is typed. */
function judge(input) {
  const meter = h("meter", { min: "0", max: "4", low: "2.5", high: "3.5", optimum: "4", "aria-label": "Strength" });
  const words = h("span", { class: "muted", role: "status" });
  const line = h("div", { class: "strength", hidden: true }, meter, words);
  let timer = 0;
  let asked = null;
  const ask = async () => {
    asked?.abort();
    asked = new AbortController();
    const body = JSON.stringify({ password: input.value.slice(0, 1024), user: input.form?.elements.user?.value ?? "" });
    try {
      const answer = await fetch("/api/v1/password-strength", { method: "POST", headers: { "Content-Type": "application/json" }, body, signal: asked.signal });
      const told = await answer.json();
      line.hidden = !answer.ok || !input.value;
      if (!answer.ok) return;
      meter.value = told.score;
      words.textContent = told.ok ? TAKEN[told.score] : told.reason;
    } catch (error) {
      if (error.name !== "AbortError") line.hidden = true;
    }
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    if (input.value) timer = setTimeout(ask, TYPING_MS);
    else line.hidden = true;
  });
  input.parentElement.append(line);
}

/** What every password field below this element has. */
export function dress(root) {
  for (const input of root.querySelectorAll('input[type="password"]')) {
    reveal(input);
    if (input.name === "new") judge(input);
  }
}
