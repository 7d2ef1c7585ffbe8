// What `cryptobot doctor` finds.
import { Fetched } from "./fetched.js";
import { h, pill } from "./view.js";

const SHOWN = { ok: ["good", "Well"], warning: ["warn", "Warning"], fault: ["bad", "Fault"] };
const RANK = { fault: 0, warning: 1, ok: 2 };

class Doctor extends Fetched {
  service = "monitor";
  path = "doctor";

  begin() {
    const again = document.getElementById("look-again");
    again.addEventListener("click", async () => {
      again.disabled = true;
      await this.load();
      again.disabled = false;
    });
  }

  draw(report) {
    const checks = [...report.checks].sort((a, b) => RANK[a.verdict] - RANK[b.verdict]);
    this.replaceChildren(h("ul", { class: "rows findings" }, checks.map((one) => this.row(one))));
  }

  row(one) {
    const [tone, word] = SHOWN[one.verdict] ?? ["", one.verdict];
    return h("li", {}, h("span", { class: `pill ${tone}` }, word), h("div", { class: "grow" }, h("b", {}, one.check), h("div", {}, one.what),
      one.verdict === "ok" ? null : h("div", { class: "muted" }, one.why), one.todo && one.verdict !== "ok" ? h("div", {}, one.todo) : null));
  }
}

customElements.define("cb-doctor", Doctor);
