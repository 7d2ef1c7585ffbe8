// The secrets of this home: names, ages and who is handed them; new values go in, none ever comes out.
import { act, confirmFirst, get } from "./act.js";
import { on, store } from "./live.js";
import { table } from "./fetched.js";
import { empty, field, h, icon, input, may, moment, put, skeleton } from "./view.js";

const dialog = document.getElementById("confirm");
const add = document.getElementById("add-secret");
const KEPT = { machine: "with this machine's key", passphrase: "with your passphrase", environment: "with a key of the environment", keychain: "with a key in the system's keychain" };

/** Does a pattern such as notify.* name this secret? */
const named = (pattern, name) => pattern === name || (pattern.endsWith("*") && name.startsWith(pattern.slice(0, -1)));
const usersOf = (name) => [...store.services.values()].filter((service) => service.secrets?.some((pattern) => named(pattern, name))).map((service) => service.name);
/** What services ask for and nobody has stored; the paper exchange tells its own key. */
const missing = (known) => [...new Set([...store.services.values()].flatMap((service) => service.secrets ?? []))].filter((name) => !/[*?]/.test(name) && !name.startsWith("paper.") && !known.has(name)).sort();

class Secrets extends HTMLElement {
  connectedCallback() {
    this.replaceChildren(skeleton(4));
    add.disabled = !may("secret.write");
    add.addEventListener("click", () => this.form());
    on("snapshot", () => this.load());
    on("connection", () => { if (store.connected) this.load(); });
    if (store.ready) this.load();
  }

  async load() {
    const answer = await get("secrets?limit=1000");
    if (!answer) return;
    const known = new Set(answer.secrets.map((one) => one.name));
    const rows = answer.secrets.map((one) => this.row(one));
    const wanted = missing(known).map((name) => this.gap(name));
    const kept = answer.protection ? h("p", { class: "pad muted" }, `Kept encrypted ${KEPT[answer.protection] ?? `(${answer.protection})`}. No page, log or message shows a value. `, this.rotation()) : "";
    this.replaceChildren(rows.length + wanted.length ? table(["Name", "Used by", "#Version", "Changed", "Change again", ""], [...rows, ...wanted], "Secrets") : empty("key", "No secret yet", "Keys of exchanges, tokens of messengers and passwords of databases belong here."), kept);
  }

  rotation() {
    return h("button", { class: "button small", type: "button", disabled: !may("secret.write"), onclick: () => this.rotate() }, icon("refresh", "icon-s"), "New master key");
  }

  row(one) {
    const users = usersOf(one.name);
    const again = !one.rotate_days ? "never" : one.due ? h("span", { class: "pill warn" }, "now") : `after ${one.rotate_days} days`;
    const button = (label, onclick) => h("button", { class: "button small", type: "button", disabled: !may("secret.write", one.name), "aria-label": `${label} ${one.name}`, onclick }, label);
    return h("tr", {}, h("td", {}, h("b", { class: "mono" }, one.name)), h("td", { class: "muted" }, users.join(", ") || "nobody now"), h("td", { class: "num right" }, String(one.version)),
      h("td", { class: "num muted" }, moment(one.changed_ms)), h("td", {}, again),
      h("td", { class: "right" }, h("div", { class: "buttons" }, button("Change", () => this.form(one)), button("Remove", () => this.remove(one)))));
  }

  gap(name) {
    return h("tr", {}, h("td", { class: "mono muted" }, name), h("td", { class: "muted" }, usersOf(name).join(", ")), h("td", {}), h("td", { class: "muted" }, "not stored"), h("td", {}),
      h("td", { class: "right" }, h("div", { class: "buttons" }, h("button", { class: "button small", type: "button", disabled: !may("secret.write", name), "aria-label": `Store ${name}`, onclick: () => this.form({ name, fresh: true }) }, "Store"))));
  }

  form(one = null) {
    const known = one !== null && !one.fresh;
    const name = input("secret-name", { value: one?.name ?? "", pattern: "[a-z0-9][a-z0-9._\\-]{0,63}", spellcheck: "false", class: "input mono", placeholder: "binance.api_key", readonly: one !== null });
    const value = input("secret-value", { type: "password", class: "input mono", spellcheck: "false" });
    const days = input("secret-days", { type: "number", min: "0", max: "3650", value: String(one?.rotate_days ?? 90) });
    const problem = h("div", { class: "message", role: "alert", hidden: true });
    const form = h("form", {}, h("h2", { id: "confirm-title" }, known ? `Change ${one.name}` : "Store a secret"), problem, field("secret-name", "Name", name), field("secret-value", known ? "New value" : "Value", value, "It is encrypted at once and never shown again."),
      field("secret-days", "Remind to change it after so many days", days, "0 never reminds."),
      h("div", { class: "buttons" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"), h("button", { class: "button primary" }, "Keep it")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const done = await act(`secrets/${encodeURIComponent(name.value.trim())}`, { value: value.value, rotate_days: Number(days.value) }, (text) => { problem.hidden = false; put(problem, text); });
      if (!done) return;
      value.value = "";
      dialog.close();
      await this.load();
      await this.handOver(name.value.trim());
    });
    dialog.replaceChildren(form);
    dialog.showModal();
    (one ? value : name).focus();
  }

  /** Services are handed secrets when they start. */
  async handOver(name) {
    const users = usersOf(name).filter((user) => store.services.get(user)?.pid && may("service.control", user));
    if (!users.length || !(await confirmFirst({ title: "Hand it over now?", text: `${users.join(" and ")} ${users.length > 1 ? "take" : "takes"} the new value with a restart. Orders rest meanwhile, and nothing is lost.`, action: "Restart" }))) return;
    for (const user of users) await act(`services/${encodeURIComponent(user)}/restart`);
  }

  async remove(one) {
    const users = usersOf(one.name);
    if (!(await confirmFirst({ title: `Remove ${one.name}?`, text: users.length ? `${users.join(" and ")} cannot start without it any more.` : "Nobody uses it now. It cannot be brought back.", action: "Remove", danger: true }))) return;
    await act(`secrets/${encodeURIComponent(one.name)}/remove`);
    await this.load();
  }

  async rotate() {
    if (!(await confirmFirst({ title: "A new master key?", text: "All secrets are sealed anew with a new key of the same kind; their values stay.", action: "Make one" }))) return;
    await act("secrets/rotate", {});
    await this.load();
  }
}

customElements.define("cb-secrets", Secrets);
