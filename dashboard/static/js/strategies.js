// What runs, with which parameters, and what it decided.
import { act, confirmFirst } from "./act.js";
import { LiveElement, define } from "./element.js";
import { store } from "./live.js";
import { amount, empty, field, h, icon, keyed, may, moment, pill, price, put, side, signed, tone } from "./view.js";
import { tellWhy } from "./why.js";

const dialog = document.getElementById("confirm");

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
      class: "button small", type: "button", disabled: !may("strategy.control", item.name), "aria-label": `${runs ? "Stop" : "Start"} ${item.name}`,
      onclick: () => act(`strategies/${encodeURIComponent(item.name)}/${runs ? "stop" : "start"}`),
    }, icon(runs ? "player-stop" : "player-play", "icon-s"), runs ? "Stop" : "Start");
    const tune = h("button", { class: "button small", type: "button", disabled: !may("strategy.control", item.name) || !item.declared?.length, "aria-label": `Parameters of ${item.name}`, onclick: () => this.tune(item) }, icon("adjustments", "icon-s"), "Parameters");
    const fact = (title, value) => h("div", {}, h("dt", {}, title), h("dd", { class: "num" }, value));
    return h("article", { class: "card service" },
      h("div", { class: "head" }, h("h2", {}, item.name), h("span", { class: "muted clip grow" }, item.title), item.mode === "dry" ? h("span", { class: "pill plain" }, "Dry") : null, pill(item.state)),
      h("dl", { class: "facts" }, fact("Market", item.symbol), fact("Candle", item.timeframe), fact("Seen", String(item.candles)), fact("Signals", String(item.signals))),
      this.holding(item),
      h("div", { class: "parameters" }, Object.entries(item.parameters).map(([name, value]) => h("span", { title: item.changed?.includes(name) ? "changed while it ran" : null }, `${name} `, h("b", { class: `num ${item.changed?.includes(name) ? "warn-text" : ""}` }, value)))),
      item.reason ? h("p", { class: "why" }, item.reason) : null,
      h("div", { class: "foot" }, h("span", { class: "needs grow" }, `on ${item.exchange}`), h("div", { class: "buttons" }, this.going(item), tune, button)));
  }

  /** From simulated orders to real ones: asks, and wants a proof of who it is. */
  going(item) {
    if (item.mode !== "dry" || !may("config.write")) return null;
    return h("button", { class: "button small", type: "button", "aria-label": `Let ${item.name} trade`, onclick: () => this.goLive(item) }, icon("arrow-up-right", "icon-s"), "Go live");
  }

  async goLive(item) {
    const sure = await confirmFirst({ title: `Let ${item.name} send orders?`, text: `Until now it simulated. From its next decision on its orders go to ${item.exchange}, with what the account holds there, within the limits of the settings.`, action: "Go live", danger: true });
    if (sure) await act("settings", { changes: { [`strategy.instances.${item.name.split("@")[0]}.mode`]: "live" } });
  }

  /** What the run itself holds, and what its sales gained. */
  holding(item) {
    const held = Object.entries(item.held ?? {}).filter(([, size]) => Number(size) !== 0).map(([market, size]) => `${amount(size)} ${market.split("/")[0]}`);
    return h("p", { class: "muted" }, held.length ? `Holds ${held.join(", ")}. ` : "Holds nothing. ", "Realised ", h("b", { class: `num ${tone(item.realised)}` }, signed(item.realised ?? 0)));
  }

  /** Parameters by a form, each checked by what its author declared; in force from the next candle on. */
  tune(item) {
    const problem = h("div", { class: "message", role: "alert", hidden: true });
    const controls = new Map(item.declared.map((one) => [one.name, control(one, item.parameters[one.name] ?? one.default)]));
    const save = async (body) => {
      const done = await act(`strategies/${encodeURIComponent(item.name)}/parameters`, body, (text) => { problem.hidden = false; put(problem, text); });
      if (done) dialog.close();
    };
    const form = h("form", {}, h("h2", { id: "confirm-title" }, `Parameters of ${item.name}`),
      h("p", {}, "In force from the next candle on, and kept over restarts until they are reset."), problem,
      ...item.declared.map((one) => field(`p-${one.name}`, one.name, controls.get(one.name), hint(one))),
      h("div", { class: "buttons" }, item.changed?.length ? h("button", { class: "button ghost", type: "button", onclick: () => save({ values: {}, reset: true }) }, "As in the settings") : null,
        h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"), h("button", { class: "button primary" }, "Put in force")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const values = {};
      for (const [name, box] of controls) {
        const value = box.type === "checkbox" ? String(box.checked) : box.value.trim();
        if (value !== box.given) values[name] = value;
      }
      if (Object.keys(values).length) save({ values });
      else dialog.close();
    });
    dialog.replaceChildren(form);
    dialog.showModal();
  }
}

function control(one, value) {
  const id = `p-${one.name}`;
  const box = one.kind === "bool" ? h("input", { type: "checkbox", id, checked: /^true$/i.test(value) })
    : one.choices.length ? h("select", { class: "input", id }, one.choices.map((choice) => h("option", { value: choice, selected: choice === value }, choice)))
    : one.kind === "str" ? h("input", { class: "input", id, value, autocomplete: "off" })
    : h("input", { class: "input num", id, type: "number", value, step: one.kind === "int" ? "1" : "any", min: one.low || null, max: one.high || null, required: true });
  box.given = one.kind === "bool" ? String(box.checked) : value;
  return box;
}

function hint(one) {
  const range = one.low && one.high ? `${one.low} to ${one.high}` : one.low ? `at least ${one.low}` : one.high ? `at most ${one.high}` : "";
  return [one.help, range && `${range}.`, `Usually ${one.default}.`].filter(Boolean).join(" ");
}

class Signals extends LiveElement {
  static kinds = ["signal"];

  start() {
    this.body = h("tbody");
    this.table = h("div", { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "Decisions" }, h("table", {}, h("thead", {}, h("tr", {}, ["Time", "Strategy", "Market", "Side"].map((title) => h("th", { scope: "col", class: title === "Market" ? "hide-phone" : null }, title)), h("th", { class: "right", scope: "col" }, "Price"), h("th", { scope: "col" }, "Reason"), h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "Actions")))), this.body));
  }

  draw() {
    const items = [...store.signals].reverse().slice(0, 100);
    if (items.length === 0) {
      this.showOnly(this.none ??= empty("activity", "No decision yet", "Each decision of a strategy is listed here with its reason, also those that limits did not let pass."));
      return;
    }
    this.showOnly(this.table);
    keyed(this.body, items, (item) => `${item.ts_ms}|${item.signal.strategy}|${item.signal.intent_id}`, ({ ts_ms, signal }) => h("tr", {},
      h("td", { class: "num muted" }, moment(ts_ms)), h("td", { class: "nowrap" }, signal.strategy), h("td", { class: "hide-phone" }, signal.symbol), h("td", {}, side(signal.side)),
      h("td", { class: "num right" }, price(signal.price)), h("td", { class: "text" }, signal.reason),
      h("td", { class: "right" }, signal.intent_id ? h("button", { class: "button small", type: "button", "aria-label": `Why did ${signal.strategy} ${signal.side} at ${moment(ts_ms)}?`, onclick: () => tellWhy(signal.intent_id) }, "Why?") : "")));
  }
}

define({ strategies: Strategies, signals: Signals });
