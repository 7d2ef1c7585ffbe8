// CPU and memory of every service over time, from the monitor.
import { LineSeries } from "../vendor/lightweight-charts-5.2.1/lightweight-charts.mjs";
import { makeChart } from "./charts.js";
import { Fetched } from "./fetched.js";
import { empty, h, swatch } from "./view.js";

const COLOURS = ["#4c6ef5", "#e0a63a", "#3fb6b0", "#a97be0", "#e5675d", "#5b8def", "#6abf69", "#c77d4f", "#8a94a6", "#d36ba6", "#2f9e8f", "#b0a33a"];
const MIB = 1 << 20;

class HealthHistory extends Fetched {
  service = "monitor";

  begin() {
    const span = document.getElementById("span");
    const choose = () => { this.path = `health?since_ms=${Date.now() - Number(span.value)}&points=600`; };
    span.addEventListener("change", () => { choose(); this.load(); });
    choose();
  }

  draw(history) {
    const series = history.series.filter((one) => one.start_ms.length > 1);
    if (!series.length) {
      this.charts = null;
      this.replaceChildren(empty("history", "No history yet", "The monitor keeps a point a second for an hour, a minute for a week, an hour for a year."));
      return;
    }
    if (!this.charts) this.build();
    this.legend.replaceChildren(...series.map((one, index) => h("span", {}, swatch(COLOURS[index % COLOURS.length]), one.service)));
    this.put(this.charts[0], series, (one, index) => one.cpu_percent[index]);
    this.put(this.charts[1], series, (one, index) => (one.pss_bytes[index] || one.rss_bytes[index]) / MIB);
  }

  build() {
    this.legend = h("div", { class: "swatches" });
    const places = [h("div", { class: "place" }), h("div", { class: "place" })];
    this.replaceChildren(this.legend, h("div", { class: "history-charts" },
      h("figure", {}, h("figcaption", { class: "label" }, "CPU, percent of one core"), places[0]), h("figure", {}, h("figcaption", { class: "label" }, "Memory, MiB"), places[1])));
    this.charts = places.map((place) => ({ chart: makeChart(place, false), lines: [] }));
  }

  put(view, series, value) {
    for (const line of view.lines) view.chart.removeSeries(line);
    view.lines = series.map((one, index) => {
      const line = view.chart.addSeries(LineSeries, { color: COLOURS[index % COLOURS.length], lineWidth: 1, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false });
      line.setData(one.start_ms.map((ms, at) => ({ time: Math.floor(ms / 1000), value: value(one, at) })));
      return line;
    });
    view.chart.timeScale().fitContent();
  }
}

customElements.define("cb-health-history", HealthHistory);
