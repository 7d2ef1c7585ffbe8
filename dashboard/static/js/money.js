// Figures, orders, fills, positions, balances.
import { act, ask, confirmFirst } from "./act.js";
import { LiveElement, define } from "./element.js";
import { store } from "./live.js";
import { amount, clock, empty, h, holding, keyed, may, moment, money, percent, pill, price, put, side, signed, tone } from "./view.js";
import { tellWhy } from "./why.js";

const FINISHED = new Set(["FILLED", "CANCELED", "CANCELLED", "REJECTED", "DENIED", "EXPIRED"]);
const isOpen = (order) => !FINISHED.has(order.state);
// The server tells this many of the newest.
const MOST_FILLS = 300;
// Below one unit of the quote currency a holding is a rest that the exchange does not let anyone sell.
const DUST = 1;
const DAY_MS = 86_400_000;
const base = (symbol) => symbol.split("/")[0];
// The account goes without saying while it is main.
const ofAccount = (item) => (item.account && item.account !== "main" ? h("span", { class: "muted" }, ` ${item.account}`) : "");
const accountQuery = (item) => (item.account ? `?account=${encodeURIComponent(item.account)}` : "");

/** A table whose rows keep their place; `columns` are [title, class]. */
class TableElement extends LiveElement {
  columns() { return []; }
  items() { return []; }
  row() { return h("tr"); }
  keyOf(item) { return item.id; }
  nothing() { return empty("info-circle", "Nothing yet", ""); }

  start() {
    this.body = h("tbody");
    const head = h("tr", {}, this.columns().map(([title, kind = ""]) => h("th", { class: kind, scope: "col" }, title || h("span", { class: "visually-hidden" }, "Actions"))));
    this.table = h("div", { class: "table-wrap", tabindex: "0", role: "group", "aria-label": this.label }, h("table", {}, h("thead", {}, head), this.body));
  }

  draw() {
    const items = this.items();
    if (items.length === 0) {
      this.showOnly(this.none ??= this.nothing());
      return;
    }
    this.showOnly(this.table);
    const settled = this.known !== undefined;
    const known = this.known ?? new Set();
    keyed(this.body, items, (item) => this.keyOf(item), (item) => {
      const row = this.row(item);
      if (settled && !known.has(this.keyOf(item))) row.className = "fresh";
      return row;
    });
    this.known = new Set(items.map((item) => this.keyOf(item)));
  }

  get limit() { return Number(this.getAttribute("limit") ?? 50); }
}

/** What the filters above a table ask for: a state, a side, a market, and words that appear anywhere. */
class FilteredTable extends TableElement {
  filter = "";
  side = "";
  account = "";
  words = "";

  wanted(item) {
    if (this.side && item.side !== this.side) return false;
    if (this.account && item.account !== this.account) return false;
    return !this.words || `${item.symbol} ${item.side} ${item.type ?? ""} ${item.state ?? ""} ${item.source} ${item.reason ?? ""} ${item.id} ${item.client_order_id} ${item.account ?? ""}`.toLowerCase().includes(this.words);
  }

  nothing() {
    return this.side || this.account || this.words ? empty("search", "Nothing matches", "Change or clear the filters.") : this.nobody();
  }

  draw() {
    const why = this.side || this.account || this.words ? "filtered" : this.filter;
    if (why !== this.whyNothing) this.none = null;
    this.whyNothing = why;
    super.draw();
  }
}

class Orders extends FilteredTable {
  static kinds = ["order"];
  label = "Orders";

  columns() {
    return [["Time"], ["Market"], ["Side"], ["Type", "hide-phone"], ["Amount", "right"], ["Filled", "right hide-phone"], ["Price", "right"], ["State"],
      ...(this.hasAttribute("details") ? [["Why", "hide-phone"]] : []), [""]];
  }

  items() {
    const only = this.hasAttribute("open") || this.filter === "open";
    return [...store.orders.values()].filter((order) => (!only || isOpen(order)) && this.wanted(order)).sort((a, b) => b.created_ms - a.created_ms).slice(0, this.limit);
  }

