// One's own account: second factor, passkeys, sessions.
import { act, confirmFirst, get, toast } from "./act.js";
import { create, possible, reason } from "./passkey.js";
import { dress } from "./password.js";
import { field, h, icon, input, moment, skeleton } from "./view.js";

const dialog = document.getElementById("confirm");
const labelled = (id, label, attributes) => field(id, label, input(id, attributes));
const row = (title, detail, ...buttons) => h("li", {}, h("div", { class: "grow" }, h("b", {}, title), h("div", { class: "muted" }, detail)), h("div", { class: "buttons" }, buttons));
const button = (label, onclick, kind = "") => h("button", { class: `button small ${kind}`, type: "button", onclick }, label);

const left = (count) => `${count === 1 ? "1 recovery code is" : `${count} recovery codes are`} left.`;

/** A form in the dialog; resolves to its fields, or null. */
function ask(title, text, action, ...fields) {
  const form = h("form", { method: "dialog" }, h("h2", { id: "confirm-title" }, title), h("p", {}, text), ...fields,
    h("div", { class: "buttons" }, h("button", { class: "button", type: "button", onclick: () => dialog.close("no") }, "Cancel"), h("button", { class: "button primary", value: "yes" }, action)));
  dress(form);
  dialog.replaceChildren(form);
  dialog.returnValue = "";
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "yes" ? Object.fromEntries([...form.querySelectorAll("input")].map((input) => [input.id, input.value])) : null);
  });
}

class SecondFactor extends HTMLElement {
  connectedCallback() {
    this.replaceChildren(skeleton(2));
    this.load();
  }

  async load() {
    const state = await get("account/second-factor");
    const text = h("p", { class: "muted" }, "A code from an app on your phone, asked for after the password and before dangerous things.");
    if (!state) this.replaceChildren(text, h("div", { class: "buttons" }, button("Try again", () => this.load())));
    else if (!state.on) this.replaceChildren(text, h("div", { class: "buttons" }, button("Set up", () => this.begin(), "primary")));
    else this.replaceChildren(text, h("p", {}, h("span", { class: "pill good" }, "In force"), " ", left(state.recovery_codes)),
      h("div", { class: "buttons" }, button("New recovery codes", () => this.renew()), button("Remove", () => this.remove())));
  }

  async renew() {
    if (!(await confirmFirst({ title: "New recovery codes?", text: "Those that you have are worth nothing afterwards. Your phone goes on as it is.", action: "Make them" }))) return;
    const made = await act("account/recovery-codes");
    if (made) await this.show(made.codes, "Your recovery codes of before are worth nothing now.");
    await this.load();
  }

  async begin() {
    const given = await ask("Set up a second factor", "First your password, so that nobody else does it.", "Go on", labelled("totp-password", "Password", { type: "password", autocomplete: "current-password" }));
    const made = given && (await act("account/second-factor", { password: given["totp-password"] }));
    if (!made) return;
    const typed = await ask("Scan this", "Scan it with an authenticator app, then type the code that the app shows.", "Put in force",
      h("img", { class: "qr", src: made.image, alt: "QR code of the second factor" }),
      h("p", {}, "No camera? Type this into the app: ", h("code", {}, made.secret)),
      labelled("totp-code", "Code", { inputmode: "numeric", autocomplete: "one-time-code", maxlength: "10" }));
    const codes = typed && (await act("account/second-factor/confirm", { code: typed["totp-code"] }));
    if (codes) await this.show(codes.codes, "The second factor is in force; other sessions have ended.");
    await this.load();
  }

  show(codes, done) {
    const text = codes.join("\n");
    const save = h("a", { class: "button", download: "cryptobot-recovery-codes.txt", href: `data:text/plain,${encodeURIComponent(text)}` }, icon("download"), "Save");
    dialog.replaceChildren(h("form", { method: "dialog" }, h("h2", { id: "confirm-title" }, "Recovery codes"),
      h("p", {}, "Each logs you in once when the phone is lost. They are shown this once; keep them where the phone is not."),
      h("pre", { class: "secret" }, text), h("div", { class: "buttons" }, save, h("button", { class: "button primary" }, "I have them"))));
    if (!dialog.open) dialog.showModal();
    return new Promise((resolve) => { dialog.onclose = () => { toast(done); resolve(); }; });
  }

  async remove() {
    const given = await ask("Remove the second factor?", "Afterwards your password alone opens this account.", "Remove",
      labelled("off-password", "Password", { type: "password", autocomplete: "current-password" }), labelled("off-code", "Code", { autocomplete: "one-time-code" }));
    if (given) await act("account/second-factor/remove", { password: given["off-password"], code: given["off-code"] });
    await this.load();
  }
}

class Passkeys extends HTMLElement {
  connectedCallback() {
    this.list = h("ul", { class: "rows" });
    const add = button("Add a passkey", () => this.add(), "primary");
    add.disabled = !possible() || /^[\d.[\]:]+$/.test(location.hostname);
    const why = add.disabled ? "Passkeys belong to a name: open the dashboard as https://localhost to use them." : "Your device logs you in by finger, face or PIN; nothing to type, nothing to steal.";
    this.replaceChildren(h("p", { class: "muted" }, why), this.list, h("div", { class: "buttons" }, add));
    this.load();
  }

  async load() {
    const answer = await get("account/passkeys");
    if (!answer) return;
    this.list.replaceChildren(...answer.passkeys.map((one) => row(one.name, `made ${moment(one.created_ms)}, last used ${moment(one.last_used_ms)}`, button("Remove", () => this.remove(one)))));
  }

  async add() {
    const given = await ask("Add a passkey", "A name to tell it from others, such as the device it is in.", "Go on", labelled("passkey-name", "Name", { maxlength: "80", value: "This device" }));
    const begun = given && (await act("account/passkeys"));
    if (!begun) return;
    try {
      const response = await create(begun.options);
      await act("account/passkeys/finish", { ceremony: begun.ceremony, response, name: given["passkey-name"] });
    } catch (error) {
      toast(reason(error), true);
    }
    await this.load();
  }

  async remove(one) {
    if (!(await confirmFirst({ title: `Remove ${one.name}?`, text: "It logs you in no more. Remove it on the device, too.", action: "Remove", danger: true }))) return;
    await act(`account/passkeys/${encodeURIComponent(one.id)}/remove`);
    await this.load();
  }
}

class Sessions extends HTMLElement {
  connectedCallback() {
    this.replaceChildren(skeleton(2));
    this.load();
  }

  async load() {
    const answer = await get("account/sessions");
    if (!answer) {
      this.replaceChildren(h("p", { class: "muted" }, "Your sessions are not to be had now."), h("div", { class: "buttons" }, button("Try again", () => this.load())));
      return;
    }
    const list = answer.sessions.map((one) => row(one.current ? "This session" : one.address, `${one.user_agent.slice(0, 80) || "unknown program"}, since ${moment(one.created_ms)}, seen ${moment(one.seen_ms)}`,
      one.current ? h("span", { class: "pill good" }, "Here") : button("End", () => this.end(`account/sessions/${one.id}/end`))));
    const others = answer.sessions.length > 1 ? h("div", { class: "buttons" }, button("End all others", () => this.end("account/sessions/end-others"))) : null;
    this.replaceChildren(h("ul", { class: "rows" }, list), ...(others ? [others] : []));
  }

  async end(path) {
    await act(path);
    await this.load();
  }
}

dress(document.querySelector('form[action="/account/password"]'));
customElements.define("cb-second-factor", SecondFactor);
customElements.define("cb-passkeys", Passkeys);
customElements.define("cb-sessions", Sessions);
