// Messages of the bus as they pass.
import { LiveElement, define } from "./element.js";
import { on, store } from "./live.js";
import { clock, empty, h, keyed } from "./view.js";

const SHOWN = 120;
const filter = document.getElementById("filter");
const pause = document.getElementById("pause");
let paused = false;

// Signs of life drown everything else; whoever wants them ticks the box or asks for them by name.
const ROUTINE = ["bus.beat.", "bus.probe.", "service.heartbeat.", "service.stats."];
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
      h("pre", { class: "mono" }, JSON.stringify(item.message, null, 2)))));
  }
}

class Topics extends LiveElement {
  static kinds = ["topics"];

  draw() {
    this.list ??= h("ul", { class: "rows" });
    this.showOnly(this.list);
    const items = Object.entries(store.topics.counts ?? {}).sort(([a], [b]) => a.localeCompare(b));
    keyed(this.list, items, ([topic]) => topic, ([topic, count]) => h("li", {}, h("button", { class: "link grow clip", type: "button", onclick: () => this.choose(topic) }, topic), h("b", { class: "num" }, String(count))));
    if (items.length === 0) this.showOnly(this.none ??= empty("topology-star-3", "No topic yet", "Each topic is counted from the moment someone looks at this page."));
  }

  choose(topic) {
    filter.value = topic;
    filter.dispatchEvent(new Event("input"));
  }
}

define({ tail: Tail, topics: Topics });
const list = document.querySelector("cb-tail");
for (const control of [filter, routine]) control.addEventListener("input", () => list.redraw());
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  pause.lastChild.textContent = paused ? "Go on" : "Pause";
  list.redraw();
});
on("snapshot", () => list.redraw());
