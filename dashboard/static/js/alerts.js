// The alerts that the monitor keeps: open ones first to be seen, acknowledged by name.
import { act, confirmFirst } from "./act.js";
import { Fetched } from "./fetched.js";
import { empty, h, may, moment } from "./view.js";

const TONES = { info: "", warning: "warn", error: "bad", critical: "bad" };

class AlertLog extends Fetched {
  service = "monitor";
  kinds = ["alert"];
  path = "alerts?open=1";

  begin() {
    const open = document.getElementById("open-only");
    const all = this.all = document.getElementById("acknowledge-all");
    open.addEventListener("change", () => { this.path = open.checked ? "alerts?open=1" : "alerts"; this.load(); });
    all.disabled = true;
    all.addEventListener("click", () => this.acknowledge(0));
  }

  draw(log) {
    this.all.disabled = !may("alert.acknowledge") || !log.alerts.some((one) => !one.acknowledged_ms && !one.recovered_ms);
    if (!log.alerts.length) {
      this.replaceChildren(empty("circle-check", "All is well", "Alerts appear here as they are raised: a service that fails, a disk that fills, trading that was halted."));
      return;
    }
    this.replaceChildren(h("ol", { class: "lines" }, log.alerts.map((alert) => this.line(alert))));
  }

  line(alert) {
    const times = alert.count > 1 ? ` ×${alert.count}` : "";
    const known = alert.acknowledged_ms ? h("span", { class: "muted" }, `known to ${alert.acknowledged_by}`, alert.note ? `: ${alert.note}` : "") : null;
    const button = !alert.acknowledged_ms && may("alert.acknowledge") ? h("button", { class: "button small", type: "button", "aria-label": `Acknowledge ${alert.title}`, onclick: () => this.acknowledge(alert.id) }, "Acknowledge") : null;
    return h("li", { class: alert.recovered_ms ? "past" : "" }, h("span", { class: "num muted" }, moment(alert.raised_ms)), h("span", {}, alert.source),
      h("span", {}, h("span", { class: `pill ${alert.recovered_ms ? "" : TONES[alert.severity] ?? ""}` }, alert.recovered_ms ? "passed" : alert.severity)),
      h("span", { class: "text" }, h("b", {}, alert.title), times, " ", alert.detail, " ", known, " ", button));
  }

  async acknowledge(id) {
    if (!id && !(await confirmFirst({ title: "Acknowledge all?", text: "Everybody sees that you know of every open alert. They stay open until they pass.", action: "Acknowledge" }))) return;
    await act(`alerts/${id}/acknowledge`, { note: "" });
    await this.load();
  }
}

customElements.define("cb-alert-log", AlertLog);
