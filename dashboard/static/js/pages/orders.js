import "../money.js";
import { filters } from "../filters.js";

const table = document.querySelector("cb-orders");
filters(table);
const buttons = document.querySelectorAll("[data-filter]");
for (const button of buttons) {
  button.addEventListener("click", () => {
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    table.filter = button.dataset.filter === "open" ? "open" : "";
    table.redraw();
  });
}
