// The filters above a table of orders, fills or positions.

export function filters(table) {
  const side = document.getElementById("side");
  const words = document.getElementById("filter");
  side?.addEventListener("change", () => { table.side = side.value; table.redraw(); });
  words.addEventListener("input", () => { table.words = words.value.trim().toLowerCase(); table.redraw(); });
}
