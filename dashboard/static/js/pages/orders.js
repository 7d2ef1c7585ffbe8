import "../money.js";

const buttons = document.querySelectorAll("[data-filter]");
for (const button of buttons) {
  button.addEventListener("click", () => {
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    const table = document.querySelector("cb-orders");
    table.filter = button.dataset.filter;
    table.redraw();
  });
}
