// config.yaml as a text: faults beside their lines while it is written, the difference before it is saved,
// templates and files to start from.
import { act, ask, get, toast } from "./act.js";
import { on, store } from "./live.js";
import { field, h, icon, may, put } from "./view.js";

const dialog = document.getElementById("confirm");
const CHECK_AFTER_MS = 350;

class SettingsText extends HTMLElement {
  connectedCallback() {
    this.build();
    this.load();
    on("connection", () => { if (store.connected && this.area.value === this.text) this.load(); });
  }

  build() {
    this.area = h("textarea", { class: "mono", id: "config-text", spellcheck: "false", autocomplete: "off", wrap: "off", "aria-label": "config.yaml", "aria-describedby": "config-faults", rows: "26", readonly: !may("config.write") });
    this.gutter = h("ol", { class: "gutter mono", "aria-hidden": "true" });
    this.faults = h("ul", { class: "rows faults", id: "config-faults", role: "status" });
    this.verdict = h("span", { class: "pill" }, "Unchanged");
    this.save = this.button("circle-check", "Look at the difference", () => this.review(), "primary");
    this.undo = this.button("history", "Undo my edits", () => { this.area.value = this.text; this.changed(); });
    const file = h("input", { type: "file", accept: ".yaml,.yml,text/yaml", class: "visually-hidden", id: "config-file" });
    file.addEventListener("change", async () => { if (file.files[0]) this.take(await file.files[0].text(), `Read ${file.files[0].name}; nothing is saved yet.`); file.value = ""; });
    const open = this.button("arrow-up-right", "Import a file", () => file.click());
    const start = this.button("file-text", "Start from a template", () => this.templates());
    const away = h("a", { class: "button small", href: "/api/v1/settings/export", download: true }, icon("download", "icon-s"), "Export");
    for (const one of [open, start]) one.disabled = !may("config.write");
    this.replaceChildren(h("div", { class: "toolbar pad" }, this.verdict, h("span", { class: "grow" }), start, open, file, away),
      h("div", { class: "editor" }, this.gutter, this.area), this.faults, h("div", { class: "buttons end pad" }, this.undo, this.save));
    this.area.addEventListener("input", () => this.changed());
    this.area.addEventListener("scroll", () => { this.gutter.scrollTop = this.area.scrollTop; });
    this.area.addEventListener("keydown", (event) => this.indent(event));
  }

  button(iconName, label, onclick, kind = "") {
    return h("button", { class: `button small ${kind}`, type: "button", onclick }, icon(iconName, "icon-s"), label);
  }

  async load() {
    const told = await get("settings");
    if (!told) return;
    this.text = told.text;
    this.checksum = told.checksum;
    this.area.value = told.text;
    this.changed();
  }

  take(text, word) {
    this.area.value = text;
    this.changed();
    toast(word);
  }

  /** Two spaces for Tab, as YAML wants them; Escape first, and Tab leaves the field. */
  indent(event) {
    if (event.key === "Escape") this.leaving = true;
    else if (event.key === "Tab" && !event.shiftKey && !this.leaving && !this.area.readOnly) {
      event.preventDefault();
      this.area.setRangeText("  ", this.area.selectionStart, this.area.selectionEnd, "end");
      this.changed();
    } else this.leaving = false;
  }

  changed() {
    const same = this.area.value === this.text;
    this.save.disabled = same || !may("config.write");
    this.undo.disabled = same;
    this.number();
    clearTimeout(this.timer);
    if (same) this.tell({ ok: true, faults: [] });
    else this.timer = setTimeout(() => this.check(), CHECK_AFTER_MS);
  }

  number(wrong = new Map()) {
    const count = this.area.value.split("\n").length;
    this.gutter.replaceChildren(...Array.from({ length: count }, (_, index) => h("li", { class: wrong.has(index + 1) ? "wrong" : null, title: wrong.get(index + 1) ?? null }, String(index + 1))));
    this.gutter.scrollTop = this.area.scrollTop;
  }

  async check() {
    const text = this.area.value;
    const told = await act("settings/check", { text });
    if (told && text === this.area.value) this.tell(told);
    return told;
  }

