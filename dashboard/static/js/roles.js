// Roles: what each may do; roles of one's own, also narrowed to single resources.
import { act, confirmFirst, get } from "./act.js";
import { on, store } from "./live.js";
import { table } from "./fetched.js";
import { field, h, input, may, put, skeleton } from "./view.js";

const dialog = document.getElementById("confirm");
const adding = document.getElementById("add-role");
// What a permission may be narrowed to, and how such a thing is called here.
const KINDS = { "strategy.control": "strategies", "service.control": "services", "secret.write": "secrets" };
const shown = (permission) => permission.replace(":", " on ");

class Roles extends HTMLElement {
  connectedCallback() {
    this.replaceChildren(skeleton(3));
    adding.disabled = !may("user.manage");
    adding.addEventListener("click", () => this.form());
    on("connection", () => { if (store.connected) this.load(); });
    this.load();
  }

  async load() {
    const told = await get("roles");
    if (!told) return;
    this.told = told;
    this.replaceChildren(table(["Role", "May", ""], Object.entries(told.roles).map(([name, held]) => this.row(name, held)), "Roles"));
  }

  row(name, held) {
    const own = !this.told.builtin.includes(name);
    const all = held.length === this.told.permissions.length;
    const button = (label, onclick) => h("button", { class: "button small", type: "button", disabled: !may("user.manage"), "aria-label": `${label} ${name}`, onclick }, label);
    return h("tr", {}, h("td", {}, h("b", {}, name), own ? null : h("div", { class: "muted" }, "built in")),
      h("td", {}, all ? "Everything" : h("div", { class: "parameters" }, held.map((one) => h("span", {}, shown(one))))),
      h("td", { class: "right" }, h("div", { class: "buttons" }, own ? [button("Edit", () => this.form(name, held)), button("Remove", () => this.remove(name))] : button("Copy", () => this.form("", held)))));
  }

  form(name = "", held = []) {
    const known = Boolean(name);
    const title = input("role-name", { value: name, pattern: "[a-z][a-z0-9\\-]{0,31}", readonly: known, spellcheck: "false", placeholder: "night-watch" });
    const problem = h("div", { class: "message", role: "alert", hidden: true });
    const rows = this.told.permissions.map((permission) => permissionRow(permission, held));
    const form = h("form", {}, h("h2", { id: "confirm-title" }, known ? `Role ${name}` : "A role of your own"), problem, field("role-name", "Name", title, "Small letters, digits and dashes."),
      h("fieldset", { class: "scopes tall-scopes" }, h("legend", {}, "It may"), rows.map((row) => row.element)),
      h("p", {}, "Some can be narrowed to names: ", h("code", {}, "ema-*, dip"), " allows those and no others."),
      h("div", { class: "buttons" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"), h("button", { class: "button primary" }, "Save")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const permissions = rows.flatMap((row) => row.value());
      if (!permissions.length) {
        problem.hidden = false;
        put(problem, "Tick at least one.");
        return;
      }
      const done = await act(`roles/${encodeURIComponent(title.value.trim())}`, { permissions }, (text) => { problem.hidden = false; put(problem, text); });
      if (!done) return;
      dialog.close();
      await this.changed();
    });
    dialog.replaceChildren(form);
    dialog.showModal();
    title.focus();
  }

  async remove(name) {
    if (!(await confirmFirst({ title: `Remove the role ${name}?`, text: "Nobody may have it any more; give those people another role first.", action: "Remove", danger: true }))) return;
    await act(`roles/${encodeURIComponent(name)}`, { permissions: [] });
    await this.changed();
  }

  async changed() {
    await this.load();
    await document.querySelector("cb-users").load();
  }
}

/** A permission with its box and, where it can be narrowed, the names that it holds for. */
function permissionRow(permission, held) {
  const mine = held.filter((one) => one === permission || one.startsWith(`${permission}:`));
  const box = h("input", { type: "checkbox", checked: mine.length > 0, "data-permission": permission });
  const kind = KINDS[permission];
  const only = kind ? h("input", { class: "input small mono", value: mine.filter((one) => one.includes(":")).map((one) => one.split(/:(.*)/, 2)[1]).join(", "), placeholder: `all ${kind}`, "aria-label": `${permission}: only these ${kind}`, spellcheck: "false", autocomplete: "off" }) : null;
  only?.addEventListener("input", () => { if (only.value.trim()) box.checked = true; });
  const value = () => {
    const names = only?.value.split(/[\s,]+/).filter(Boolean) ?? [];
    return !box.checked ? [] : names.length ? names.map((name) => `${permission}:${name}`) : [permission];
  };
  return { value, element: h("div", { class: "scope" }, h("label", { class: "check" }, box, h("span", {}, permission)), only) };
}

customElements.define("cb-roles", Roles);
