// What runs, with which parameters, and what it decided.
import { act } from "./act.js";
import { LiveElement, define } from "./element.js";
import { store } from "./live.js";
import { empty, h, icon, keyed, may, moment, pill, price, side } from "./view.js";

class Strategies extends LiveElement {
  static kinds = ["strategies", "service"];

  draw() {
    const items = store.strategies?.strategies ?? [];
    if (items.length === 0) {
      this.replaceChildren(h("div", { class: "card" }, empty("robot", "No strategy runs", "Strategies are named in config.yaml under `strategy.instances`. `cryptobot strategy list` shows which there are.")));
      this.keyedRows = new Map();
      return;
    }
    keyed(this, items, (item) => item.name, (item) => this.card(item));
  }

  card(item) {
    const runs = item.state === "RUNNING" || item.state === "WARMING_UP";
    const button = h("button", {
      class: "button small", type: "button", disabled: !may("strategy.control"),
      onclick: () => act(`strategies/${encodeURIComponent(item.name)}/${runs ? "stop" : "start"}`),
    }, icon(runs ? "player-stop" : "player-play", "icon-s"), runs ? "Stop" : "Start");
    const fact = (title, value) => h("div", {}, h("dt", {}, title), h("dd", { class: "num" }, value));
    return h("article", { class: "card service" },
      h("div", { class: "head" }, h("h2", {}, item.name), h("span", { class: "muted clip grow" }, item.title), pill(item.state)),
      h("dl", { class: "facts" }, fact("Market", item.symbol), fact("Candle", item.timeframe), fact("Seen", String(item.candles)), fact("Signals", String(item.signals))),
      h("div", { class: "parameters" }, Object.entries(item.parameters).map(([name, value]) => h("span", {}, `${name} `, h("b", { class: "num" }, value)))),
      item.reason ? h("p", { class: "why" }, item.reason) : null,
      h("div", { class: "foot" }, h("span", { class: "needs grow" }, `on ${item.exchange}`), h("div", { class: "buttons" }, button)));
  }
}

class Signals extends LiveElement {
  static kinds = ["signal"];

  start() {
    this.body = h("tbody");
    this.table = h("div", { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "Decisions" }, h("table", {}, h("thead", {}, h("tr", {}, ["Time", "Strategy", "Market", "Side"].map((title) => h("th", { scope: "col" }, title)), h("th", { class: "right", scope: "col" }, "Price"), h("th", { scope: "col" }, "Why"))), this.body));
  }

  draw() {
    const items = [...store.signals].reverse().slice(0, 100);
    if (items.length === 0) {
      this.showOnly(this.none ??= empty("activity", "No decision yet", "Each decision of a strategy is listed here with its reason, also those that limits did not let pass."));
      return;
    }
    this.showOnly(this.table);
    keyed(this.body, items, (item) => `${item.ts_ms}|${item.signal.strategy}|${item.signal.intent_id}`, ({ ts_ms, signal }) => h("tr", {},
      h("td", { class: "num muted" }, moment(ts_ms)), h("td", {}, signal.strategy), h("td", {}, signal.symbol), h("td", {}, side(signal.side)),
      h("td", { class: "num right" }, price(signal.price)), h("td", {}, signal.reason)));
  }
}

define({ strategies: Strategies, signals: Signals });
