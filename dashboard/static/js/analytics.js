// Analytics: a period, its figures, the curve beside a market that was held, who made the money, reports.
import { LineSeries } from "../vendor/lightweight-charts-5.2.1/lightweight-charts.mjs";
import { act, ask } from "./act.js";
import { makeChart } from "./charts.js";
import { Fetched, table } from "./fetched.js";
import { bytes, duration, empty, h, icon, may, moment, money, signed, tone } from "./view.js";

const DAY_MS = 86_400_000;
const OWN = "#5b8def";
const HELD = "#e0a63a";
const SPANS = [["1", "Day"], ["7", "Week"], ["30", "Month"], ["90", "3 months"], ["365", "Year"], ["0", "All"]];
const KINDS = [["strategy", "By strategy"], ["pair", "By market"], ["regime", "By regime"], ["hour", "By hour (UTC)"], ["weekday", "By weekday"]];
const TABLES = ["days", "trades", "groups", "contributions"];
const share = (value) => (value === null || value === undefined ? "–" : `${signed(value * 100)} %`);
const part = (value) => (value === null || value === undefined ? "–" : `${(value * 100).toFixed(1)} %`);
const ratio = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));
const card = (title, aside, ...content) => h("section", { class: "card gap-above", "aria-label": title }, h("header", {}, h("h2", {}, title), h("div", { class: "aside" }, aside ?? "")), ...content);
/** A select that is as wide as its words. */
const choice = (label, onchange, options) => {
  const element = h("select", { class: "input", "aria-label": label, onchange }, options);
  element.style.width = "auto";
  return element;
};
const option = (value, text, chosen) => h("option", { value, selected: value === chosen }, text);

class Analytics extends Fetched {
  service = "analytics";
  kinds = ["fill"];
  days = "0";
  benchmark = "";

  load() {
    const from = this.days === "0" ? 0 : Date.now() - Number(this.days) * DAY_MS;
    this.path = `analytics?from_ms=${Math.floor(from)}&benchmark=${encodeURIComponent(this.benchmark)}`;
    return super.load();
  }

  async draw(found) {
    const { data } = await ask("analytics/reports");
    this.place ??= h("div", { class: "chart low" });
    const note = found.note ? h("div", { class: "message good", role: "status" }, found.note) : null;
    this.replaceChildren(...[this.tools(found, data), note, this.headline(found), this.growth(found),
      h("div", { class: "grid" }, this.made(found), this.risk(found)),
      h("div", { class: "grid" }, ...KINDS.map(([kind, title]) => this.group(title, found.groups[kind] ?? []))), this.reports(data)].filter(Boolean));
    this.drawChart(found);
  }

  tools(found, reports) {
    const span = choice("Period", (event) => { this.days = event.target.value; this.load(); }, SPANS.map(([value, text]) => option(value, text, this.days)));
    const markets = reports?.benchmarks ?? [];
    const against = choice("Compared with", (event) => { this.benchmark = event.target.value; this.load(); }, markets.map((one) => option(one, one, found.benchmark || this.benchmark)));
    return h("div", { class: "toolbar gap-above" }, span, markets.length ? against : "", h("button", { class: "button", type: "button", onclick: () => this.load() }, icon("refresh", "icon-s"), "Now"),
      h("button", { class: "button primary", type: "button", onclick: () => this.make("html") }, icon("file-text", "icon-s"), "Report"), this.exports());
  }

  exports() {
    const chosen = (event) => {
      const [form, of] = event.target.value.split(" ");
      event.target.selectedIndex = 0;
      if (form) this.make(form, of);
    };
    return choice("Export", chosen, [option("", "Export…", ""), ...["csv", "parquet"].flatMap((form) => TABLES.map((one) => option(`${form} ${one}`, `${form.toUpperCase()}: ${one}`, ""))), option("json days", "JSON: everything", "")]);
  }

  async make(form, of = "days") {
    const from = this.days === "0" ? 0 : Math.floor(Date.now() - Number(this.days) * DAY_MS);
    const made = await act("analytics/reports", { from_ms: from, benchmark: this.benchmark, format: form, table: of });
    if (!made) return;
    const address = `/api/v1/analytics/reports/${made.name}`;
    if (form === "html") window.open(address, "_blank", "noopener");
    else h("a", { href: address, download: made.name }).click();
    this.soon();
  }

  headline(found) {
    const own = found.figures;
    const cell = (title, value, sub, cls = "", unit = "") => h("div", { class: "figure" }, h("dt", {}, title, h("span", { class: "unit" }, unit)), h("dd", { class: `num ${cls}` }, value), h("dd", { class: "sub" }, sub));
    return h("dl", { class: "figures gap-above" },
      cell("Profit", signed(found.profit), `${money(found.start_equity)} to ${money(found.end_equity)}${Number(found.flows) ? `, ${signed(found.flows)} paid in` : ""}`, tone(found.profit), found.currency),
      cell("Return", share(own.total_return), found.benchmark ? `${found.benchmark} held: ${share(found.against.benchmark_return)}` : "", tone(own.total_return * 100)),
      cell("Sharpe", ratio(own.sharpe), `Sortino ${ratio(own.sortino)}, Calmar ${ratio(own.calmar)}`),
      cell("Worst drawdown", share(own.max_drawdown), `longest ${duration(own.max_drawdown_days * DAY_MS)}`, tone(own.max_drawdown * 100)),
      cell("Exposure", part(own.exposure), `${part(own.invested)} of the money, turned over ${ratio(own.turnover)} times`),
      cell("Costs", money(found.fees), `${own.trades} closed trades, ${part(own.win_rate)} won`, "", found.currency));
  }

