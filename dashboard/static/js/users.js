// Accounts: add, change role, lock, new password, remove.
import { act, confirmFirst, get } from "./act.js";
import { on, store } from "./live.js";
import { h, icon, may, moment, skeleton } from "./view.js";

const adding = document.getElementById("add-user");
const dialog = document.getElementById("confirm");

class Users extends HTMLElement {
  connectedCallback() {
    this.replaceChildren(skeleton(4));
    adding.disabled = !may("user.manage");
    adding.addEventListener("click", () => this.add());
    on("connection", () => { if (store.connected) this.load(); });
    this.load();
  }

  async load() {
    const answer = await get("users");
    if (!answer) return;
    this.roles = answer.roles;
    const titles = ["Name", "Role", "State", "Last login", "Sessions", ""];
    this.replaceChildren(h("div", { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "Accounts" }, h("table", {},
      h("thead", {}, h("tr", {}, titles.map((title) => h("th", { scope: "col" }, title || h("span", { class: "visually-hidden" }, "Actions"))))),
      h("tbody", {}, answer.users.map((user) => this.row(user))))));
  }

  row(user) {
    const manage = may("user.manage");
    const role = h("select", { class: "input small", "aria-label": `Role of ${user.name}`, disabled: !manage }, Object.keys(this.roles).map((name) => h("option", { value: name, selected: name === user.role }, name)));
    role.addEventListener("change", () => this.change(user, { role: role.value }));
    const state = !user.enabled ? ["bad", "Locked"] : user.must_change_password ? ["warn", "First password"] : ["good", "Active"];
    const button = (label, call, kind = "") => h("button", { class: `button small ${kind}`, type: "button", disabled: !manage, "aria-label": `${label} ${user.name}`, onclick: call }, label);
    return h("tr", {},
      h("td", {}, h("b", {}, user.name)), h("td", {}, role), h("td", {}, h("span", { class: `pill ${state[0]}` }, state[1])),
      h("td", { class: "num muted" }, moment(user.last_login_ms)), h("td", { class: "num" }, String(user.sessions)),
      h("td", { class: "right" }, h("div", { class: "buttons" },
        button("New password", () => this.reset(user)), user.totp ? button("Take second factor away", () => this.resetFactor(user)) : "", button(user.enabled ? "Lock" : "Unlock", () => this.change(user, { enabled: !user.enabled })), button("Remove", () => this.remove(user)))));
  }

  async change(user, body) {
    await act(`users/${encodeURIComponent(user.name)}`, body);
    await this.load();
  }

  async reset(user) {
    if (!(await confirmFirst({ title: `New password for ${user.name}?`, text: "The old one and all sessions of this account end at once.", action: "Make one" }))) return;
    const made = await act(`users/${encodeURIComponent(user.name)}/password`, {});
    if (made) this.tell(made);
  }

  async resetFactor(user) {
    if (!(await confirmFirst({ title: `Take the second factor of ${user.name} away?`, text: "For somebody who lost the phone and the recovery codes: make sure that it is them. Their sessions end, and the password alone opens the account.", action: "Take it away", danger: true }))) return;
    await act(`users/${encodeURIComponent(user.name)}/second-factor/reset`);
    await this.load();
  }

  async remove(user) {
    if (await confirmFirst({ title: `Remove ${user.name}?`, text: "The account and its sessions are gone for good; what it did stays in the audit trail.", action: "Remove", danger: true })) {
      await act(`users/${encodeURIComponent(user.name)}/remove`);
      await this.load();
    }
  }

  add() {
    const name = h("input", { class: "input", id: "new-user", required: true, autocomplete: "off", spellcheck: "false", autofocus: true });
    const role = h("select", { class: "input", id: "new-role" }, Object.keys(this.roles ?? {}).map((one) => h("option", { value: one, selected: one === "viewer" }, one)));
    const form = h("form", {}, h("h2", { id: "confirm-title" }, "Add a user"),
      h("div", { class: "field" }, h("label", { for: "new-user" }, "Name"), name),
      h("div", { class: "field" }, h("label", { for: "new-role" }, "Role"), role),
      h("p", {}, "A password is made and shown once; the person chooses another at the first login."),
      h("div", { class: "buttons" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"), h("button", { class: "button primary" }, "Add")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const made = await act("users", { user: name.value.trim(), role: role.value });
      if (made) this.tell(made);
    });
    dialog.replaceChildren(form);
    dialog.showModal();
  }

  tell(made) {
    const form = h("form", { method: "dialog" }, h("h2", { id: "confirm-title" }, `Password of ${made.user}`),
      h("p", {}, "It is shown this once. Hand it over on a safe way."), h("code", { class: "secret" }, made.password),
      h("div", { class: "buttons" }, h("button", { class: "button primary" }, icon("circle-check", "icon-s"), "Done")));
    dialog.replaceChildren(form);
    if (!dialog.open) dialog.showModal();
    this.load();
  }
}

customElements.define("cb-users", Users);
