// Base of elements that show one answer of the API: asked for at the start, again when an event says that it
// changed, and again when the connection or the service comes back. Nothing is asked on a clock.
import { act, ask } from "./act.js";
import { on, store } from "./live.js";
import { empty, h, icon, may, skeleton } from "./view.js";

const AGAIN_MS = 400;
const AT_REST = new Set(["STOPPED", "EXITED", "FATAL"]);

export class Fetched extends HTMLElement {
  /** Below /api/v1/. */
  path = "";
  /** The service that answers, where it may be switched off. */
  service = "";
  /** Kinds of live events after which the answer is old. */
  kinds = [];

  connectedCallback() {
    this.replaceChildren(skeleton(4));
    for (const kind of this.kinds) on(kind, () => this.soon());
    on("connection", () => { if (store.connected) this.soon(); });
    on("service", () => this.followService());
    on("snapshot", () => { if (!this.shown) this.load(); });
    this.begin?.();
    this.load();
  }

  /** Switched off, as far as the live stream knows? Then there is nobody to ask. */
  get resting() {
    const state = store.services.get(this.service)?.state;
    return this.service !== "" && (state === undefined || AT_REST.has(state));
  }

  /** The service came or went: what it says has changed. */
  followService() {
    const state = store.services.get(this.service)?.state;
    if (state !== this.known) this.soon();
    this.known = state;
  }

  /** Ask again, but not for every one of many events. */
  soon() {
    this.timer ??= setTimeout(() => { this.timer = null; this.load(); }, AGAIN_MS);
  }

  async load() {
    if (!store.ready) return;
    if (this.resting) {
      this.replaceChildren(this.off());
      return;
    }
    const { data, error } = await ask(this.path);
    if (data) this.show(data);
    else if (error.code === "not_running") this.replaceChildren(this.off());
    else if (!this.shown) this.replaceChildren(empty("plug-connected-x", "Not to be had now", error.message));
  }

  show(data) {
    this.shown = true;
    this.draw(data);
  }

  off() {
    this.shown = false;
    const box = empty("player-stop", `The service ${this.service} is switched off`, "It is an add-on: the bot trades without it.");
    if (may("config.write")) {
      box.append(h("button", { class: "button primary", type: "button", onclick: () => this.switchOn() }, icon("player-play", "icon-s"), "Switch it on"));
    }
    return box;
  }

  async switchOn() {
    await act("settings", { changes: { [`services.${this.service}.enabled`]: "true" } });
    this.soon();
  }
}

/** A table; titles that begin with # stand over numbers, which stand to the right. */
export const table = (titles, rows, label) => h("div", { class: "table-wrap", tabindex: "0", role: "group", "aria-label": label }, h("table", {},
  h("thead", {}, h("tr", {}, titles.map((title) => h("th", { scope: "col", class: title.startsWith("#") ? "right" : null }, title.replace("#", "") || h("span", { class: "visually-hidden" }, "Actions"))))),
  h("tbody", {}, rows)));
