// The filters above a table of orders, fills or positions.

import { on, store } from "./live.js";

/** A choice of account beside the other filters, as soon as there is more than one. */
function offerAccounts(table, words) {
  const names = [...new Set([...store.balances.values()].map((one) => one.account))].sort();
  if (names.length < 2 || document.getElementById("account")) return;
  const label = Object.assign(document.createElement("label"), { className: "visually-hidden", htmlFor: "account", textContent: "Account" });
  const choice = Object.assign(document.createElement("select"), { className: "input small", id: "account" });
  choice.append(new Option("All accounts", ""), ...names.map((name) => new Option(name, name)));
  choice.addEventListener("change", () => { table.account = choice.value; table.redraw(); });
  words.before(label, choice);
}

export function filters(table) {
  const side = document.getElementById("side");
  const words = document.getElementById("filter");
  side?.addEventListener("change", () => { table.side = side.value; table.redraw(); });
  for (const kind of ["snapshot", "balance"]) on(kind, () => offerAccounts(table, words));
  offerAccounts(table, words);
  words.addEventListener("input", () => { table.words = words.value.trim().toLowerCase(); table.redraw(); });
}
