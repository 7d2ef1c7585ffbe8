// Why an order was made and what became of it: candle, signal, limits, order, fills.
import { ask } from "./act.js";
import { amount, h, moment, money, pill, price, skeleton, words } from "./view.js";

const GONE = "The journal does not hold it any more.";
const said = (text) => h("p", {}, text);
const step = (title, ...content) => h("li", {}, h("b", {}, title), h("div", {}, ...content));

/** Tell the story of an order (or of an intent, by its id) in a dialog. */
export async function tellWhy(id) {
  const dialog = document.getElementById("confirm");
  const body = h("div", {}, skeleton(5));
  dialog.classList.add("wide");
  dialog.replaceChildren(h("form", { method: "dialog" }, h("h2", { id: "confirm-title" }, "Why?"), body,
    h("div", { class: "buttons" }, h("button", { class: "button primary", autofocus: true }, "Close"))));
  dialog.onclose = () => dialog.classList.remove("wide");
  dialog.showModal();
  const { data, error } = await ask(`orders/${encodeURIComponent(id)}/why`);
  if (error) body.replaceChildren(said(error.code === "not_found" || error.message.includes("no order") ? "No order came of it: the limits did not let it pass, or it is from before this home's books." : error.message));
  else body.replaceChildren(story(data));
}

function story(told) {
  const { order } = told;
  return h("ol", { class: "story" },
    step("Candle", candle(told)), step("Decision", signal(told)), step("Limits", ...limits(told.limits)),
    step("Order", h("span", {}, `${order.side} ${amount(order.amount)} ${order.symbol} ${order.type} `), pill(order.state), ...told.states.map((one) => h("div", { class: "muted num" }, `${moment(one.ts_ms)} ${words(one.state)}, ${amount(one.filled)} filled`))),
    step("Fills", ...(told.fills.length ? told.fills.map((fill) => h("div", { class: "num" }, `${moment(fill.ts_ms)} ${amount(fill.amount)} at ${price(fill.price)}, fee ${amount(fill.fee)} ${fill.fee_currency}`)) : [said("None.")])),
    step("Sealed actions", ...(told.actions.length ? told.actions.map((one) => h("div", { class: "num" }, `${moment(one.ts_ms)} ${one.actor}: ${one.action}, ${one.detail}${one.ok ? "" : " (refused)"}`)) : [said("None.")])));
}

function candle({ candle: told, order }) {
  if (!told) return said(order.candle_open_ms ? GONE : "None: it was not made on a candle.");
  return said(`${told.exchange} ${told.symbol} ${told.timeframe} of ${moment(told.open_ms)}: open ${price(told.open)}, high ${price(told.high)}, low ${price(told.low)}, close ${price(told.close)}`);
}

function signal({ signal: told, order }) {
  if (!told) return said(order.candle_open_ms ? GONE : `None: asked for by ${order.source}. ${order.reason}`);
  return said(`${told.strategy} wants to ${told.side} at ${price(told.price)}: ${told.reason}`);
}

function limits(found) {
  if (!found) return [said("None was asked: an exit of a guard, or an order from outside.")];
  const verdict = said(found.denied ? `Denied: ${found.denied}` : `Passed: ${(found.checked ?? []).map((name) => name.replaceAll("_", " ")).join(", ")}`);
  if (!found.saw) return [verdict];
  const { saw } = found;
  return [verdict, h("div", { class: "muted num" }, `Worth ${money(found.value)}, price ${price(saw.price)}, position ${amount(saw.position)}, free ${money(saw.free_quote)}, ${saw.open_orders} open orders, ${saw.orders_last_minute} in the last minute, trading ${saw.trading_state.toLowerCase()}`)];
}