  nobody() {
    return this.hasAttribute("open") || this.filter
      ? empty("list-details", "No open orders", "Market orders fill at once, so this is often empty. Limit orders wait here.")
      : empty("list-details", "No order yet", "The first appears when a strategy decides to trade, or when you send one with `cryptobot`.");
  }

  row(order) {
    const cancel = isOpen(order) && may("trade.order")
      ? h("button", { class: "button small", type: "button", onclick: () => this.cancel(order) }, "Cancel")
      : "";
    const why = this.hasAttribute("details") ? h("button", { class: "button small", type: "button", "aria-label": `Why order ${order.id}?`, onclick: () => tellWhy(order.id) }, "Why?") : "";
    return h("tr", {},
      h("td", { class: "num muted", title: order.id }, moment(order.created_ms)),
      h("td", {}, order.symbol, ofAccount(order)),
      h("td", {}, side(order.side)),
      h("td", { class: "hide-phone" }, order.type),
      h("td", { class: "num right" }, amount(order.amount)),
      h("td", { class: "num right hide-phone" }, amount(order.filled)),
      h("td", { class: "num right" }, order.average ?? order.price ? price(order.average ?? order.price) : "market"),
      h("td", {}, pill(order.state)),
      this.hasAttribute("details") ? h("td", { class: "muted hide-phone text" }, order.reason || order.source) : null,
      h("td", { class: "right" }, h("div", { class: "buttons" }, cancel, why)));
  }

  async cancel(order) {
    const sure = await confirmFirst({
      title: "Cancel this order?", text: `${order.side} ${amount(order.remaining)} ${base(order.symbol)} on ${order.exchange}. What is filled stays filled.`, action: "Cancel the order", danger: true,
    });
    if (sure) await act(`orders/${encodeURIComponent(order.id)}/cancel${accountQuery(order)}`);
  }
}

class Fills extends FilteredTable {
  static kinds = ["fill"];
  label = "Fills";

  columns() {
    const more = this.hasAttribute("details") ? [["Fee", "right hide-phone"], ["By", "hide-phone"], [""]] : [];
    return [["Time"], ["Market"], ["Side"], ["Amount", "right"], ["Price", "right"], ["Value", "right hide-phone"], ...more];
  }

  items() {
    return [...store.fills.values()].filter((fill) => this.wanted(fill)).sort((a, b) => b.ts_ms - a.ts_ms).slice(0, this.limit);
  }

  keyOf(fill) { return `${fill.account}|${fill.exchange}|${fill.id}`; }

  nobody() {
    return empty("receipt", "No fill yet", "When an order meets a price, the execution appears here and as an arrow on the chart. In the demo that takes about a minute.");
  }

  row(fill) {
    const more = this.hasAttribute("details")
      ? [h("td", { class: "num right muted hide-phone" }, `${amount(fill.fee)} ${fill.fee_currency}`), h("td", { class: "hide-phone" }, fill.source),
        h("td", { class: "right" }, h("button", { class: "button small", type: "button", "aria-label": `Why fill ${fill.id}?`, onclick: () => tellWhy(fill.order_id) }, "Why?"))] : [];
    return h("tr", {},
      h("td", { class: "num muted" }, moment(fill.ts_ms)),
      h("td", {}, fill.symbol, ofAccount(fill)),
      h("td", {}, side(fill.side)),
      h("td", { class: "num right" }, amount(fill.amount)),
      h("td", { class: "num right" }, price(fill.price)),
      h("td", { class: "num right hide-phone" }, money(fill.cost)),
      ...more);
  }
}

class Positions extends FilteredTable {
  static kinds = ["position"];
  label = "Positions";

  columns() {
    return [["Market"], ["Amount", "right"], ["Average", "right"], ["Unrealised", "right"], ["Realised", "right hide-phone"], ...(this.hasAttribute("details") ? [["Fees", "right hide-phone"], [""]] : [])];
  }

  items() {
    return [...store.positions.values()].filter((position) => this.wanted(position)).sort((a, b) => a.symbol.localeCompare(b.symbol));
  }

  wanted(position) { return (!this.account || position.account === this.account) && `${position.symbol} ${position.exchange} ${position.account}`.toLowerCase().includes(this.words); }

  keyOf(position) { return `${position.account}|${position.exchange}|${position.symbol}`; }

