// The portfolio service: weights against their targets, what each strategy holds, returns, and rebalancing.
import { act, ask, toast } from "./act.js";
import { Fetched, table } from "./fetched.js";
import { amount, h, holding, icon, may, money, pill, price, signed, tone } from "./view.js";

const dialog = document.getElementById("confirm");
const percent = (part) => (part === null ? "–" : `${(Number(part) * 100).toFixed(2)} %`);
const points = (part) => (part === null ? "–" : `${signed(Number(part) * 100)} %`);

class Weights extends Fetched {
  service = "portfolio";
  kinds = ["fill"];
  path = "portfolio";

  draw(report) {
    const plan = h("button", { class: "button small", type: "button", onclick: () => this.plan() }, icon("adjustments", "icon-s"), "Plan a rebalance");
    const lots = h("a", { class: "button small", href: "/api/v1/portfolio/lots.csv", download: true }, icon("download", "icon-s"), "Tax lots (CSV)");
    this.replaceChildren(report.note ? h("p", { class: "body muted" }, report.note) : "", report.returns ? this.returns(report.returns, report.currency) : "",
      report.accounts?.length ? table(["Account", "Venue", "#Equity", "#Part", "Trading", ""], report.accounts.map((one) => this.account(one)), "Accounts") : "",
      table(["Market", "#Amount", "#Price", "#Value", "#Weight", "#Target", "#Drift"], report.weights.map((one) => this.weight(one)), "Weights"),
      report.sources.length ? table(["Strategy", "Market", "#Holds", "#Value", "#Realised", "#Unrealised", "#Fees", "#Fills"], report.sources.map((one) => this.source(one)), "What each strategy holds") : "",
      h("div", { class: "buttons pad" }, report.method === "none" ? "" : plan, lots));
  }

  account(one) {
    const halted = one.trading && one.trading !== "ACTIVE";
    const button = may("trade.halt") && one.trading
      ? h("button", { class: `button small ${halted ? "" : "danger"}`, type: "button", "aria-label": `${halted ? "Resume" : "Halt"} ${one.account}`, onclick: () => this.setTrading(one.account, halted ? "ACTIVE" : "HALTED") }, halted ? "Resume" : "Halt") : "";
    return h("tr", {}, h("td", {}, h("b", {}, one.account)), h("td", {}, one.exchange), h("td", { class: "num right" }, one.equity === null ? "–" : `${money(one.equity)} ${one.currency}`), h("td", { class: "num right" }, percent(one.weight)),
      h("td", {}, one.trading ? pill(one.trading) : h("span", { class: "muted" }, one.note)), h("td", { class: "right" }, button));
  }

  async setTrading(account, state) {
    const done = await act(`trading?account=${encodeURIComponent(account)}`, { state });
    if (done) toast(`Trading of ${account} is ${done.state}.`);
    await this.load();
  }

  weight(one) {
    return h("tr", {}, h("td", {}, h("b", {}, one.symbol)), h("td", { class: "num right", title: one.amount }, holding(one.amount)), h("td", { class: "num right" }, price(one.price)), h("td", { class: "num right" }, money(one.value)),
      h("td", { class: "num right" }, percent(one.weight)), h("td", { class: "num right" }, percent(one.target)), h("td", { class: "num right" }, points(one.drift)));
  }

  source(one) {
    const gain = (value) => h("td", { class: `num right ${tone(value)}` }, signed(value));
    return h("tr", {}, h("td", {}, h("b", {}, one.source)), h("td", {}, one.symbol), h("td", { class: "num right" }, amount(one.amount)), h("td", { class: "num right" }, money(one.value)),
      gain(one.realised_pnl), gain(one.unrealised_pnl), h("td", { class: "num right" }, money(one.fees)), h("td", { class: "num right" }, String(one.fills)));
  }

  returns(returns, currency) {
    const rate = (value) => (value === null ? "–" : `${signed(value)} %`);
    const figures = { Profit: `${signed(returns.profit)} ${currency}`, "Time-weighted": rate(returns.time_weighted), "Money-weighted": rate(returns.money_weighted), Deposited: money(returns.deposited), Withdrawn: money(returns.withdrawn) };
    return h("dl", { class: "facts-line" }, Object.entries(figures).map(([title, text]) => h("div", {}, h("dt", {}, title), h("dd", { class: "num" }, text))));
  }

  async plan() {
    const { data, error } = await ask("portfolio/plan");
    if (error) return toast(error.message, true);
    const active = data.orders.filter((one) => !one.skipped);
    const rows = data.orders.map((one) => h("tr", { class: one.skipped ? "past" : "" }, h("td", {}, h("b", {}, one.side), " ", one.symbol), h("td", { class: "num right" }, amount(one.amount)), h("td", { class: "num right" }, money(one.value)),
      h("td", { class: "num right" }, `${percent(one.weight)} → ${percent(one.target)}`), h("td", { class: "num right" }, money(one.cost)), h("td", { class: "muted" }, one.reason)));
    dialog.classList.add("wide");
    dialog.replaceChildren(h("form", { method: "dialog" }, h("h2", { id: "confirm-title" }, "Rebalance"), h("p", {}, data.sentence),
      rows.length ? table(["Order", "#Amount", "#Value", "#Weight", "#Cost", "Why"], rows, "Orders of the plan") : "",
      h("div", { class: "buttons" }, h("button", { class: "button", value: "no", autofocus: true }, "Close"),
        active.length && may("trade.order") ? h("button", { class: "button primary", value: "yes" }, "Send these orders") : "")));
    dialog.returnValue = "";
    dialog.showModal();
    dialog.onclose = async () => {
      dialog.classList.remove("wide");
      if (dialog.returnValue !== "yes") return;
      const done = await act("portfolio/rebalance", { plan_id: data.id });
      if (done) toast(done.sentence, done.state !== "DONE");
      await this.load();
    };
  }
}

customElements.define("cb-weights", Weights);