  tell(told) {
    const same = this.area.value === this.text;
    this.verdict.className = `pill ${told.ok ? (same ? "" : "good") : "bad"}`;
    put(this.verdict, told.ok ? (same ? "Unchanged" : "Allowed") : told.faults.length === 1 ? "1 fault" : `${told.faults.length} faults`);
    this.save.disabled = same || !told.ok || !may("config.write");
    this.number(new Map(told.faults.map((fault) => [fault.line, fault.message])));
    this.faults.replaceChildren(...told.faults.map((fault) => h("li", {}, h("button", { class: "link num", type: "button", onclick: () => this.go(fault) }, fault.line ? `Line ${fault.line}` : "File"), h("span", { class: "grow" }, fault.message))));
  }

  go({ line, column }) {
    const lines = this.area.value.split("\n");
    const start = lines.slice(0, Math.max(0, line - 1)).reduce((sum, one) => sum + one.length + 1, 0) + Math.max(0, column - 1);
    this.area.focus();
    this.area.setSelectionRange(start, start);
    this.area.scrollTop = Math.max(0, (line - 6) * (this.area.scrollHeight / lines.length));
  }

  async review() {
    const told = await this.check();
    if (!told?.ok) return;
    dialog.classList.add("wide");
    const problem = h("div", { class: "message", role: "alert", hidden: true });
    const form = h("form", {}, h("h2", { id: "confirm-title" }, "Save this?"), problem, difference(told.difference),
      h("p", {}, "Services whose settings changed are restarted; what was is kept in the history and can be brought back."),
      h("div", { class: "buttons" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Go on editing"), h("button", { class: "button primary", autofocus: true }, "Save")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const done = await act("settings/text", { text: this.area.value, expected: this.checksum }, (text) => { problem.hidden = false; put(problem, text); });
      if (!done) return;
      dialog.close();
      await this.load();
      document.querySelector("cb-settings").load();
      document.querySelector("cb-settings-history").load();
    });
    dialog.onclose = () => dialog.classList.remove("wide");
    dialog.replaceChildren(form);
    dialog.showModal();
  }

  async templates() {
    const { data, error } = await ask("settings/templates");
    if (error) return toast(error.message, true);
    const choice = h("select", { class: "input", id: "template" }, data.templates.map((one) => h("option", { value: one.name }, one.title)));
    const about = h("p", {}, data.templates[0].about);
    choice.addEventListener("change", () => put(about, data.templates.find((one) => one.name === choice.value).about));
    const form = h("form", { method: "dialog" }, h("h2", { id: "confirm-title" }, "Start from a template"), field("template", "Template", choice), about,
      h("p", {}, "It takes the place of the text in the editor; nothing is saved before you look at the difference."),
      h("div", { class: "buttons" }, h("button", { class: "button", value: "no" }, "Cancel"), h("button", { class: "button primary", value: "yes" }, "Put it into the editor")));
    dialog.returnValue = "";
    dialog.onclose = () => { if (dialog.returnValue === "yes") this.take(data.templates.find((one) => one.name === choice.value).text, "Put into the editor; nothing is saved yet."); };
    dialog.replaceChildren(form);
    dialog.showModal();
  }
}

/** A unified difference with its lines told apart by colour and sign. */
export function difference(text) {
  const KINDS = { "+": "added", "-": "removed", "@": "place" };
  return h("pre", { class: "mono details" }, text.split("\n").map((one) => h("span", { class: `diff-line ${/^(\+\+\+|---)/.test(one) ? "" : KINDS[one[0]] ?? ""}` }, `${one}\n`)));
}

customElements.define("cb-settings-text", SettingsText);

const tabs = document.querySelectorAll("[data-view]");
for (const tab of tabs) {
  tab.addEventListener("click", () => {
    for (const other of tabs) {
      other.setAttribute("aria-pressed", String(other === tab));
      for (const part of document.querySelectorAll(`[data-shown="${other.dataset.view}"]`)) part.hidden = other !== tab;
    }
    if (tab.dataset.view === "file") document.getElementById("config-text").focus();
  });
}
