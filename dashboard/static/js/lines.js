// Log lines and the audit trail.
import { LiveElement, define } from "./element.js";
import { store } from "./live.js";
import { empty, h, keyed, moment } from "./view.js";

class Lines extends LiveElement {
  filter = "";

  draw() {
    const wanted = this.filter.toLowerCase();
    const items = [...this.items()].reverse().filter((item) => !wanted || JSON.stringify(item).toLowerCase().includes(wanted)).slice(0, 300);
    if (items.length === 0) {
      this.showOnly(wanted ? h("div", {}, empty("search", "Nothing matches", "Change or clear the filter.")) : (this.none ??= this.nothing()));
      return;
    }
    this.list ??= h("ol", { class: "lines" });
    this.showOnly(this.list);
    keyed(this.list, items, (item) => this.keyOf(item), (item) => this.line(item));
  }
}

const TONES = { warning: "warn", error: "bad", critical: "bad" };

class Logs extends Lines {
  static kinds = ["log"];
  items() { return store.logs; }
  keyOf(item) { return `${item.ts_ns}|${item.service}|${item.event}`; }
  nothing() { return empty("circle-check", "Nothing to worry about", "Warnings and errors appear here as they happen. Everything else is in `cryptobot logs`."); }

  line(item) {
    const fields = Object.entries(item.fields).map(([name, value]) => `${name}=${value}`).join("  ");
    return h("li", {}, h("span", { class: "num muted" }, moment(item.ts_ns / 1e6)), h("span", {}, item.service),
      h("span", {}, h("span", { class: `pill ${TONES[item.level] ?? ""}` }, item.level)),
      h("span", { class: "text" }, item.event, " ", h("span", { class: "mono muted" }, fields)));
  }
}

class Audit extends Lines {
  static kinds = ["audit"];
  items() { return store.audit; }
  keyOf(item) { return `${item.ts_ms}|${item.audit.actor}|${item.audit.action}|${item.audit.subject}`; }
  nothing() { return empty("shield-check", "Nothing yet", "Logins and changes are listed here as they happen, and kept."); }

  line({ ts_ms, audit }) {
    return h("li", {}, h("span", { class: "num muted" }, moment(ts_ms)), h("span", {}, audit.actor),
      h("span", {}, h("span", { class: `pill ${audit.ok ? "good" : "bad"}` }, audit.kind)),
      h("span", { class: "text" }, `${audit.action} ${audit.subject} `, h("span", { class: "muted" }, audit.detail)));
  }
}

define({ logs: Logs, audit: Audit });
document.getElementById("filter")?.addEventListener("input", (event) => {
  const list = document.querySelector("cb-logs, cb-audit");
  list.filter = event.target.value;
  list.redraw();
});