  growth(found) {
    const mark = (text, colour) => {
      const line = h("i", {});
      line.style.color = colour;
      return h("span", {}, line, text);
    };
    return card("Growth of one unit of money", h("span", { class: "muted" }, `${moment(found.from_ms)} to ${moment(found.to_ms)}`),
      h("div", { class: "swatches" }, mark("The account", OWN), found.benchmark ? mark(`${found.benchmark}, bought and held`, HELD) : ""), this.place);
  }

  drawChart(found) {
    // One chart for the life of the element: a removed one would go on hearing of changed themes.
    this.chart ??= makeChart(this.place, found.to_ms - found.from_ms < DAY_MS);
    for (const one of this.lines ?? []) this.chart.removeSeries(one);
    this.lines = [];
    if (found.times_ms.length < 2) return;
    const line = (values, color) => {
      const points = new Map(found.times_ms.map((ms, at) => [Math.floor(ms / 1000), (values[at] - 1) * 100]));
      const drawn = this.chart.addSeries(LineSeries, { color, lineWidth: 2, priceLineVisible: false, priceFormat: { type: "custom", formatter: (value) => `${signed(value)} %` } });
      drawn.setData([...points].map(([time, value]) => ({ time, value })));
      this.lines.push(drawn);
    };
    if (found.held.length) line(found.held, HELD);
    line(found.curve, OWN);
    this.chart.timeScale().fitContent();
  }

  made(found) {
    const rows = found.contributions.map((one) => h("tr", {}, h("td", {}, h("b", {}, one.strategy), h("div", { class: "muted" }, one.symbol)), h("td", { class: `num right ${tone(one.profit)}` }, signed(one.profit)), h("td", { class: "num right" }, signed(one.realised)), h("td", { class: "num right" }, signed(one.unrealised)), h("td", { class: "num right" }, share(one.part))));
    rows.push(h("tr", {}, h("td", { class: "muted" }, "not explained by fills"), h("td", { class: "num right" }, signed(found.unexplained)), h("td", {}), h("td", {}), h("td", {})));
    const box = card("Who made it", h("span", { class: "muted" }, found.currency), table(["Strategy", "#Profit", "#Realised", "#Open", "#Of the equity"], rows, "Who made it"));
    box.classList.add("span-7");
    return box;
  }

  risk(found) {
    const own = found.figures;
    const other = found.against;
    const rows = [["Return a year", share(own.annual_return), share(other.benchmark_annual_return)], ["Volatility a year", part(own.annual_volatility), part(other.benchmark_annual_volatility)], ["Sharpe", ratio(own.sharpe), ratio(other.benchmark_sharpe)], ["Sortino", ratio(own.sortino), ratio(other.benchmark_sortino)], ["Worst drawdown", share(own.max_drawdown), share(other.benchmark_max_drawdown)], ["Alpha a year", share(other.alpha), ""], ["Beta", ratio(other.beta), ""], ["Correlation", ratio(other.correlation), ""], ["Profit factor", ratio(own.profit_factor), ""], ["Best, worst day", `${share(own.best_day)} / ${share(own.worst_day)}`, ""]]
      .map(([title, mine, theirs]) => h("tr", {}, h("td", {}, title), h("td", { class: "num right" }, mine), h("td", { class: "num right muted" }, theirs)));
    const box = card("Against holding", null, table(["", "#Account", `#${found.benchmark || "–"}`], rows, "Against holding"));
    box.classList.add("span-5");
    return box;
  }

  group(title, groups) {
    const rows = groups.map((one) => h("tr", {}, h("td", {}, one.name), h("td", { class: "num right" }, String(one.trades)), h("td", { class: "num right" }, one.trades ? part(one.wins / one.trades) : "–"), h("td", { class: `num right ${tone(one.profit)}` }, signed(one.profit)), h("td", { class: "num right" }, ratio(one.profit_factor)), h("td", { class: "num right" }, money(one.fees))));
    const box = card(title, null, rows.length ? table(["Group", "#Trades", "#Won", "#Profit", "#Factor", "#Fees"], rows, title) : empty("receipt", "No trade yet", "Closed trades are grouped here."));
    box.classList.add("span-6");
    return box;
  }

  reports(data) {
    if (!data) return null;
    const plans = data.plans.map((one) => h("tr", {}, h("td", {}, h("b", {}, one.name)), h("td", {}, `every ${one.every}, ${one.format}`), h("td", { class: "num" }, `next ${moment(one.next_ms)}`), h("td", { class: "right" }, h("button", { class: "button small", type: "button", disabled: !may("notify.manage"), onclick: () => this.send(one.name) }, "Send now"))));
    const files = data.files.slice(0, 20).map((one) => h("tr", {}, h("td", {}, h("a", { href: `/api/v1/analytics/reports/${one.name}`, target: "_blank", rel: "noopener" }, one.name)), h("td", { class: "num" }, bytes(one.bytes)), h("td", { class: "num" }, moment(one.made_ms)), h("td", {})));
    const rows = [...plans, ...files];
    return card("Reports", null, rows.length ? table(["Report", "", "When", ""], rows, "Reports") : empty("file-text", "No report yet", "Make one above; planned ones are set up under Settings, section analytics.reports."));
  }

  async send(name) {
    await act("analytics/send", { name });
    this.soon();
  }
}

customElements.define("cb-analytics", Analytics);
