// Versions of the program: the one in use, the newest known, an update under way, the way back.
import { act, confirmFirst } from "./act.js";
import { Fetched } from "./fetched.js";
import { h, icon, may, moment } from "./view.js";

const RESULTS = { confirmed: ["good", "runs and is confirmed"], "rolled-back": ["warn", "was taken back"], cancelled: ["warn", "was not applied"] };
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const card = (title, aside, ...content) => h("section", { class: "card gap-above", "aria-label": title }, h("header", {}, h("h2", {}, title), h("div", { class: "aside" }, aside ?? "")), ...content);
const row = (label, ...value) => h("li", {}, h("div", { class: "grow" }, h("b", {}, label)), h("div", {}, ...value));

class Updates extends Fetched {
  service = "update";
  kinds = ["update"];
  path = "update";

  draw(report) {
    if (report.managed) {
      this.replaceChildren(card("This program", null, h("ul", { class: "rows" }, row("Version", report.version)), h("p", { class: "body" }, report.managed)));
      return;
    }
    const busy = report.progress.state !== "idle";
    this.replaceChildren(...[busy ? this.underWay(report.progress) : null, this.versions(report, busy), this.last(report), this.privacy(report)].filter(Boolean));
  }

  underWay(progress) {
    const bar = h("progress", { max: "1", "aria-label": `Progress of version ${progress.version}` });
    if (progress.all_bytes) bar.value = progress.done_bytes / progress.all_bytes;
    const bytes = progress.all_bytes ? ` ${megabytes(progress.done_bytes)} of ${megabytes(progress.all_bytes)}` : "";
    return card(progress.version ? `Version ${progress.version}` : "Update", h("span", { class: "pill busy" }, progress.state),
      h("div", { class: "body", "aria-live": "polite" }, h("div", { class: "progress" }, bar, h("span", { class: "num muted" }, `${progress.step}${bytes}`))));
  }

  versions(report, busy) {
    const held = !may("update.manage") || busy;
    const look = h("button", { class: "button", type: "button", disabled: held, onclick: () => this.look() }, icon("refresh", "icon-s"), "Look for updates");
    const newer = report.newest && report.newest !== report.version;
    const rows = [row("In use", report.version), row("Newest", report.newest ? `${report.newest}${newer ? ` (${megabytes(report.newest_bytes)})` : ""}, seen ${moment(report.checked_ms)}` : "not known yet")];
    if (newer && report.ready !== report.newest) rows.push(row("Download", h("button", { class: "button primary small", type: "button", disabled: held, onclick: () => this.begin_("download") }, icon("download", "icon-s"), `Download ${report.newest}`)));
    if (report.ready) rows.push(row("Ready", h("button", { class: "button primary small", type: "button", disabled: held, onclick: () => this.apply(report) }, `Switch to ${report.ready}`)));
    if (report.previous) rows.push(row("Before", h("button", { class: "button small", type: "button", disabled: held, onclick: () => this.back(report) }, `Go back to ${report.previous}`)));
    const notes = newer && report.notes ? h("p", { class: "body" }, report.notes) : "";
    const fault = !busy && report.progress.reason ? h("div", { class: "message", role: "alert" }, report.progress.reason) : "";
    return card("Versions", look, fault, h("ul", { class: "rows" }, rows), notes);
  }

  last(report) {
    if (!report.last) return null;
    const [tone, words] = RESULTS[report.last] ?? ["", report.last];
    return card("The last update", h("span", { class: `pill ${tone}` }, report.last),
      h("p", { class: "body" }, `Version ${report.last_version} ${words}, ${moment(report.last_ms)}.`, report.last_reason ? ` Reason: ${report.last_reason}` : ""));
  }

  privacy(report) {
    const often = report.checks ? "Once a day it is asked whether there is a newer version" : "Nobody is asked unless you press the button (settings: update.check asks once a day)";
    return card("What is sent", null, h("p", { class: "body muted" }, `${often}. ${report.address || "No address is set"}: the server sees the address of this machine, the program's version and the kind of system; nothing else.`));
  }

  async look() {
    const found = await act("update/check");
    if (found) this.show(found);
  }

  async begin_(action, body = null) {
    await act(`update/${action}`, body);
    this.soon();
  }

  async apply(report) {
    const chosen = await confirmFirst({ title: `Switch to ${report.ready}?`, text: "It waits until positions are flat or have a stop at the venue, backs up settings and databases, restarts one service after the other, and goes back by itself if anything fails. This page loses its connection for a moment.",
      action: "Switch", options: [{ name: "anyway", label: "Do not wait for positions" }] });
    if (chosen) await this.begin_("apply", { version: report.ready, anyway: chosen.anyway });
  }

  async back(report) {
    const chosen = await confirmFirst({ title: `Go back to ${report.previous}?`, text: "Settings, orders and all else that was written stay. Services are restarted one after the other.", action: "Go back", danger: true });
    if (chosen) await this.begin_("rollback", { version: report.previous });
  }
}

customElements.define("cb-updates", Updates);
