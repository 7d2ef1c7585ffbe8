// Backtests: start one, follow it, compare figures and curves, read the report.
import { LineSeries } from "../vendor/lightweight-charts-5.2.1/lightweight-charts.mjs";
import { act, ask, toast } from "./act.js";
import { makeChart } from "./charts.js";
import { Fetched, table } from "./fetched.js";
import { on, store } from "./live.js";
import { empty, field, h, icon, may, moment, money, put, swatch, words } from "./view.js";

const dialog = document.getElementById("confirm");
const KINDS = { run: "One run", sweep: "Sweep of parameters", optimize: "Search for parameters", "walk-forward": "Walk-forward", "monte-carlo": "Monte Carlo of the trades", trust: "Trust score" };
const WITH_GRID = new Set(["sweep", "optimize", "walk-forward"]);
const COLOURS = ["#4c6ef5", "#e0a63a", "#3fb6b0", "#a97be0", "#e5675d"];
const MOST_COMPARED = COLOURS.length;
const TONES = { done: "good", running: "busy", waiting: "busy", failed: "bad", cancelled: "" };
const figure = (metrics, name, digits = 2, suffix = "") => (metrics[name] === null || metrics[name] === undefined ? "–" : `${metrics[name].toFixed(digits)}${suffix}`);
const share = (metrics, name) => (metrics[name] === null || metrics[name] === undefined ? "–" : `${(metrics[name] * 100).toFixed(2)} %`);

class Backtests extends Fetched {
  service = "backtest";
  path = "backtests";
  chosen = new Map();

  begin() {
    this.button = document.getElementById("new-backtest");
    this.button.addEventListener("click", () => this.form());
    on("backtest:one", (progress) => this.follow(progress));
  }

  off() {
    this.button.disabled = true;
    return super.off();
  }

  draw({ backtests, series }) {
    this.series = series;
    this.bars = new Map();
    this.button.disabled = !may("backtest.run");
    const list = backtests.length ? table(["", "Strategy", "Over", "What", "State", "#Return", "#Drawdown", "#Sharpe", "#Trades", "Trust", ""], backtests.map((one) => this.row(one)), "Backtests")
      : empty("history", "No backtest yet", "Start one: the figures, the curve and a report of every trade appear here.");
    this.curves ??= h("section", { class: "card gap-above", hidden: true, "aria-label": "Comparison" });
    this.replaceChildren(h("section", { class: "card", "aria-label": "Backtests" }, list), this.curves);
  }

  row(one) {
    const box = h("input", { type: "checkbox", "aria-label": `Compare ${one.id}`, checked: this.chosen.has(one.id), disabled: one.kind !== "run" || one.state !== "done" });
    box.addEventListener("change", () => this.compare(one, box));
    const metrics = one.metrics;
    const running = one.state === "running" || one.state === "waiting";
    return h("tr", {}, h("td", {}, box), h("td", {}, h("b", {}, one.strategy), h("div", { class: "muted" }, Object.entries(one.parameters).map(([name, value]) => `${name}=${value}`).join(" "))),
      h("td", {}, one.symbol, " ", one.timeframe), h("td", {}, KINDS[one.kind] ?? one.kind, h("div", { class: "muted" }, moment(one.created_ms))), h("td", {}, running ? this.bar(one) : this.state(one)),
      h("td", { class: "num right" }, share(metrics, "total_return")), h("td", { class: "num right" }, share(metrics, "max_drawdown")), h("td", { class: "num right" }, figure(metrics, "sharpe")), h("td", { class: "num right" }, figure(metrics, "trades", 0)),
      h("td", {}, one.trust_colour ? h("span", { class: `pill ${{ green: "good", yellow: "warn", amber: "warn", red: "bad" }[one.trust_colour] ?? ""}` }, String(one.trust_score)) : ""),
      h("td", { class: "right" }, h("div", { class: "buttons" }, running ? this.cancelButton(one) : "",
        one.kind === "run" && one.state === "done" ? h("a", { class: "button small", href: `/api/v1/backtests/${one.id}/report`, target: "_blank", rel: "noopener" }, icon("arrow-up-right", "icon-s"), "Report") : "",
        one.state === "done" && one.kind !== "run" ? h("button", { class: "button small", type: "button", onclick: () => this.details(one) }, "Details") : "")));
  }

  state(one) {
    return [h("span", { class: `pill ${TONES[one.state] ?? ""}` }, words(one.state)), one.reason ? h("div", { class: "muted" }, one.reason) : null];
  }

  cancelButton(one) {
    return h("button", { class: "button small", type: "button", disabled: !may("backtest.run"), onclick: async () => { await act(`backtests/${one.id}/cancel`); this.soon(); } }, "Cancel");
  }

  bar(one) {
    const meter = h("progress", { max: "1", "aria-label": `Progress of ${one.id}` });
    const text = h("span", { class: "num muted" }, words(one.state));
    if (one.all) meter.value = one.done / one.all;
    this.bars.set(one.id, { meter, text });
    return h("div", { class: "progress" }, meter, text);
  }

  follow(progress) {
    if (["done", "failed", "cancelled"].includes(progress.state)) {
      if (progress.state === "failed") toast(progress.reason || "The backtest failed.", true);
      this.soon();
      return;
    }
    const view = this.bars?.get(progress.id);
    if (!view) return this.soon();
    if (progress.all) view.meter.value = progress.done / progress.all;
    put(view.text, progress.all ? `${progress.done} of ${progress.all} ${progress.unit}` : words(progress.state));
  }

