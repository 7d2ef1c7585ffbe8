// The processes: strip, cards with buttons, and the graph of who needs whom.
import { act, confirmFirst } from "./act.js";
import { LiveElement, define } from "./element.js";
import { store } from "./live.js";
import { setLimits, showPast } from "./servicemore.js";
import { bytes, duration, empty, h, icon, keyed, may, put, svg, toneOf, words } from "./view.js";

const ORDER = ["bus", "auth", "paper", "data", "trade", "strategy", "risk", "portfolio", "monitor", "dashboard"];
const place = (name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
const sorted = () => [...store.services.values()].sort((a, b) => place(a.name) - place(b.name) || a.name.localeCompare(b.name));
const shownState = (service) => (service.state === "RUNNING" && !service.ready ? "STARTING" : service.state);
const RUNS = new Set(["STARTING", "RUNNING", "DEGRADED", "BACKOFF", "STOPPING"]);

class ServiceStrip extends LiveElement {
  static kinds = ["service"];

  draw() {
    this.list ??= this.appendChild(h("div", { class: "strip" }));
    const items = sorted().map((service) => ({ name: service.name, title: service.title || service.name, state: shownState(service), restarts: service.restarts }));
    keyed(this.list, items, (item) => item.name, (item) => h("a", { href: `/services#${item.name}`, title: words(item.state) },
      h("span", { class: `dot ${toneOf(item.state)}` }), h("span", { class: "grow clip" }, item.name),
      h("span", { class: "visually-hidden" }, words(item.state)),
      item.restarts ? h("span", { class: "num muted", title: `restarted ${item.restarts} times` }, `↻${item.restarts}`) : ""));
  }
}

function sparkline() {
  const area = svg("path", { class: "area" });
  const line = svg("path", { class: "line" });
  const element = svg("svg", { class: "spark", viewBox: "0 0 120 34", preserveAspectRatio: "none", "aria-hidden": "true" }, area, line);
  element.set = (values, least) => {
    if (values.length < 2) return;
    const top = Math.max(least, ...values) * 1.15;
    const step = 120 / 119;
    const start = 120 - (values.length - 1) * step;
    const points = values.map((value, index) => `${(start + index * step).toFixed(1)},${(33 - (value / top) * 30).toFixed(1)}`);
    line.setAttribute("d", `M${points.join("L")}`);
    area.setAttribute("d", `M${start.toFixed(1)},34L${points.join("L")}L120,34Z`);
  };
  return element;
}

/** One card; made once, then only its texts change. */
class ServiceCard {
  constructor(name) {
    this.name = name;
    this.state = h("span", { class: "pill", role: "status" });
    this.title = h("h2", {});
    this.about = h("span", { class: "muted clip" });
    this.facts = Object.fromEntries(["pid", "uptime", "restarts", "health"].map((fact) => [fact, h("dd", { class: "num" })]));
    this.cpu = h("b", { class: "num" });
    this.memory = h("b", { class: "num" });
    this.cpuLine = sparkline();
    this.memoryLine = sparkline();
    this.why = h("p", { class: "why" });
    this.needs = h("span", { class: "needs grow" });
    const small = { class: "button small square ghost" };
    this.more = h("div", { class: "buttons" }, h("a", { ...small, href: `/logs?service=${encodeURIComponent(name)}`, "aria-label": `Log of ${name}`, title: "Log" }, icon("file-text", "icon-s")),
      h("button", { ...small, type: "button", "aria-label": `Past of ${name}`, title: "What it went through", onclick: () => showPast(name) }, icon("history", "icon-s")),
      h("button", { ...small, type: "button", "aria-label": `Limits of ${name}`, title: "Limits", disabled: !may("config.write"), onclick: () => setLimits(this.service) }, icon("adjustments", "icon-s")));
    this.buttons = {
      start: this.button("start", "player-play", "Start"),
      restart: this.button("restart", "refresh", "Restart"),
      stop: this.button("stop", "player-stop", "Stop"),
    };
    this.element = this.build();
  }

  button(action, iconName, label) {
    return h("button", { class: "button small", type: "button", "data-action": action, "aria-label": `${label} ${this.name}`, onclick: () => this.act(action) }, icon(iconName, "icon-s"), label);
  }

  build() {
    const titles = { pid: "Process", uptime: "Up for", restarts: "Restarts", health: "Health" };
    return h("article", { class: "card service", id: this.name },
      h("div", { class: "head" }, this.title, this.about, h("span", { class: "grow" }), this.state),
      h("dl", { class: "facts" }, Object.entries(titles).map(([fact, title]) => h("div", {}, h("dt", {}, title), this.facts[fact]))),
      h("div", { class: "meter" },
        h("figure", {}, h("figcaption", {}, "CPU", this.cpu), this.cpuLine),
        h("figure", {}, h("figcaption", {}, "Memory", this.memory), this.memoryLine)),
      this.why,
      this.needs, h("div", { class: "foot" }, this.more, h("span", { class: "grow" }), h("div", { class: "buttons" }, Object.values(this.buttons))));
  }

  draw(service) {
    const state = shownState(service);
    this.service = service;
    this.state.className = `pill ${toneOf(state)}`;
    put(this.state, words(state));
    put(this.title, service.name);
    put(this.about, service.title && service.title.toLowerCase() !== service.name ? service.title : "");
    put(this.facts.pid, service.pid ? String(service.pid) : "–");
    put(this.facts.restarts, String(service.restarts ?? 0));
    put(this.facts.health, service.health ? words(service.health) : "–");
    put(this.cpu, service.pid ? `${(service.cpu_percent ?? 0).toFixed(1)} %` : "–");
    put(this.memory, service.pid ? `${bytes(service.rss_bytes)}${service.memory_limit_bytes ? ` of ${bytes(service.memory_limit_bytes)}` : ""}` : "–");
    this.tick();
    const samples = store.samples.get(service.name) ?? [];
    this.cpuLine.set(samples.map(([cpu]) => cpu), 5);
    this.memoryLine.set(samples.map(([, memory]) => memory), 32 << 20);
    this.why.hidden = !service.reason;
    put(this.why, service.reason ?? "");
    put(this.needs, service.requires?.length ? `Needs ${service.requires.join(", ")}` : "Needs nothing");
    this.drawButtons(RUNS.has(service.state));
  }

  drawButtons(runs) {
    const allowed = may("service.control", this.name);
    this.buttons.start.hidden = runs;
    this.buttons.restart.hidden = this.buttons.stop.hidden = !runs;
    for (const button of Object.values(this.buttons)) button.disabled = !allowed || this.busy === true;
  }

  tick() {
    put(this.facts.uptime, this.service.pid && this.service.started_ms ? duration(Date.now() - this.service.started_ms) : "–");
  }

  async act(action) {
    if (action !== "start" && !(await this.sure(action))) return;
    this.busy = true;
    this.draw(this.service);
    await act(`services/${encodeURIComponent(this.name)}/${action}`);
    this.busy = false;
    this.draw(store.services.get(this.name) ?? this.service);
  }

  async sure(action) {
    const users = sorted().filter((other) => other.requires?.includes(this.name)).map((other) => other.name);
    if (action === "restart" && this.name !== "bus" && this.name !== "dashboard") return true;
    const text = this.name === "dashboard" ? "This page lives in it: it goes away, and after a stop it has to be started with `cryptobot start dashboard`."
      : users.length ? `These need it: ${users.join(", ")}.` : "It stays stopped until someone starts it.";
    return confirmFirst({ title: `${words(action)} ${this.name}?`, text, action: words(action), danger: action === "stop" });
  }
}

class Services extends LiveElement {
  static kinds = ["service"];

  waiting() {
    this.replaceChildren(...Array.from({ length: 6 }, () => h("div", { class: "card service", "aria-hidden": "true" }, ...Array.from({ length: 4 }, () => h("span", { class: "skeleton" })))));
  }

  start() {
    this.cards = new Map();
    setInterval(() => this.cards.forEach((card) => card.tick()), 1000);
  }

  draw() {
    const services = sorted();
    if (services.length === 0) {
      this.replaceChildren(h("div", { class: "card span-12" }, empty("server-2", "No service is known yet", "The list comes from the supervisor. Start the platform with `cryptobot up`.")));
      this.cards.clear();
      return;
    }
    if (this.cards.size === 0) this.replaceChildren();
    services.forEach((service, index) => {
      if (!this.cards.has(service.name)) this.cards.set(service.name, new ServiceCard(service.name));
      const card = this.cards.get(service.name);
      card.draw(service);
      if (this.children[index] !== card.element) this.insertBefore(card.element, this.children[index] ?? null);
    });
    for (const [name, card] of this.cards) {
      if (!store.services.has(name)) {
        card.element.remove();
        this.cards.delete(name);
      }
    }
  }
}

/** Order each column by the middle of what its members need, so that fewer lines cross. */
function untangled(columns) {
  const row = new Map();
  return columns.map((column) => {
    const near = (service) => direct(service, columns.flat());
    const middle = (service) => near(service).reduce((sum, name) => sum + (row.get(name) ?? 0), 0) / Math.max(1, near(service).length);
    const ordered = [...column].sort((a, b) => middle(a) - middle(b));
    ordered.forEach((service, index) => row.set(service.name, index - ordered.length / 2));
    return ordered;
  });
}

/** What a service needs and none of its other needs already needs: the graph without its shortcuts. */
function direct(service, all) {
  const needs = new Map(all.map((other) => [other.name, other.requires]));
  const reaches = (from, to) => needs.get(from)?.some((next) => next === to || reaches(next, to)) ?? false;
  return service.requires.filter((name) => !service.requires.some((other) => other !== name && reaches(other, name)));
}

/** Services in columns by depth: each stands right of what it needs. */
class Graph extends LiveElement {
  static kinds = ["service"];

  draw() {
    const services = sorted().map(({ name, requires = [], state, ready, pid }) => ({ name, requires: requires.filter((other) => store.services.has(other)), state: shownState({ state, ready }), pid: Boolean(pid) }));
    const mark = JSON.stringify(services);
    if (mark === this.mark) return;
    this.mark = mark;
    const depth = this.depths(services);
    const columns = [];
    for (const service of services) (columns[depth.get(service.name)] ??= []).push(service);
    this.replaceChildren(services.length ? this.picture(untangled(columns.filter(Boolean))) : "");
  }

  depths(services) {
    const needs = new Map(services.map((service) => [service.name, service.requires]));
    const depth = new Map();
    const visit = (name, path) => {
      if (depth.has(name) || path.has(name)) return depth.get(name) ?? 0;
      path.add(name);
      depth.set(name, Math.max(-1, ...needs.get(name).map((other) => visit(other, path))) + 1);
      return depth.get(name);
    };
    services.forEach((service) => visit(service.name, new Set()));
    return depth;
  }

  picture(columns) {
    const [width, height, gapX, gapY] = [124, 36, 76, 16];
    const tall = Math.max(...columns.map((column) => column.length)) * (height + gapY) - gapY;
    const wide = columns.length * (width + gapX) - gapX;
    const at = new Map();
    columns.forEach((column, x) => {
      const top = (tall - (column.length * (height + gapY) - gapY)) / 2;
      column.forEach((service, y) => at.set(service.name, [x * (width + gapX), top + y * (height + gapY)]));
    });
    const all = columns.flat();
    const edges = all.flatMap((service) => direct(service, all).map((other) => {
      const [x1, y1] = at.get(other);
      const [x2, y2] = at.get(service.name);
      const [sx, sy, tx, ty] = [x1 + width, y1 + height / 2, x2, y2 + height / 2];
      return svg("path", { class: "edge", d: `M${sx},${sy}C${sx + gapX / 2},${sy} ${tx - gapX / 2},${ty} ${tx},${ty}` });
    }));
    const nodes = all.map((service) => {
      const [x, y] = at.get(service.name);
      return svg("g", {}, svg("rect", { class: "node", x, y, width, height, rx: 9 }),
        svg("circle", { class: `mark ${toneOf(service.state)}`, cx: x + 18, cy: y + height / 2, r: 4 }),
        Object.assign(svg("text", { x: x + 32, y: y + height / 2 + 4 }), { textContent: service.name }));
    });
    const needs = all.filter((service) => service.requires.length).map((service) => `${service.name} needs ${service.requires.join(" and ")}`);
    const box = svg("svg", { class: "graph", viewBox: `-1 -1 ${wide + 2} ${tall + 2}`, role: "img", "aria-label": needs.join("; ") || "No service needs another" }, ...edges, ...nodes);
    box.setAttribute("width", String(Math.round(wide * 1.1)));
    return box;
  }
}

define({ "service-strip": ServiceStrip, services: Services, graph: Graph });
