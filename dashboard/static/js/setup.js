// The first screen of the first run: the token comes behind the # of the address, which no server is sent.
import { dress } from "./password.js";

const form = document.getElementById("claim");
const box = form.querySelector(".message");
const token = decodeURIComponent(location.hash.slice(1));

if (token) {
  form.elements.token.value = token;
  document.getElementById("token-field").hidden = true;
  history.replaceState(null, "", location.pathname);
}
dress(form);
(token ? form.elements.new : form.elements.token).focus();

function tell(text) {
  box.textContent = text;
  box.hidden = false;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (form.elements.new.value !== form.elements.again.value) {
    tell("The two passwords differ.");
    return;
  }
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch("/setup", { method: "POST", headers: { Accept: "application/json" }, body: new URLSearchParams(new FormData(form)) });
    if (answer.ok) {
      location.assign("/welcome");
      return;
    }
    const data = await answer.json();
    tell(data.detail ?? `The dashboard answered ${answer.status}.`);
    if (data.code === "setup_token") document.getElementById("token-field").hidden = false;
  } catch {
    tell("The dashboard cannot be reached.");
  }
  button.disabled = false;
});
