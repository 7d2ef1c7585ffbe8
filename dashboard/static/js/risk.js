// The risk service: verdict, reasons, how much of every limit is used, blocks, and arming again.
import { act, confirmFirst } from "./act.js";
import { Fetched, table } from "./fetched.js";
import { amount, empty, h, icon, may, moment, money, pill } from "./view.js";

const card = (title, ...content) => h("section", { class: "card gap-above", "aria-label": title }, h("header", {}, h("h2", {}, title)), ...content);
const shown = (value, unit) => (value === null ? "–" : `${unit === "%" || unit === "quote" ? money(value) : amount(value)}${unit ? ` ${unit}` : ""}`);

class Risk extends Fetched {
  service = "risk";
  kinds = ["equity", "trading", "fill"];
  path = "risk";

  /** The account that is shown; nothing while there is one only. */
  get of() { return this.account ? `?account=${encodeURIComponent(this.account)}` : ""; }

  accounts(report) {
    if ((report.accounts?.length ?? 0) < 2) return "";
    this.account ??= report.account;
    return h("select", { class: "input small", "aria-label": "Account", onchange: (event) => { this.account = event.target.value; this.path = `risk${this.of}`; this.load(); } },
      report.accounts.map((name) => h("option", { value: name, selected: name === report.account }, name)));
  }

  draw(report) {
    const verdict = report.verdict;
    this.replaceChildren(this.head(report), report.error ? h("div", { class: "message", role: "alert" }, report.error) : "",
      card("Limits", this.figures(report.figures)), verdict.blocks.length ? card("Where nothing may be opened", this.blocks(verdict.blocks)) : "",
      verdict.caps.length ? card("How much more may be opened", this.caps(verdict.caps, report.currency)) : "");
  }

  head(report) {
    const { state, reasons } = report.verdict;
    const why = reasons.length ? h("ul", { class: "rows" }, reasons.map((one) => h("li", {}, pill(one.state), h("div", { class: "grow" }, one.sentence, h("div", { class: "muted" }, `since ${moment(one.since_ms)}${one.latched ? "; stays until a person arms again" : "; passes by itself"}`)))))
      : h("p", { class: "body muted" }, "No limit is reached.");
    const arm = h("button", { class: "button primary", type: "button", disabled: !may("trade.halt"), onclick: () => this.rearm() }, icon("refresh", "icon-s"), "Arm again");
    const needed = reasons.some((one) => one.latched) || report.verdict.blocks.length;
    const armed = report.armed_ms ? `armed ${moment(report.armed_ms)}${report.armed_by ? ` by ${report.armed_by}` : ""}` : "";
    return h("section", { class: "card", "aria-label": "Verdict" },
      h("header", {}, h("h2", {}, "Verdict"), pill(state), this.accounts(report), h("div", { class: "aside muted" }, armed, " ", needed ? arm : "")), why);
  }

  figures(figures) {
    if (!figures.length) return empty("shield-check", "No limit is set", "Set some under Settings, section risk.");
    return table(["Limit", "Used", "", "At the limit"], figures.map((one) => {
      const part = one.limit === null || one.value === null || Number(one.limit) === 0 ? null : Math.min(1, Math.max(0, Number(one.value) / Number(one.limit)));
      const bar = part === null ? h("span", { class: "muted" }, one.limit === null ? "off" : "") : h("meter", { min: "0", max: "1", low: "0.7", high: "0.9", optimum: "0", value: String(part), "aria-label": `${one.title}: ${Math.round(part * 100)} percent used` });
      return h("tr", { title: one.sentence }, h("td", { class: "limit" }, h("b", {}, one.title)),
        h("td", { class: "num" }, one.limit === null ? shown(one.value, one.unit) : `${one.value === null ? "–" : shown(one.value, one.unit).replace(` ${one.unit}`, "")} of ${shown(one.limit, one.unit)}`), h("td", {}, bar), h("td", { class: "muted text" }, one.action));
    }), "Limits");
  }

  blocks(blocks) {
    return table(["What", "Why", "Until"], blocks.map((one) => h("tr", {}, h("td", {}, h("b", {}, one.scope === "all" ? "everything" : `${one.scope} ${one.name}`), one.symbol ? ` in ${one.symbol}` : ""),
      h("td", {}, one.sentence), h("td", { class: "num" }, one.until_ms ? moment(one.until_ms) : "the reason is gone"))), "Blocks");
  }

  caps(caps, currency) {
    return table(["What", "Room", "Why"], caps.map((one) => h("tr", {}, h("td", {}, h("b", {}, one.scope === "all" ? "everything" : `${one.scope} ${one.name}`)),
      h("td", { class: "num" }, `${money(one.room)} ${currency}`), h("td", { class: "muted" }, one.sentence))), "Room");
  }

  async rearm() {
    const chosen = await confirmFirst({ title: "Arm again?", text: "Trading goes on, and losses count from now on. What a person halted stays halted.", action: "Arm again", danger: true, options: [{ name: "blocks", label: "End pauses of markets and strategies, too" }] });
    if (!chosen) return;
    await act(`risk/rearm${this.of}`, { reason: "in the dashboard", blocks: chosen.blocks });
    await this.load();
  }
}

customElements.define("cb-risk", Risk);