  nobody() {
    return empty("coins", "No position", "What the bot holds is listed here with its average price and its gain.");
  }

  row(position) {
    return h("tr", {},
      h("td", {}, position.symbol, ofAccount(position), Number(position.amount) === 0 ? h("span", { class: "muted" }, " flat") : ""),
      h("td", { class: "num right" }, amount(position.amount)),
      h("td", { class: "num right" }, position.average === null ? "–" : price(position.average)),
      h("td", { class: `num right ${tone(position.unrealised_pnl)}` }, signed(position.unrealised_pnl)),
      h("td", { class: `num right hide-phone ${tone(position.realised_pnl)}` }, signed(position.realised_pnl)),
      ...(this.hasAttribute("details") ? [h("td", { class: "num right muted hide-phone" }, money(position.fees)), h("td", { class: "right" }, this.closing(position))] : []));
  }

  closing(position) {
    if (!may("trade.order") || Math.abs(Number(position.amount) * Number(position.average ?? 0)) < DUST) return "";
    return h("button", { class: "button small", type: "button", "aria-label": `Close ${position.symbol}`, onclick: () => this.close(position) }, "Close");
  }

  async close(position) {
    const sure = await confirmFirst({
      title: `Close ${position.symbol}?`, text: `${amount(position.amount)} ${base(position.symbol)} on ${position.exchange} are sold at the market price. Strategies go on and may buy again; halt trading first to keep them from it.`, action: "Close the position", danger: true,
    });
    if (sure) await act(`positions/close${accountQuery(position)}`, { exchange: position.exchange, symbol: position.symbol });
  }
}

class Balances extends LiveElement {
  static kinds = ["balance"];

  draw() {
    const items = [...store.balances.values()].sort((a, b) => a.asset.localeCompare(b.asset));
    if (items.length === 0) {
      this.showOnly(this.none ??= empty("wallet", "No balance yet", "The ledger's balances appear when trade has opened its account."));
      return;
    }
    this.list ??= h("ul", { class: "rows" });
    this.showOnly(this.list);
    keyed(this.list, items, (item) => `${item.account}|${item.exchange}|${item.asset}`, (item) => h("li", {},
      h("span", { class: "grow" }, item.asset, ofAccount(item), this.hasAttribute("details") ? h("span", { class: "muted" }, ` on ${item.exchange}`) : ""),
      Number(item.used) > 0 ? h("span", { class: "num muted" }, `${amount(item.used)} in orders`) : "",
      h("b", { class: "num", title: item.total }, item.asset === store.equity?.currency ? money(item.total) : holding(item.total))));
  }
}

/** Long numbers are set smaller, so that they stay on their card. */
const sizeOf = (text) => (text.length > 13 ? "longer" : text.length > 10 ? "long" : "");
const shareOf = (part, whole) => (whole ? (part / whole) * 100 : 0);

class Figures extends LiveElement {
  static kinds = ["equity", "position", "fill", "order"];
  waiting() {}

  start() {
    this.cells = {};
    const cell = (name, title) => {
      const value = h("dd", { class: "num" });
      const sub = h("dd", { class: "sub num" });
      const unit = h("span", { class: "unit" });
      this.cells[name] = { value, sub, unit };
      return h("div", { class: "figure" }, h("dt", {}, title, unit), value, sub);
    };
    this.append(h("dl", { class: "figures" },
      cell("equity", "Equity"), cell("today", "Today"), cell("total", "Overall"), cell("risk", "At risk"), cell("position", "Open position"), cell("fills", "Fills")));
  }

  set(name, text, unit, sub, kind = "") {
    const cell = this.cells[name];
    cell.value.className = `num ${kind} ${sizeOf(text)}`;
    put(cell.value, text);
    put(cell.unit, unit);
    put(cell.sub, sub);
  }

