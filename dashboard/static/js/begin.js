// The second and the third screen of the first run: a goal, and a market; then the bot runs.
import { act } from "./act.js";

const form = document.getElementById("begin");
const [goal, market, key] = ["goal", "market", "key"].map((id) => document.getElementById(id));
const box = market.querySelector(".message");
const start = document.getElementById("start");

function show(section) {
  goal.hidden = section !== goal;
  market.hidden = section !== market;
  section.querySelector("input:checked").focus();
}

document.getElementById("on").addEventListener("click", () => show(market));
document.getElementById("back").addEventListener("click", () => show(goal));
for (const choice of form.elements.where) {
  choice.addEventListener("change", () => { key.hidden = form.elements.where.value !== "exchange"; });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (market.hidden) {
    show(market);
    return;
  }
  const wish = { goal: form.elements.goal.value };
  if (form.elements.where.value === "exchange") {
    for (const name of ["exchange", "api_key", "api_secret", "api_password"]) wish[name] = form.elements[name].value.trim();
  }
  box.hidden = true;
  start.disabled = true;
  const done = await act("setup/finish", wish, (text) => { box.textContent = text; box.hidden = false; });
  start.disabled = false;
  if (done) location.assign("/");
});
