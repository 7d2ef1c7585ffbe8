// The order book and the trades of the market that is shown.
import { shownSeries } from "./charts.js";
import { LiveElement, define } from "./element.js";
import { store } from "./live.js";
import { amount, clock, empty, h, keyed, price, svg } from "./view.js";

const LEVELS = 10;
const TRADES = 14;

class Book extends LiveElement {
  static kinds = ["book"];

  draw() {
    const series = shownSeries();
    const book = series && store.books.get(`${series.exchange}|${series.symbol}`);
    if (!book || book.bids.length + book.asks.length === 0) {
      this.showOnly(this.none ??= empty("list-details", "No book yet", "It appears with the next change of the market."));
      return;
    }
    this.list ??= h("ul", { class: "book" });
    this.showOnly(this.list);
    const asks = book.asks.slice(0, LEVELS);
    const bids = book.bids.slice(0, LEVELS);
    const most = Math.max(...[...asks, ...bids].map(([, size]) => Number(size)));
    const level = (kind) => ([at, size], index) => ({ key: `${kind}${index}`, kind, at, size, share: (Number(size) / most) * 100 });
    const spread = asks.length && bids.length ? Number(asks[0][0]) - Number(bids[0][0]) : null;
    const rows = [...asks.map(level("ask")).reverse(), { key: "spread", spread }, ...bids.map(level("bid"))];
    keyed(this.list, rows, (row) => row.key, (row) => this.row(row));
  }

  row({ key, kind, at, size, share, spread }) {
    if (key === "spread") return h("li", { class: "spread muted num" }, spread === null ? "" : `Spread ${price(spread)}`);
    const bar = svg("svg", { class: `depth-bar ${kind}`, viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { x: 100 - share, width: share, height: 1 }));
    return h("li", {}, bar, h("span", { class: `num ${kind === "ask" ? "down" : "up"}` }, price(at)), h("span", { class: "num" }, amount(size)));
  }
}

class Tape extends LiveElement {
  static kinds = ["trade"];

  draw() {
    const series = shownSeries();
    const items = store.trades.filter((trade) => trade.symbol === series?.symbol && trade.exchange === series?.exchange).slice(-TRADES).reverse();
    if (items.length === 0) {
      this.showOnly(this.none ??= empty("activity", "No trade yet", "What others trade here appears as it happens."));
      return;
    }
    this.list ??= h("ul", { class: "book" });
    this.showOnly(this.list);
    keyed(this.list, items, (trade) => trade.id, (trade) => h("li", {},
      h("span", { class: `num ${trade.side === "buy" ? "up" : "down"}` }, price(trade.price)), h("span", { class: "num" }, amount(trade.amount)),
      h("span", { class: "num muted" }, clock(trade.ts_ms))));
  }
}

define({ book: Book, tape: Tape });