  draw() {
    const equity = store.equity;
    if (equity && this.asked === undefined) this.dayBegins();
    if (equity) {
      const began = Number(equity.start_equity);
      const gain = Number(equity.equity) - began;
      const morning = this.morning ?? began;
      const day = Number(equity.equity) - morning;
      this.set("equity", money(equity.equity), equity.currency, `valued ${clock(equity.ts_ms)}`);
      this.set("today", signed(day), equity.currency, `${percent(shareOf(day, morning))} since midnight`, tone(day));
      this.set("total", signed(gain), equity.currency, `${percent(shareOf(gain, began))}, realised ${signed(equity.realised_pnl)}`, tone(gain));
      this.drawRisk(equity);
    } else for (const name of ["equity", "today", "total", "risk"]) this.set(name, "–", "", "waiting for trade");
    this.drawPosition();
    const fills = [...store.fills.values()];
    const open = [...store.orders.values()].filter(isOpen).length;
    const newest = fills.reduce((most, fill) => Math.max(most, fill.ts_ms), 0);
    this.set("fills", fills.length >= MOST_FILLS ? `${MOST_FILLS}+` : String(fills.length), "", `${newest ? `last at ${clock(newest)}, ` : ""}${open} open order${open === 1 ? "" : "s"}`);
  }

  /** Ask for the last value before this day, once trade is there to answer, and again when the next day begins;
   * a home of today has none. What was not answered is asked again with the next value. */
  async dayBegins() {
    const midnight = new Date().setHours(0, 0, 0, 0);
    this.asked = midnight;
    const { data } = await ask(`equity?limit=1&before_ms=${midnight}`);
    if (!data) {
      this.asked = undefined;
      return;
    }
    this.morning = data.points.length ? Number(data.points[0].equity) : null;
    setTimeout(() => this.dayBegins(), midnight + DAY_MS + 1000 - Date.now());
    this.redraw();
  }

  /** What is exposed to the market at its price of now. */
  drawRisk(equity) {
    const exposed = [...store.positions.values()].reduce((sum, one) => sum + Math.abs(Number(one.amount) * Number(one.average ?? 0) + Number(one.unrealised_pnl)), 0);
    const shown = exposed < DUST ? 0 : exposed;
    this.set("risk", money(shown), equity.currency, `${Math.round(shareOf(shown, Number(equity.equity)))} % of the equity, unrealised ${signed(equity.unrealised_pnl)}`);
  }

  drawPosition() {
    const all = [...store.positions.values()].filter((position) => Number(position.amount) !== 0);
    const held = all.filter((position) => Math.abs(Number(position.amount) * Number(position.average)) >= DUST);
    if (held.length === 0) this.set("position", "Flat", "", all.length ? `a rest of ${amount(all[0].amount)} ${base(all[0].symbol)}` : "nothing held");
    else if (held.length === 1) this.set("position", Number(held[0].amount).toPrecision(6).replace(/\.?0+$/, ""), base(held[0].symbol), `bought at ${price(held[0].average)}`);
    else this.set("position", String(held.length), "markets", held.map((item) => base(item.symbol)).join(", "));
  }
}

/** Where the money is: what is held at the price of now, and what is free. */
class Allocation extends LiveElement {
  static kinds = ["position", "balance", "equity"];

  draw() {
    const equity = store.equity;
    if (!equity || !Number(equity.equity)) {
      this.showOnly(this.none ??= empty("wallet", "Nothing yet", "It appears when trade has valued the account."));
      return;
    }
    const held = [...store.positions.values()].map((one) => ({ name: base(one.symbol), value: Math.abs(Number(one.amount) * Number(one.average ?? 0) + Number(one.unrealised_pnl)) })).filter((one) => one.value >= DUST);
    const rest = Math.max(0, Number(equity.equity) - held.reduce((sum, one) => sum + one.value, 0));
    const parts = [...held, { name: equity.currency, value: rest }].sort((a, b) => b.value - a.value).map((one) => ({ ...one, share: shareOf(one.value, Number(equity.equity)) }));
    this.list ??= h("ul", { class: "rows allocation" });
    this.showOnly(this.list);
    keyed(this.list, parts, (one) => one.name, (one) => h("li", {}, h("b", { class: "asset" }, one.name), h("meter", { min: "0", max: "100", value: String(one.share), "aria-label": `${one.name}: ${one.share.toFixed(1)} percent` }),
      h("span", { class: "num" }, `${one.share.toFixed(1)} %`), h("span", { class: "num muted" }, `${money(one.value)} ${equity.currency}`)));
  }
}

define({ allocation: Allocation, orders: Orders, fills: Fills, positions: Positions, balances: Balances, figures: Figures });
