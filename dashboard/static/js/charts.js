// The price with the bot's trades on it, and the equity curve.
import {
  BaselineSeries, CandlestickSeries, ColorType, CrosshairMode, HistogramSeries, LineSeries, LineStyle, createChart, createSeriesMarkers,
} from "../vendor/lightweight-charts-5.2.1/lightweight-charts.mjs";
import { LiveElement, define } from "./element.js";
import { get } from "./act.js";
import { on, seriesKey, store } from "./live.js";
import { empty, h, money, percent, price, put, signed, tone } from "./view.js";

const SECONDS = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };
const BAR_WIDTH = 7;
const LABEL_BARS = 8;
const RESTING = new Set(["OPEN", "ACCEPTED", "PARTIALLY_FILLED", "SUBMITTED", "PENDING"]);
// Candles asked at a time, and how near to the oldest of them the next ones are asked.
const PAGE = "5000";
const NEAR_THE_END = 300;
const LINE_COLOURS = ["#e0a63a", "#5b8def", "#a97be0", "#3fb6b0"];

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const frameSeconds = (timeframe) => Number.parseInt(timeframe, 10) * (SECONDS[timeframe.at(-1)] ?? 60);
const pad = (value) => String(value).padStart(2, "0");
const localTime = (seconds, withSeconds) => {
  const date = new Date(seconds * 1000);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}${withSeconds ? `:${pad(date.getSeconds())}` : ""}`;
};

function colours() {
  return {
    layout: {
      background: { type: ColorType.Solid, color: "transparent" },
      textColor: css("--text-3"), fontFamily: css("--font"), fontSize: 11, attributionLogo: false,
    },
    grid: { vertLines: { visible: false }, horzLines: { color: css("--line") } },
    rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.12, bottom: 0.12 } },
    timeScale: { borderColor: css("--line") },
    crosshair: {
      mode: CrosshairMode.Normal,
      vertLine: { color: css("--line-strong"), labelBackgroundColor: css("--text-2") },
      horzLine: { color: css("--line-strong"), labelBackgroundColor: css("--text-2") },
    },
  };
}

export function makeChart(place, withSeconds) {
  const chart = createChart(place, {
    autoSize: true,
    ...colours(),
    localization: { timeFormatter: (time) => `${new Date(time * 1000).toLocaleDateString()} ${localTime(time, true)}`, priceFormatter: money },
    handleScale: { axisPressedMouseMove: { time: true, price: false } },
  });
  chart.timeScale().applyOptions({
    timeVisible: true, secondsVisible: withSeconds, rightOffset: 4, minBarSpacing: 0.5,
    tickMarkFormatter: (time, kind) => (kind < 3 ? new Date(time * 1000).toLocaleDateString(undefined, { day: "numeric", month: "short" }) : localTime(time, withSeconds && kind === 4)),
  });
  const recolour = () => chart.applyOptions(colours());
  document.addEventListener("themechange", recolour);
  const remove = chart.remove.bind(chart);
  chart.remove = () => {
    document.removeEventListener("themechange", recolour);
    remove();
  };
  return chart;
}

/** Asked once for all bars: each look at the computed style costs more than a bar. */
const volumeColours = () => ({ up: `${css("--up")}55`, down: `${css("--down")}55` });

let chosen = null;
/** The market that the page shows: the chosen one, else the first. */
export const shownSeries = () => (chosen && store.series.get(chosen)) || store.series.values().next().value;

class PriceChart extends LiveElement {
  static kinds = ["fill", "order"];

  waiting() {
    this.replaceChildren(h("div", { class: "chart pad" }, h("span", { class: "skeleton" })));
  }

  draw() {
    const series = shownSeries();
    if (!series || series.rows.size === 0) {
      this.drawn = null;
      this.showOnly(this.nothing ??= empty("chart-candle", "No candle yet", "Prices appear here as soon as the data service has received the first one."));
      return;
    }
    if (this.key !== seriesKey(series)) this.clear();
    if (!this.chart) this.build(series);
    if (this.firstElementChild !== this.legend) this.replaceChildren(this.legend, this.place);
    this.fill(series);
    this.mark(series);
    this.markOrders(series);
  }

  build(series) {
    this.legend = h("div", { class: "chart-legend num" });
    this.place = h("div", { class: "chart", role: "img", "aria-label": `Price of ${series.symbol} with the bot's trades` });
    this.replaceChildren(this.legend, this.place);
    this.key = seriesKey(series);
    this.chart = makeChart(this.place, frameSeconds(series.timeframe) < 60);
    this.candles = this.chart.addSeries(CandlestickSeries, this.candleColours());
    this.markers = createSeriesMarkers(this.candles, [], { zOrder: "top" });
    this.lines = new Map();
    if (this.hasAttribute("volume")) this.addVolume();
    if (this.hasAttribute("history")) this.addHistory(series);
    this.follow();
    this.chart.subscribeCrosshairMove((event) => this.describe(event.time ? event.seriesData.get(this.candles) : null));
  }

  follow() {
    if (this.following) return;
    this.following = true;
    document.addEventListener("themechange", () => {
      if (!this.chart) return;
      this.candles.applyOptions(this.candleColours());
      this.mark(store.series.get(this.key));
    });
    on("candle:one", (data) => this.newCandle(data));
    on("indicator:one", (data) => this.newIndicator(data));
    on("snapshot", () => { if (this.chart) this.drawn = null; });
  }

  clear() {
    this.chart?.remove();
    this.chart = this.drawn = this.older = this.placed = this.next = this.resting = undefined;
    this.asking = false;
  }

  addVolume() {
    this.volume = this.chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.candles.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.2 } });
  }

  /** What data keeps beyond the newest candles: a page when the market is chosen, the next ones when somebody
   * scrolls back to the end of what is drawn. */
  async addHistory(series, cursor = "") {
    if (this.asking) return;
    this.asking = true;
    const { exchange, symbol, timeframe } = series;
    const query = new URLSearchParams({ exchange, symbol, timeframe, limit: PAGE, ...(cursor ? { cursor } : {}) });
    const answer = await get(`candles?${query}`);
    this.asking = false;
    if (!answer || this.key !== seriesKey(series)) return;
    this.next = answer.next;
    if (!cursor) this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => this.scrolled(range, series));
    const rows = answer.candles.map((candle) => [candle.open_ms, Number(candle.open), Number(candle.high), Number(candle.low), Number(candle.close), Number(candle.volume), true]);
    this.older = cursor ? rows.concat(this.older) : rows;
    this.drawn = null;
    this.redraw();
  }

  scrolled(range, series) {
    if (range && range.from < NEAR_THE_END && this.next) this.addHistory(series, this.next);
  }

  candleColours() {
    return {
      upColor: css("--up"), downColor: css("--down"), wickUpColor: css("--up"), wickDownColor: css("--down"),
      borderVisible: false, priceLineColor: css("--accent"),
    };
  }

  fill(series) {
    if (this.drawn === series) return;
    const first = this.drawn === undefined || this.drawn === null && !this.placed;
    this.placed = true;
    this.drawn = series;
    const known = new Map((this.older ?? []).map((row) => [row[0], row]));
    for (const row of series.rows.values()) known.set(row[0], row);
    const rows = [...known.values()].sort((a, b) => a[0] - b[0]);
    this.oldest = rows[0][0] / 1000;
    const colours = volumeColours();
    this.volume?.setData(rows.map((row) => this.volumeBar(row, colours)));
    this.lastTime = rows.at(-1)[0] / 1000;
    this.candles.setData(rows.map((row) => this.bar(row)));
    for (const [name, points] of series.indicators) {
      const data = [...points].sort((a, b) => a[0] - b[0]).map(([ms, value]) => ({ time: ms / 1000, value }));
      this.line(name).setData(data);
    }
    if (first) {
      const shown = Math.max(40, Math.round(this.place.clientWidth / BAR_WIDTH));
      this.chart.timeScale().setVisibleLogicalRange({ from: rows.length - shown, to: rows.length + 4 });
    }
    this.describe(null);
  }

  bar(row) {
    return { time: row[0] / 1000, open: row[1], high: row[2], low: row[3], close: row[4] };
  }

  volumeBar(row, { up, down } = volumeColours()) {
    return { time: row[0] / 1000, value: row[5], color: row[4] >= row[1] ? up : down };
  }

  line(name) {
    if (!this.lines.has(name)) {
      const color = LINE_COLOURS[this.lines.size % LINE_COLOURS.length];
      const options = { color, lineWidth: 1.5, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false };
      this.lines.set(name, this.chart.addSeries(LineSeries, options));
    }
    return this.lines.get(name);
  }

  newCandle(data) {
    if (!this.drawn || data.key !== this.key) return;
    const bar = this.bar(data.row);
    if (bar.time < this.lastTime) this.candles.update(bar, true);
    else this.candles.update(bar);
    this.volume?.update(this.volumeBar(data.row), bar.time < this.lastTime);
    this.lastTime = Math.max(this.lastTime, bar.time);
    this.describe(null);
  }

  newIndicator(data) {
    if (!this.drawn || data.key !== this.key) return;
    for (const [name, value] of Object.entries(data.values)) {
      const line = this.line(`${data.strategy}.${name}`);
      const last = line.data().at(-1);
      line.update({ time: data.ms / 1000, value }, Boolean(last && last.time > data.ms / 1000));
    }
  }

  mark(series) {
    const step = frameSeconds(series.timeframe);
    const shown = [...store.fills.values()].filter((fill) => fill.symbol === series.symbol);
    const oldest = this.oldest;
    const marks = shown
      .map((fill) => ({ fill, time: Math.floor(fill.ts_ms / 1000 / step) * step }))
      .filter(({ time }) => time >= oldest)
      .sort((a, b) => a.time - b.time)
      .map(({ fill, time }, index, all) => ({
        time, position: fill.side === "buy" ? "belowBar" : "aboveBar", shape: fill.side === "buy" ? "arrowUp" : "arrowDown",
        color: css(fill.side === "buy" ? "--up" : "--down"), size: 1.2,
        // Words on every arrow would cover each other; colour and direction say the same.
        text: index > 0 && time - all[index - 1].time < LABEL_BARS * step ? "" : fill.side === "buy" ? "Buy" : "Sell",
      }));
    this.markers.setMarkers(marks);
  }

  /** The bot's resting orders of this market, as lines at their prices. */
  markOrders(series) {
    const open = [...store.orders.values()].filter((order) => order.symbol === series.symbol && RESTING.has(order.state) && (order.price ?? order.stop_price));
    const mark = JSON.stringify(open.map((order) => [order.id, order.price, order.stop_price, order.remaining]));
    if (mark === this.resting?.mark) return;
    for (const line of this.resting?.lines ?? []) this.candles.removePriceLine(line);
    const lines = open.map((order) => this.candles.createPriceLine({
      price: Number(order.stop_price ?? order.price), color: css(order.side === "buy" ? "--up" : "--down"), lineWidth: 1, lineStyle: LineStyle.Dashed, axisLabelVisible: true,
      title: `${order.side} ${Number(order.remaining)}${order.stop_price ? " stop" : ""}`,
    }));
    this.resting = { mark, lines };
  }

  /** A button that hides and shows one of the strategies' lines. */
  toggle(name, line, index) {
    const button = h("button", { class: "legend-toggle", type: "button", "aria-pressed": "true", title: name }, h("i", { class: `swatch swatch-${index % 4}` }), name.slice(name.lastIndexOf(".") + 1));
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      line.applyOptions({ visible: shown });
    });
    return button;
  }

  describe(bar) {
    const row = bar ? [0, bar.open, bar.high, bar.low, bar.close] : [...this.drawn.rows.values()].at(-1);
    const parts = ["Open", "High", "Low", "Close"].map((name, index) => h("span", {}, `${name} `, h("b", {}, price(row[index + 1]))));
    if (this.legend.lines !== this.lines.size) {
      this.legend.lines = this.lines.size;
      this.figures = h("span", { class: "chart-figures" });
      this.legend.replaceChildren(this.figures, ...[...this.lines].map(([name, line], index) => this.toggle(name, line, index)));
    }
    this.figures.replaceChildren(...parts);
  }
}

