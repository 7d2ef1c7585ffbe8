// The button that stops trading, and the alerts.
import { act, confirmFirst } from "./act.js";
import { LiveElement, define } from "./element.js";
import { store } from "./live.js";
import { empty, h, icon, keyed, may, moment, pill, put } from "./view.js";

const MEANING = {
  ACTIVE: "New orders are allowed within the limits.",
  REDUCING: "Only orders that make positions smaller pass.",
  HALTED: "No new order passes. Cancelling is possible.",
};

class TradingControl extends LiveElement {
  static kinds = ["trading"];

  start() {
    this.stateBox = h("div", { class: "state" });
    this.meaning = h("p", { class: "reason" });
    this.halt = h("button", { class: "button danger large", type: "button", onclick: () => this.stop() }, icon("hand-stop"), "Halt trading");
    this.resume = h("button", { class: "button primary large", type: "button", onclick: () => this.go() }, icon("player-play"), "Resume trading");
    this.append(h("div", { class: "control" }, this.stateBox, this.meaning, this.halt, this.resume));
  }

  draw() {
    const trading = store.trading;
    const halted = trading?.state === "HALTED";
    this.stateBox.replaceChildren(trading ? pill(trading.state) : pill("waiting for trade"), h("span", { class: "muted num" }, trading?.since_ms ? `since ${moment(trading.since_ms)}` : ""));
    put(this.meaning, trading ? `${MEANING[trading.state] ?? ""}${trading.reason ? ` Reason: ${trading.reason.replace(/\.+$/, "")}.` : ""}` : "Its state appears when the trade service answers.");
    this.halt.hidden = halted;
    this.resume.hidden = !trading || trading.state === "ACTIVE";
    this.halt.disabled = this.resume.disabled = !may("trade.halt") || !trading;
  }

  async stop() {
    const chosen = await confirmFirst({
      title: "Halt trading?", text: "From now on no new order passes, whatever a strategy wants. It stays so, also after a restart, until you resume.",
      action: "Halt trading", danger: true,
      options: [
        { name: "cancel_orders", label: "Cancel all open orders", checked: true },
        { name: "flatten", label: "Close all positions at the market price" },
      ],
    });
    if (chosen) await this.change("HALTED", chosen);
  }

  async go() {
    const sure = await confirmFirst({ title: "Resume trading?", text: "Strategies may send orders again at once.", action: "Resume trading" });
    if (sure) await this.change("ACTIVE", {});
  }

  async change(state, options) {
    const answer = await act("trading", { state, ...options });
    if (answer) {
      store.trading = answer;
      this.redraw();
    }
  }
}

const ICONS = { info: "info-circle", warning: "alert-triangle", error: "alert-triangle", critical: "alert-triangle" };
const TONES = { info: "muted", warning: "warn-text", error: "down", critical: "down" };

class Alerts extends LiveElement {
  static kinds = ["alert"];

  draw() {
    const items = [...store.alerts.values()].reverse().slice(0, 6);
    if (items.length === 0) {
      this.showOnly(this.none ??= empty("circle-check", "All is well", "Faults that need you are told here, and when they are over."));
      return;
    }
    this.list ??= h("ul", { class: "rows" });
    this.showOnly(this.list);
    keyed(this.list, items, (item) => item.key, (item) => h("li", { class: "alert-line" },
      h("span", { class: item.recovered ? "up" : TONES[item.severity] ?? "muted" }, icon(item.recovered ? "circle-check" : ICONS[item.severity] ?? "bell")),
      h("span", { class: "grow" }, h("b", {}, item.title), h("div", { class: "muted" }, `${item.recovered ? "Over. " : ""}${item.detail}`)),
      h("span", { class: "num muted" }, moment(item.ts_ms))));
  }
}

define({ "trading-control": TradingControl, alerts: Alerts });
