// Messages of the bus as they pass.
import { LiveElement, define } from "./element.js";
import { on, store } from "./live.js";
import { showChain } from "./chain.js";
import { clock, empty, h, keyed, may } from "./view.js";

const SHOWN = 120;
const filter = document.getElementById("filter");
const pause = document.getElementById("pause");
let paused = false;

// Signs of life drown everything else; whoever wants them ticks the box or asks for them by name.
const ROUTINE = ["bus.beat.", "bus.probe.", "bus.report", "service.heartbeat.", "service.stats."];
const routine = document.getElementById("routine");

const matches = (item) => {
  const wanted = filter.value.trim().toLowerCase();
  if (!routine.checked && ROUTINE.some((prefix) => item.topic.startsWith(prefix) && !(wanted && prefix.startsWith(wanted.slice(0, prefix.length))))) return false;
  return !wanted || item.topic.toLowerCase().startsWith(wanted) || JSON.stringify(item).toLowerCase().includes(wanted);
};

class Tail extends LiveElement {
  static kinds = ["tail"];

  draw() {
    if (paused) return;
    const items = store.tail.filter(matches).slice(-SHOWN).reverse();
    if (items.length === 0) {
      this.showOnly(this.none ??= empty("activity", "Nothing passed yet", "Messages appear here from the moment you open this page. A filter is the beginning of a topic, or any text."));
      return;
    }
    this.list ??= h("ol", { class: "tail" });
    this.showOnly(this.list);
    keyed(this.list, items, (item) => item.id, (item) => h("li", {}, h("details", {},
      h("summary", {}, h("span", { class: "num muted" }, clock(item.ts_ms)), h("b", {}, item.topic),
        h("span", { class: "mono muted clip" }, JSON.stringify(item.message))),
      h("dl", { class: "envelope" }, h("dt", {}, "From"), h("dd", {}, `${item.source}, number ${item.seq} of its life`),
        h("dt", {}, "Kind"), h("dd", {}, item.schema), h("dt", {}, "Cause"), h("dd", { class: "mono" }, item.correlation_id || "none")),
      may("audit.read") ? h("div", { class: "pad" }, h("button", { class: "button small", type: "button", onclick: () => showChain(item) }, "What caused it, what followed")) : "",
      h("pre", { class: "mono" }, JSON.stringify(item.message, null, 2)))));
  }
}

const RATES_OVER = 5;

class Topics extends LiveElement {
  static kinds = ["topics"];
  past = [];

  /** Messages a second of each topic, over the last few counts (one a second). */
  rates() {
    const now = { at: performance.now(), counts: store.topics.counts ?? {} };
    if (now.counts !== this.past.at(-1)?.counts) this.past.push(now);
    if (this.past.length > RATES_OVER) this.past.shift();
    const [first, last] = [this.past[0], this.past.at(-1)];
    const seconds = (last.at - first.at) / 1000;
    return (topic) => (seconds > 0.5 ? ((last.counts[topic] ?? 0) - (first.counts[topic] ?? 0)) / seconds : null);
  }

  draw() {
    const rate = this.rates();
    const items = Object.entries(store.topics.counts ?? {}).map(([topic, count]) => ({ topic, count, rate: rate(topic) }));
    const wanted = filter.value.trim().toLowerCase();
    const shown = items.filter(({ topic }) => !wanted || topic.toLowerCase().startsWith(wanted)).sort((a, b) => (b.rate ?? 0) - (a.rate ?? 0) || b.count - a.count || a.topic.localeCompare(b.topic));
    if (shown.length === 0) {
      this.showOnly(this.none ??= empty("topology-star-3", "No topic yet", "Each topic is counted from the moment someone looks at this page."));
      return;
    }
    this.list ??= h("ul", { class: "rows" });
    this.total ??= h("p", { class: "muted pad num" });
    if (this.firstElementChild !== this.total) this.replaceChildren(this.total, this.list);
    const sum = items.reduce((all, one) => all + (one.rate ?? 0), 0);
    this.total.textContent = `${items.length} topics, ${sum.toFixed(sum < 10 ? 1 : 0)} messages a second`;
    keyed(this.list, shown.slice(0, 200), ({ topic }) => topic, ({ topic, count, rate: each }) => h("li", {}, h("button", { class: "link grow clip", type: "button", title: topic, onclick: () => this.choose(topic) }, topic),
      h("span", { class: "num muted" }, each === null ? "" : `${each.toFixed(1)}/s`), h("b", { class: "num" }, String(count))));
  }

  choose(topic) {
    filter.value = topic;
    filter.dispatchEvent(new Event("input"));
  }
}

define({ tail: Tail, topics: Topics });
const list = document.querySelector("cb-tail");
const topicList = document.querySelector("cb-topics");
for (const control of [filter, routine]) control.addEventListener("input", () => { list.redraw(); topicList.redraw(); });
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  pause.lastChild.textContent = paused ? "Go on" : "Pause";
  list.redraw();
});
on("snapshot", () => list.redraw());