class EquityChart extends LiveElement {
  static kinds = ["equity"];

  waiting() {
    this.replaceChildren(h("div", { class: "chart low pad" }, h("span", { class: "skeleton" })));
  }

  draw() {
    const points = store.equityPoints;
    if (points.length === 0) {
      this.showOnly(this.nothing ??= empty("trending-up", "No equity yet", "The curve begins when the trade service has valued the account for the first time."));
      return;
    }
    if (!this.chart) this.build();
    if (this.firstElementChild !== this.place) this.replaceChildren(this.place);
    if (this.drawn !== points) this.setAll(points);
    else this.addLast(points);
  }

  build() {
    this.place = h("div", { class: "chart low", role: "img", "aria-label": "Equity over time" });
    this.replaceChildren(this.place);
    this.chart = makeChart(this.place, true);
    this.line = this.chart.addSeries(BaselineSeries, this.lineColours());
    document.addEventListener("themechange", () => this.line.applyOptions(this.lineColours()));
  }

  lineColours() {
    const [up, down] = [css("--up"), css("--down")];
    return {
      baseValue: { type: "price", price: Number(store.equity?.start_equity ?? 0) }, lineWidth: 2, priceLineVisible: false,
      topLineColor: up, topFillColor1: `${up}33`, topFillColor2: `${up}05`,
      bottomLineColor: down, bottomFillColor1: `${down}05`, bottomFillColor2: `${down}33`,
    };
  }