  async compare(one, box) {
    if (!box.checked) this.chosen.delete(one.id);
    else if (this.chosen.size >= MOST_COMPARED) {
      box.checked = false;
      toast(`At most ${MOST_COMPARED} at a time.`, true);
    } else {
      const { data, error } = await ask(`backtests/${one.id}`);
      if (error) return toast(error.message, true);
      this.chosen.set(one.id, data);
    }
    this.drawCurves();
  }

  drawCurves() {
    this.curves.hidden = this.chosen.size === 0;
    if (this.curves.hidden) return;
    const place = h("div", { class: "chart" });
    const jobs = [...this.chosen.values()];
    const legend = h("div", { class: "swatches" }, jobs.map((job, index) =>
      h("span", {}, swatch(COLOURS[index]), `${job.summary.strategy} ${Object.values(job.summary.parameters).join("/")}: ${money(job.summary.final_equity ?? 0)}`)));
    this.curves.replaceChildren(h("header", {}, h("h2", {}, "Equity")), legend, place);
    this.chart?.remove();
    this.chart = makeChart(place, false);
    jobs.forEach((job, index) => {
      const points = new Map(job.times_ms.map((ms, at) => [Math.floor(ms / 1000), job.equity[at]]));
      this.chart.addSeries(LineSeries, { color: COLOURS[index], lineWidth: 2, priceLineVisible: false }).setData([...points].map(([time, value]) => ({ time, value })));
    });
    this.chart.timeScale().fitContent();
  }

  async details(one) {
    const { data, error } = await ask(`backtests/${one.id}`);
    if (error) return toast(error.message, true);
    const trials = [...data.trials].sort((a, b) => Number(b.final_equity) - Number(a.final_equity)).slice(0, 50);
    const text = data.details ? h("pre", { class: "details" }, JSON.stringify(JSON.parse(data.details), null, 1)) : "";
    dialog.classList.add("wide");
    dialog.replaceChildren(h("form", { method: "dialog" }, h("h2", { id: "confirm-title" }, `${KINDS[one.kind] ?? one.kind} of ${one.strategy}`),
      trials.length ? table(["Parameters", "#Final equity", "#Return", "#Drawdown", "#Sharpe"], trials.map((trial) => h("tr", {}, h("td", {}, Object.entries(trial.parameters).map(([name, value]) => `${name}=${value}`).join(" ")),
        h("td", { class: "num right" }, money(trial.final_equity)), h("td", { class: "num right" }, share(trial.metrics, "total_return")), h("td", { class: "num right" }, share(trial.metrics, "max_drawdown")), h("td", { class: "num right" }, figure(trial.metrics, "sharpe")))), "Best runs") : "",
      text, h("div", { class: "buttons" }, h("button", { class: "button primary", autofocus: true }, "Close"))));
    dialog.showModal();
    dialog.onclose = () => dialog.classList.remove("wide");
  }

  form() {
    const known = store.strategies?.available ?? [];
    const names = known.map((one) => one.name ?? one);
    const strategy = h("input", { class: "input", id: "bt-strategy", list: "bt-strategies", required: true, value: names[0] ?? "", autocomplete: "off" });
    const data = h("input", { class: "input", id: "bt-data", list: "bt-series", required: true, value: this.series[0] ?? "", autocomplete: "off" });
    const kind = h("select", { class: "input", id: "bt-kind" }, Object.entries(KINDS).map(([value, label]) => h("option", { value }, label)));
    const parameters = h("input", { class: "input", id: "bt-parameters", placeholder: "fast=10 slow=30", autocomplete: "off" });
    const grid = h("input", { class: "input", id: "bt-grid", placeholder: "fast=5:50:5 slow=50,100", autocomplete: "off" });
    const gridField = field("bt-grid", "Values to try", grid, "From:to:step, or a list with commas.");
    const update = () => { gridField.hidden = !WITH_GRID.has(kind.value); };
    kind.addEventListener("change", update);
    update();
    const form = h("form", {}, h("h2", { id: "confirm-title" }, "New backtest"), field("bt-strategy", "Strategy", strategy), field("bt-data", "Candles", data, "A series of the local store, or a file on this machine."), field("bt-kind", "What", kind), field("bt-parameters", "Parameters", parameters, "Empty takes the strategy's own."), gridField,
      h("datalist", { id: "bt-strategies" }, names.map((name) => h("option", { value: name }))), h("datalist", { id: "bt-series" }, this.series.map((name) => h("option", { value: name }))),
      h("div", { class: "buttons" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"), h("button", { class: "button primary" }, "Start")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const pairs = (text) => text.split(/\s+/).filter(Boolean);
      const wish = { kind: kind.value, strategy: strategy.value.trim(), data: data.value.trim(), parameters: Object.fromEntries(pairs(parameters.value).map((pair) => pair.split(/=(.*)/s).slice(0, 2))), grid: WITH_GRID.has(kind.value) ? pairs(grid.value) : [] };
      const started = await act("backtests", wish);
      if (!started) return;
      dialog.close();
      this.soon();
    });
    dialog.replaceChildren(form);
    dialog.showModal();
  }
}

customElements.define("cb-backtests", Backtests);
