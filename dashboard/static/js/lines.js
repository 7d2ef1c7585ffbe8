// Logs of all services as they are written, and the audit trail.
import { ask, get, toast } from "./act.js";
import { LiveElement, define } from "./element.js";
import { on, store } from "./live.js";
import { empty, h, keyed, moment, skeleton } from "./view.js";

const TONES = { warning: "warn", error: "bad", critical: "bad", debug: "", info: "" };
const LEVELS = ["debug", "info", "warning", "error", "critical"];
const SHOWN = 300;

class Logs extends LiveElement {
  static kinds = ["line", "service"];

  start() {
    this.service = document.getElementById("service");
    this.level = document.getElementById("level");
    this.words = document.getElementById("filter");
    this.pause = document.getElementById("pause");
    this.list = h("ol", { class: "lines" });
    this.service.dataset.wanted = new URLSearchParams(location.search).get("service") ?? "";
    for (const control of [this.service, this.level]) control.addEventListener("change", () => this.past());
    this.words.addEventListener("input", () => this.redraw());
    this.pause.addEventListener("click", () => this.toggle());
    this.fillServices();
    this.past();
  }

  fillServices() {
    const names = ["", "supervisor", ...[...store.services.keys()].sort()];
    if (names.length === this.service.options.length) return;
    const chosen = this.service.dataset.wanted || this.service.value;
    this.service.replaceChildren(...names.map((name) => h("option", { value: name, selected: name === chosen }, name || "All services")));
    this.service.dataset.wanted = "";
  }

  toggle() {
    this.paused = !this.paused;
    this.pause.setAttribute("aria-pressed", String(this.paused));
    this.pause.lastChild.textContent = this.paused ? "Go on" : "Pause";
    this.redraw();
  }

  /** What was written before this page was opened. */
  async past() {
    const words = new URLSearchParams({ limit: "200" });
    if (this.service.value) words.set("service", this.service.value);
    if (this.level.value !== "debug") words.set("level", this.level.value);
    const { data, error } = await ask(`logs?${words}`);
    this.earlier = (data?.lines ?? []).map((line, index) => prepared(line, -1_000_000 + index));
    this.problem = error?.message ?? "";
    this.redraw();
  }

  draw() {
    this.fillServices();
    if (this.paused) return;
    const words = this.words.value.trim().toLowerCase();
    const least = LEVELS.indexOf(this.level.value);
    const live = store.lines.filter((line) => (!this.service.value || line.service === this.service.value) && LEVELS.indexOf(line.level) >= least);
    const items = [...(this.earlier ?? []), ...live].filter((line) => !words || JSON.stringify(line).toLowerCase().includes(words)).slice(-SHOWN).reverse();
    if (!this.earlier) return this.showOnly(this.wait ??= h("div", {}, skeleton(6)));
    if (!items.length) return this.showOnly(this.none ??= empty("file-text", "Nothing written", "Lines appear here as services write them. Change the filters to see others."));
    this.showOnly(this.list);
    keyed(this.list, items, (item) => item.n, (item) => this.line(item));
  }

  line(item) {
    const fields = Object.entries(item.fields).map(([name, value]) => `${name}=${value}`).join("  ");
    return h("li", {}, h("span", { class: "num muted" }, item.ts ? moment(Date.parse(item.ts)) : ""), h("span", { class: "clip" }, item.service),
      h("span", {}, h("span", { class: `pill ${TONES[item.level] ?? ""}` }, item.level)),
      h("span", { class: "text" }, item.event, " ", h("span", { class: "mono muted" }, fields)));
  }
}

/** A line of the API as the live stream tells it: what is no field of every line is in `fields`. */
function prepared(line, n) {
  const { service = "", level = "info", ts = "", event = "", ...fields } = typeof line === "string" ? { event: line } : line;
  return { n, service, level, ts, event, fields };
}

class Audit extends HTMLElement {
  connectedCallback() {
    this.replaceChildren(skeleton(6));
    this.controls = Object.fromEntries(["kind", "actor", "filter"].map((id) => [id, document.getElementById(id)]));
    for (const control of Object.values(this.controls)) control.addEventListener("change", () => this.load());
    document.getElementById("verify").addEventListener("click", () => this.verify());
    on("audit", () => this.soon());
    on("connection", () => { if (store.connected) this.load(); });
    this.load();
  }

  soon() {
    this.timer ??= setTimeout(() => { this.timer = null; if (!this.paged) this.load(); }, 400);
  }

  query(extra = {}) {
    const { kind, actor, filter } = this.controls;
    const words = { kind: kind.value, actor: actor.value.trim(), search: filter.value.trim(), ...extra };
    return new URLSearchParams(Object.entries(words).filter(([, value]) => value));
  }

  async load() {
    const { data, error } = await ask(`audit?${this.query()}`);
    if (error) return this.entries ? null : this.replaceChildren(empty("plug-connected-x", "Not to be had now", error.message));
    this.paged = false;
    this.entries = data.entries;
    this.next = data.next;
    document.getElementById("audit-csv").href = `/api/v1/audit.csv?${this.query()}`;
    this.draw();
  }

  async older() {
    const told = await get(`audit?${this.query({ cursor: this.next })}`);
    if (!told) return;
    this.paged = true;
    this.entries = [...this.entries, ...told.entries];
    this.next = told.next;
    this.draw();
  }

  draw() {
    if (!this.entries.length) return this.replaceChildren(empty("shield-check", "Nothing here", "Logins and changes are listed as they happen, and kept. Change the filters to see others."));
    if (!this.list?.isConnected) {
      this.list = h("ol", { class: "lines" });
      this.more = h("div", { class: "buttons pad" }, h("button", { class: "button small", type: "button", onclick: () => this.older() }, "Older ones"));
      this.replaceChildren(this.list, this.more);
    }
    keyed(this.list, this.entries, (entry) => entry.number, (entry) => this.line(entry));
    this.more.hidden = !this.next;
  }

  line(entry) {
    return h("li", { title: `Number ${entry.number}, told by ${entry.source}` }, h("span", { class: "num muted" }, moment(entry.ts_ms)), h("span", { class: "clip" }, entry.actor),
      h("span", {}, h("span", { class: `pill ${entry.ok ? "good" : "bad"}` }, entry.kind)),
      h("span", { class: "text" }, `${entry.action} ${entry.subject} `, h("span", { class: "muted" }, entry.detail)));
  }

  async verify() {
    const report = await get("audit/verify");
    if (report) toast(report.ok ? `All ${report.entries} entries are as they were written.` : `Entry ${report.wrong_number} is not as it was written: ${report.reason}`, !report.ok);
  }
}

define({ logs: Logs });
customElements.define("cb-audit", Audit);
