// The keyboard: g and a letter goes to a page, / to the filter, t changes the theme, ? shows all of these.
import { h } from "./view.js";

const LETTERS = { "/": "o", "/markets": "m", "/strategies": "s", "/orders": "r", "/fills": "f", "/portfolio": "p", "/risk": "k", "/backtests": "b", "/services": "v", "/alerts": "a", "/bus": "u", "/logs": "l", "/audit": "d", "/settings": "e", "/account": "c" };
const inText = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

export function shortcuts() {
  const pages = [...document.querySelectorAll(".sidebar .menu:not(.only-phone) a")].map((link) => ({ letter: LETTERS[link.getAttribute("href")], title: link.textContent.trim(), href: link.getAttribute("href") })).filter((page) => page.letter);
  pages.push({ letter: LETTERS["/account"], title: "Account", href: "/account" });
  let going = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || inText(event.target) || document.querySelector("dialog[open]")) return;
    if (going) {
      going = false;
      const page = pages.find((one) => one.letter === event.key);
      if (page) location.assign(page.href);
    } else if (event.key === "g") going = true;
    else if (event.key === "t") document.getElementById("theme").click();
    else if (event.key === "?") showAll(pages);
    else if (event.key === "/") {
      const filter = document.getElementById("filter");
      if (!filter) return;
      event.preventDefault();
      filter.focus();
      filter.select();
    }
  });
  document.getElementById("keyboard")?.addEventListener("click", () => showAll(pages));
}

function showAll(pages) {
  const dialog = document.getElementById("confirm");
  const row = (keys, text) => h("li", {}, h("span", { class: "grow" }, text), ...keys.map((key) => h("kbd", {}, key)));
  dialog.replaceChildren(h("form", { method: "dialog" }, h("h2", { id: "confirm-title" }, "Keyboard"),
    h("ul", { class: "rows keys" }, row(["/"], "To the filter"), row(["t"], "Light or dark"), row(["?"], "This list"), ...pages.map((page) => row(["g", page.letter], page.title))),
    h("div", { class: "buttons" }, h("button", { class: "button primary", autofocus: true }, "Close"))));
  dialog.showModal();
}
