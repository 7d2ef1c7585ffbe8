// API keys: make, see, revoke.
import { act, confirmFirst, get } from "./act.js";
import { on, store } from "./live.js";
import { empty, field, h, icon, moment, skeleton } from "./view.js";

const dialog = document.getElementById("confirm");
const DAYS = [["30", "30 days"], ["90", "90 days"], ["365", "a year"], ["0", "without end"]];

class Keys extends HTMLElement {
  connectedCallback() {
    this.replaceChildren(skeleton(3));
    document.getElementById("add-key").addEventListener("click", () => this.add());
    on("connection", () => { if (store.connected) this.load(); });
    this.load();
  }

  async load() {
    const [answer, own] = await Promise.all([get("keys"), get("session")]);
    if (!answer || !own) return;
    this.own = own;
    if (!answer.keys.length) {
      this.replaceChildren(empty("key", "No API key yet", "A program that uses the API shows a key; make one for each program, so that each can be ended alone."));
      return;
    }
    const titles = ["Name", "User", "May", "From", "Ends", "Last used", ""];
    this.replaceChildren(h("div", { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "API keys" }, h("table", {},
      h("thead", {}, h("tr", {}, titles.map((title) => h("th", { scope: "col" }, title || h("span", { class: "visually-hidden" }, "Actions"))))),
      h("tbody", {}, answer.keys.map((key) => this.row(key))))));
  }

  row(key) {
    const over = key.expires_ms && key.expires_ms < Date.now();
    return h("tr", {}, h("td", {}, h("b", {}, key.name || key.id)), h("td", {}, key.user),
      h("td", {}, h("div", { class: "parameters" }, key.scopes.map((scope) => h("span", {}, scope)))),
      h("td", { class: "muted" }, key.addresses.join(", ") || "anywhere"),
      h("td", { class: "num" }, over ? h("span", { class: "pill bad" }, "Over") : key.expires_ms ? new Date(key.expires_ms).toLocaleDateString() : "never"),
      h("td", { class: "num muted" }, key.last_used_ms ? `${moment(key.last_used_ms)} from ${key.last_address}` : "never"),
      h("td", { class: "right" }, h("button", { class: "button small", type: "button", "aria-label": `Revoke ${key.name || key.id}`, onclick: () => this.revoke(key) }, "Revoke")));
  }

  async revoke(key) {
    if (!(await confirmFirst({ title: `Revoke ${key.name || key.id}?`, text: "Programs that use it are refused from now on. It cannot be brought back.", action: "Revoke", danger: true }))) return;
    await act(`keys/${encodeURIComponent(key.id)}/revoke`);
    await this.load();
  }

  async add() {
    this.own ??= await get("session");
    if (!this.own) return;
    const name = h("input", { class: "input", id: "key-name", required: true, maxlength: "80", autofocus: true });
    const days = h("select", { class: "input", id: "key-days" }, DAYS.map(([value, label]) => h("option", { value }, label)));
    const from = h("input", { class: "input", id: "key-from", placeholder: "127.0.0.1, 10.0.0.0/8", spellcheck: "false" });
    const scopes = this.own.permissions.map((permission) => h("label", { class: "check" }, h("input", { type: "checkbox", name: "scope", value: permission, checked: permission.endsWith(".read") && !/^(user|audit|config|secret)\./.test(permission) }), h("span", {}, permission)));
    const form = h("form", {}, h("h2", { id: "confirm-title" }, "Make an API key"), field("key-name", "Name of the program", name), field("key-days", "Valid for", days),
      field("key-from", "Only from these networks", from, "Empty: from anywhere that reaches this dashboard."),
      h("fieldset", { class: "scopes" }, h("legend", {}, "It may"), scopes),
      h("div", { class: "buttons" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"), h("button", { class: "button primary" }, "Make it")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const made = await act("keys", {
        name: name.value.trim(), valid_s: Number(days.value) * 86400, addresses: from.value.split(/[\s,]+/).filter(Boolean),
        scopes: [...form.querySelectorAll("input[name=scope]:checked")].map((box) => box.value),
      });
      if (made) this.tell(made);
    });
    dialog.replaceChildren(form);
    dialog.showModal();
  }

  tell(made) {
    dialog.replaceChildren(h("form", { method: "dialog" }, h("h2", { id: "confirm-title" }, `Key for ${made.key.name}`),
      h("p", {}, "It is shown this once. Programs send it as ", h("code", {}, "Authorization: Bearer …"), "."), h("code", { class: "secret" }, made.secret),
      h("div", { class: "buttons" }, h("button", { class: "button primary" }, icon("circle-check", "icon-s"), "I have it"))));
    if (!dialog.open) dialog.showModal();
    this.load();
  }
}

customElements.define("cb-keys", Keys);
