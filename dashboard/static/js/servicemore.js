// What a service went through, and the limits that hold for it: dialogs of its card.
import { act, ask } from "./act.js";
import { table } from "./fetched.js";
import { empty, field, h, input, moment, pill, put, skeleton } from "./view.js";

const MIB = 1 << 20;
const POLICIES = [["", "as it is made"], ["always", "always"], ["on-failure", "when it failed"], ["never", "never"]];

/** States that the monitor saw, newest first: restarts with their reasons. */
export async function showPast(name) {
  const dialog = document.getElementById("confirm");
  const body = h("div", {}, skeleton(4));
  dialog.classList.add("wide");
  dialog.onclose = () => dialog.classList.remove("wide");
  dialog.replaceChildren(h("form", { method: "dialog" }, h("h2", { id: "confirm-title" }, `What ${name} went through`), body, h("div", { class: "buttons" }, h("button", { class: "button primary", autofocus: true }, "Close"))));
  dialog.showModal();
  const { data, error } = await ask(`states?${new URLSearchParams({ service: name, limit: "100" })}`);
  if (error) body.replaceChildren(h("p", {}, error.message));
  else if (!data.entries.length) body.replaceChildren(empty("history", "Nothing yet", "The monitor notes each change of state from its start on."));
  else body.replaceChildren(table(["Since", "State", "#Process", "#Restarts", "Reason"], data.entries.map((one) => h("tr", {}, h("td", { class: "num" }, moment(one.since_ms)), h("td", {}, pill(one.state)), h("td", { class: "num right" }, one.pid ? String(one.pid) : "–"), h("td", { class: "num right" }, String(one.restarts)), h("td", {}, one.reason))), "States"));
}

/** Memory and restarts of one service; kept in config.yaml under services. */
export async function setLimits(service) {
  const dialog = document.getElementById("confirm");
  const problem = h("div", { class: "message", role: "alert", hidden: true });
  const memory = input("limit-memory", { type: "number", min: "16", step: "1", required: false, value: service.memory_limit_bytes ? String(Math.round(service.memory_limit_bytes / MIB)) : "", placeholder: "none" });
  const policy = h("select", { class: "input", id: "limit-restart" }, h("option", { value: "keep" }, "as it is now"), POLICIES.map(([value, label]) => h("option", { value }, label)));
  const form = h("form", {}, h("h2", { id: "confirm-title" }, `Limits of ${service.name}`), problem,
    field("limit-memory", "Memory in MiB", memory, "Above this it is restarted. Empty is no limit."), field("limit-restart", "Start it again", policy, "What the supervisor does when it ends."),
    h("div", { class: "buttons" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"), h("button", { class: "button primary" }, "Save")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const key = `services.${service.name}`;
    const changes = { [`${key}.memory_limit_bytes`]: memory.value ? String(Number(memory.value) * MIB) : null };
    if (policy.value !== "keep") changes[`${key}.restart`] = policy.value || null;
    const done = await act("settings", { changes }, (text) => { problem.hidden = false; put(problem, text); });
    if (done) dialog.close();
  });
  dialog.replaceChildren(form);
  dialog.showModal();
}
