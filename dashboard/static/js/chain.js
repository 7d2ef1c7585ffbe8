// A message's causal chain: what caused it, and what followed, from the bus's journal.
import { ask } from "./act.js";
import { h, moment, skeleton } from "./view.js";

// A decision and its orders lie close together; an order that rests may fill much later.
const BEFORE_MS = 5000;
const SPAN_MS = 30_000;

const query = (words) => ask(`bus/replay?${new URLSearchParams(words)}`);
const sameMessage = (one, other) => one.source === other.source && one.topic === other.topic && one.seq === other.seq;
const opened = (message) => message.candle_open_ms ?? (message.open_ms !== undefined ? message.open_ms : null);

/** All messages of the chain that `item` (a line of the tail) belongs to, oldest first; or an error's sentence. */
async function chainOf(item) {
  const ids = item.correlation_id ? [item.correlation_id] : await decidedOn(item);
  const found = [];
  for (const id of ids) {
    const { data, error } = await query({ correlation_id: id, from_ms: String(item.ts_ms - 3_600_000), limit: "400" });
    if (error) return { error };
    found.push(...data.messages);
  }
  const signal = found.find((one) => one.payload?.candle_open_ms);
  if (signal) found.unshift(...(await candleOf(signal)));
  return { messages: found };
}

/** The correlations of the decisions that a finished candle led to. */
async function decidedOn(item) {
  const open = opened(item.message);
  if (open === null) return [];
  const { data } = await query({ topic: "signal.", from_ms: String(item.ts_ms - 1000), to_ms: String(item.ts_ms + SPAN_MS), limit: "400" });
  const close = (data?.messages ?? []).filter((one) => one.payload.candle_open_ms === open && one.payload.symbol === item.message.symbol);
  return [...new Set(close.map((one) => one.correlation_id).filter(Boolean))];
}

/** The finished candle that a decision was made on, and the values that were drawn of it. */
async function candleOf(signal) {
  const { candle_open_ms: open, symbol } = signal.payload;
  const { data } = await query({ topic: "market.candle.", from_ms: String(signal.ts_ms - BEFORE_MS), to_ms: String(signal.ts_ms + 1000), limit: "1000" });
  const candles = (data?.messages ?? []).filter((one) => one.payload.open_ms === open && one.payload.symbol === symbol && one.payload.closed);
  return candles.slice(-1);
}

/** Show the chain of a message in a dialog. */
export async function showChain(item) {
  const dialog = document.getElementById("confirm");
  const body = h("div", {}, skeleton(4));
  dialog.classList.add("wide");
  dialog.replaceChildren(h("form", { method: "dialog" }, h("h2", { id: "confirm-title" }, "Causes and consequences"), body,
    h("div", { class: "buttons" }, h("button", { class: "button primary", autofocus: true }, "Close"))));
  dialog.onclose = () => dialog.classList.remove("wide");
  dialog.showModal();
  const { messages, error } = await chainOf(item);
  if (error) body.replaceChildren(h("p", {}, error.message));
  else if (!messages.length) body.replaceChildren(h("p", {}, `${item.topic} stands alone: nothing in the journal caused it or came of it.`));
  else body.replaceChildren(h("p", {}, "From the candle to the last booking, oldest first; each was caused by what stands above it."), h("ol", { class: "story" }, messages.map((one, index) => line(one, item, messages[index - 1]))));
}

function line(one, item, before) {
  const here = sameMessage(one, item);
  const after = before ? `${Math.max(0, one.ts_ms - before.ts_ms)} ms later` : "";
  return h("li", { class: here ? "here" : "" }, h("b", {}, one.topic), here ? h("span", { class: "pill busy" }, "this one") : null,
    h("div", { class: "muted num" }, `${moment(one.ts_ms)} from ${one.source}, number ${one.seq}${after ? `, ${after}` : ""}`),
    h("details", {}, h("summary", { class: "muted" }, one.kind || "Message"), h("pre", { class: "mono" }, JSON.stringify(one.payload, null, 2))));
}
