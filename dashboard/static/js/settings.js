// The settings: what holds, why, and changing it.
import { act, get } from "./act.js";
import { on, store } from "./live.js";
import { difference } from "./text.js";
import { empty, h, icon, keyed, may, moment, put, skeleton } from "./view.js";

const APPLIES = { live: "A change holds at once.", restart: "A change restarts the service it belongs to.", person: "A change needs a person's decision." };
const filter = document.getElementById("filter");
const changed = document.getElementById("changed");
const dialog = document.getElementById("confirm");
let file = null;

class Settings extends HTMLElement {
  connectedCallback() {
    this.replaceChildren(h("div", { class: "card" }, skeleton(8)));
    this.load();
    filter.addEventListener("input", () => this.draw());
    changed.addEventListener("input", () => this.draw());
    on("connection", () => { if (store.connected) this.load(); });
  }

  async load() {
    const told = await get("settings");
    if (told) {
      file = told;
      this.draw();
    } else if (!file) this.replaceChildren(h("div", { class: "card" }, empty("alert-triangle", "The settings cannot be read", "The message below says why. `cryptobot config check` says it too.")));
  }

  draw() {
    if (!file) return;
    const wanted = filter.value.trim().toLowerCase();
    const shown = file.settings.filter((one) => (!changed.checked || one.changed) && `${one.key} ${one.help}`.toLowerCase().includes(wanted));
    const sections = new Map();
    for (const one of shown) {
      const name = one.key.includes(".") ? one.key.split(".")[0] : "general";
      if (!sections.has(name)) sections.set(name, []);
      sections.get(name).push(one);
    }
    if (sections.size === 0) this.replaceChildren(h("div", { class: "card" }, empty("search", "Nothing matches", "Change or clear the filter.")));
    else this.replaceChildren(...[...sections].map(([name, entries]) => this.section(name, entries)));
  }

  section(name, entries) {
    return h("section", { class: "card", "aria-label": name }, h("header", {}, h("h2", {}, name)),
      h("ul", { class: "settings" }, entries.map((one) => this.row(one))));
  }

  row(one) {
    const where = one.origin === "default" || !one.changed ? "" : one.origin.split(/[/\\]/).at(-1);
    return h("li", {},
      h("div", { class: "grow" }, h("div", {}, h("b", {}, one.key.split(".").slice(1).join(".") || one.key), " ", where ? h("span", { class: "pill plain busy" }, where) : ""), h("p", { class: "muted" }, one.help)),
      h("code", { class: `value num ${one.changed ? "changed" : ""}` }, one.value),
      h("button", { class: "button small", type: "button", disabled: !may("config.write"), "aria-label": `Change ${one.key}`, onclick: () => this.change(one) }, "Change"));
  }

  change(one) {
    const field = one.choices.length
      ? h("select", { class: "input", id: "new-value", autofocus: true }, one.choices.map((choice) => h("option", { value: choice, selected: choice === one.value }, choice)))
      : h("input", { class: "input mono", id: "new-value", value: one.value, autofocus: true, spellcheck: "false", autocomplete: "off" });
    const problem = h("div", { class: "message", role: "alert", hidden: true });
    const save = async (value) => {
      const done = await act("settings", { changes: { [one.key]: value }, expected: file.checksum }, (text) => { problem.hidden = false; put(problem, text); });
      if (!done) return;
      dialog.close();
      await this.load();
      document.querySelector("cb-settings-history").load();
      document.querySelector("cb-settings-text").load();
    };
    const form = h("form", {},
      h("h2", { id: "confirm-title" }, one.key), h("p", {}, one.help), problem,
      h("div", { class: "field" }, h("label", { for: "new-value" }, `Allowed: ${one.allowed}`), field, h("span", { class: "muted" }, `Default ${one.default}. ${APPLIES[one.applies] ?? ""}`)),
      h("div", { class: "buttons" },
        one.in_file ? h("button", { class: "button ghost", type: "button", onclick: () => save(null) }, "Back to the default") : null,
        h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"),
        h("button", { class: "button primary" }, "Save")));
    form.addEventListener("submit", (event) => { event.preventDefault(); save(field.value); });
    dialog.replaceChildren(form);
    dialog.showModal();
    if (one.choices.length) field.focus();
    else field.select();
  }
}

class SettingsHistory extends HTMLElement {
  connectedCallback() {
    this.replaceChildren(skeleton(3));
    this.load();
    on("connection", () => { if (store.connected) this.load(); });
  }

  async load() {
    const told = await get("settings/history");
    if (!told) return;
    const past = told.history;
    if (past.length === 0) {
      this.replaceChildren(empty("history", "Never changed", "Each change is kept here: who, when, what. Each can be undone."));
      return;
    }
    this.list = h("ul", { class: "rows" });
    this.replaceChildren(this.list);
    keyed(this.list, past.map((one, index) => ({ ...one, current: index === 0 })), (one) => one.revision, (one) => h("li", { class: "alert-line" },
      h("div", { class: "grow" }, h("b", {}, one.summary), h("div", { class: "muted num" }, `${moment(one.ts_ms)} by ${one.actor}`),
        h("details", {}, h("summary", { class: "muted" }, "What changed"), difference(one.difference))),
      one.current ? h("span", { class: "pill good" }, "now")
        : h("button", { class: "button small", type: "button", disabled: !may("config.write"), onclick: () => this.back(one) }, icon("history", "icon-s"), "Back to this")));
  }

  async back(one) {
    if (await act("settings/rollback", { revision: one.revision })) {
      await this.load();
      await document.querySelector("cb-settings").load();
      await document.querySelector("cb-settings-text").load();
    }
  }
}

customElements.define("cb-settings", Settings);
customElements.define("cb-settings-history", SettingsHistory);
