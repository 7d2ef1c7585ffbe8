// What every page has: connection, trading state, note on the prices, theme, menu.
import { LiveElement, define } from "./element.js";
import { connect, on, store } from "./live.js";
import { shortcuts } from "./shortcuts.js";
import { h, icon, price, put, toneOf, words } from "./view.js";

class LinkPill extends HTMLElement {
  connectedCallback() {
    this.label = h("span", { class: "pill busy", role: "status" }, "Connecting");
    this.replaceChildren(this.label);
    for (const kind of ["connection", "link", "snapshot"]) on(kind, () => this.draw());
  }

  draw() {
    const [tone, text] = !store.connected ? ["bad", "Offline"]
      : !store.link.connected ? ["bad", "Bus away"]
      : store.link.supervisor_away ? ["warn", "Supervisor away"]
      : ["good", "Live"];
    this.label.className = `pill ${tone}`;
    put(this.label, text);
  }
}

class Banner extends HTMLElement {
  connectedCallback() {
    for (const kind of ["connection", "link", "snapshot"]) on(kind, () => this.draw());
  }

  draw() {
    const text = !store.connected ? (store.ready ? "The connection to the dashboard is lost. What you see is old; it comes back by itself." : "")
      : !store.link.connected ? "The message bus is away. What you see is old; trading and this page recover by themselves when it is back."
      : store.link.supervisor_away ? "The supervisor is away. The services go on; their states below may be old."
      : "";
    if (!text) this.replaceChildren();
    else if (this.textContent !== text) {
      this.replaceChildren(h("div", { class: "banner", role: "alert" }, icon("plug-connected-x"), h("span", {}, text)));
    }
  }
}

class Note extends HTMLElement {
  connectedCallback() {
    on("snapshot", () => {
      const box = this.firstElementChild;
      box.hidden = !store.note;
      put(box.querySelector("span"), store.note);
    });
  }
}

class TradingPill extends HTMLElement {
  connectedCallback() {
    for (const kind of ["trading", "snapshot"]) on(kind, () => this.draw());
  }

  draw() {
    if (!store.trading) return;
    const state = store.trading.state;
    const mark = `pill ${toneOf(state)}`;
    if (this.label?.textContent.endsWith(words(state).toLowerCase())) return;
    this.label = h("span", { class: mark }, h("span", {}, h("span", { class: "trading-word" }, "Trading "), words(state).toLowerCase()));
    this.replaceChildren(this.label);
  }
}

class Ticker extends LiveElement {
  static kinds = ["candle"];
  waiting() {}
  draw() {
    const series = store.series.values().next().value;
    const row = series && [...series.rows.values()].at(-1);
    if (!row) return;
    put(this, `${series.symbol} ${price(row[4])}`);
  }
}

define({ "link-pill": LinkPill, banner: Banner, note: Note, "trading-pill": TradingPill, ticker: Ticker });

const sidebar = document.getElementById("sidebar");
sidebar.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
const more = document.getElementById("more");
const openMenu = (open) => {
  sidebar.classList.toggle("open", open);
  more.setAttribute("aria-expanded", String(open));
};
more.addEventListener("click", (event) => {
  event.stopPropagation();
  openMenu(!sidebar.classList.contains("open"));
});
document.addEventListener("click", (event) => { if (!sidebar.contains(event.target)) openMenu(false); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") openMenu(false); });
shortcuts();
connect();