  setAll(points) {
    this.drawn = points;
    const bySecond = new Map(points.map(([ms, value]) => [Math.floor(ms / 1000), value]));
    this.line.setData([...bySecond].map(([time, value]) => ({ time, value })));
    this.line.applyOptions(this.lineColours());
    this.lastTime = Math.floor(points.at(-1)[0] / 1000);
    this.fit(bySecond.size);
  }

  /** All of it, with room on the left: a time that stands at the edge would be cut off. */
  fit(count) {
    this.count = count;
    this.chart.timeScale().setVisibleLogicalRange({ from: -0.04 * count, to: count * 1.02 });
  }

  addLast(points) {
    const [ms, value] = points.at(-1);
    const time = Math.floor(ms / 1000);
    this.line.update({ time, value });
    if (time > this.lastTime) this.fit(this.count + 1);
    this.lastTime = Math.max(time, this.lastTime);
  }
}

class EquitySummary extends LiveElement {
  static kinds = ["equity"];
  waiting() {}
  draw() {
    const equity = store.equity;
    if (!equity) return;
    const gain = Number(equity.equity) - Number(equity.start_equity);
    const share = Number(equity.start_equity) ? (gain / Number(equity.start_equity)) * 100 : 0;
    this.text ??= this.appendChild(h("span"));
    this.text.className = tone(gain);
    put(this.text, `${signed(gain)} ${equity.currency} (${percent(share)}) since the start`);
  }
}

class MarketTabs extends LiveElement {
  static kinds = ["candle"];
  waiting() {}
  draw() {
    const names = [...store.series.keys()];
    if (names.length === this.count) return;
    this.count = names.length;
    const current = seriesKey(shownSeries() ?? {});
    this.replaceChildren(h("div", { class: "tabs", role: "group", "aria-label": "Market" }, names.map((name) => h("button", {
      type: "button", "aria-pressed": String(name === current), onclick: (event) => this.choose(name, event.currentTarget),
    }, name.split("|").slice(1).join(" · ")))));
  }

  choose(name, button) {
    chosen = name;
    for (const other of this.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
    document.querySelectorAll("cb-price-chart, cb-market, cb-book, cb-tape").forEach((element) => element.redraw());
  }
}

class Market extends LiveElement {
  static kinds = ["candle"];
  waiting() {}
  draw() {
    const series = shownSeries();
    if (series) put(this, `${series.symbol} · ${series.timeframe} · ${series.exchange}`);
  }
}

define({ "price-chart": PriceChart, "equity-chart": EquityChart, "equity-summary": EquitySummary, market: Market, "market-tabs": MarketTabs });
