// Notifications: channels with a test button, rules, Telegram chats that speak for people, the delivery log.
import { act, ask, confirmFirst, toast } from "./act.js";
import { Fetched, table } from "./fetched.js";
import { empty, h, icon, may, moment, words } from "./view.js";

const dialog = document.getElementById("confirm");
const TONES = { sent: "good", sending: "busy", waiting: "busy", failed: "bad", dropped: "" };
const SEVERITIES = { critical: "bad", error: "bad", warning: "warn", info: "" };
const card = (title, aside, ...content) => h("section", { class: "card gap-above", "aria-label": title }, h("header", {}, h("h2", {}, title), h("div", { class: "aside" }, aside ?? "")), ...content);
const button = (text, onclick, { name = null, kind = "", disabled = false } = {}) => h("button", { class: `button small ${kind}`, type: "button", onclick, disabled }, name ? icon(name, "icon-s") : null, text);
const manages = () => may("notify.manage");

class Notifications extends Fetched {
  service = "notify";
  kinds = ["notify"];
  path = "notifications";

  async draw(status) {
    this.log ??= h("div", {});
    this.replaceChildren(...[this.calm(status), this.channels(status), this.chats(status), this.rules(status), manages() ? card("Delivery log", this.logTools(), this.log) : null].filter(Boolean));
    if (manages()) await this.drawLog();
  }

  calm(status) {
    const muted = status.muted_until_ms > Date.now();
    const texts = [];
    if (muted) texts.push(`Muted until ${moment(status.muted_until_ms)}: only critical notices are sent, the others wait.`);
    if (status.quiet) texts.push(`Quiet hours (${status.quiet_hours}): only critical notices are sent, the others wait.`);
    return texts.length ? h("div", { class: "message good", role: "status" }, texts.join(" ")) : null;
  }

  channels(status) {
    const muted = status.muted_until_ms > Date.now();
    const tools = manages() ? h("div", { class: "buttons" },
      button(muted ? "Unmute" : "Mute for an hour", async () => { await act("notifications/mute", { for_s: muted ? 0 : 3600 }); this.load(); }, { name: muted ? "player-play" : "player-pause" }),
      may("secret.write") ? button("Add a channel", () => this.add(), { name: "bell", kind: "primary" }) : null) : "";
    if (!status.channels.length) return card("Channels", tools, empty("bell", "No channel yet", "Add one: an address such as mailto://user:password@example.org, discord://…, ntfy://… or the token of a Telegram bot."));
    return card("Channels", tools, table(["Channel", "Kind", "Address", "#Waiting", "Last sent", "State", ""], status.channels.map((one) => this.channel(one)), "Channels"));
  }

  channel(one) {
    const fault = one.problem || (one.waiting ? one.last_error : "");
    const state = fault ? h("span", { class: "pill bad", title: fault }, "Trouble") : h("span", { class: "pill good" }, "Ready");
    return h("tr", {}, h("td", {}, h("b", {}, one.name)), h("td", {}, one.kind), h("td", { class: "muted wrap" }, one.address, fault ? h("div", {}, fault) : ""),
      h("td", { class: "num right" }, String(one.waiting)), h("td", { class: "num" }, moment(one.last_sent_ms)), h("td", {}, state),
      h("td", { class: "right" }, button("Test", () => this.test(one.name), { disabled: !manages() })));
  }

  async test(name) {
    const found = await act("notifications/test", { channel: name });
    for (const one of found?.tests ?? []) toast(one.ok ? `${one.channel}: sent in ${one.took_ms} ms.` : `${one.channel}: ${one.reason}`, !one.ok);
    this.soon();
  }

  chats(status) {
    const bot = status.channels.some((one) => one.name === "telegram");
    const tools = bot ? button("Link a Telegram chat", () => this.link(), { name: "user" }) : "";
    const trouble = status.bot_problem ? h("div", { class: "message", role: "alert" }, `No commands from Telegram: ${status.bot_problem}.`) : "";
    if (!bot) return card("Telegram", tools, empty("robot", "No bot yet", "Make one with @BotFather and store its token as the channel telegram: then people command the bot from their phones, each with their own rights."));
    const rows = status.links.map((one) => h("tr", {}, h("td", {}, h("b", {}, one.title)), h("td", {}, one.user), h("td", { class: "num" }, moment(one.linked_ms)), h("td", { class: "num" }, moment(one.last_ms)),
      h("td", { class: "right" }, button("Unlink", () => this.unlink(one)))));
    return card(status.bot ? `Telegram: @${status.bot}` : "Telegram", tools, trouble, rows.length ? table(["Chat", "Speaks for", "Linked", "Last heard", ""], rows, "Linked chats") : empty("user", "No chat is linked", "Link yours: it gets the notices, and commands such as /status and /halt."));
  }

  async link() {
    const made = await act("notifications/link");
    if (!made) return;
    const bot = made.bot ? `@${made.bot}` : "your bot";
    const open = made.address ? h("a", { class: "button primary", href: made.address, target: "_blank", rel: "noopener noreferrer" }, icon("arrow-up-right", "icon-s"), `Open ${bot}`) : null;
    dialog.replaceChildren(h("form", { method: "dialog" }, h("h2", { id: "confirm-title" }, "Link a Telegram chat"), h("p", {}, `Send this to ${bot} from your own chat. It is good once, until ${moment(made.expires_ms)}.`),
      h("p", {}, h("code", {}, `/link ${made.code}`)), h("div", { class: "buttons" }, h("button", { class: "button", value: "no", autofocus: true }, "Close"), open)));
    dialog.showModal();
    dialog.onclose = () => this.soon();
  }

  async unlink(one) {
    if (!(await confirmFirst({ title: `Unlink ${one.title}?`, text: `The chat gets no notices and speaks for ${one.user} no more.`, action: "Unlink" }))) return;
    await act(`notifications/links/${one.id}/end`);
    this.load();
  }

  rules(status) {
    const rows = status.rules.map((one) => h("tr", {}, h("td", {}, h("b", {}, one.name)), h("td", { class: "wrap" }, one.topics.join(", ")), h("td", {}, one.severity === "info" ? "everything" : `${one.severity} and worse`), h("td", {}, one.channels.join(", ") || "every channel"), h("td", {}, one.digest ? "in the digest" : "at once")));
    const change = may("config.write") ? h("a", { class: "button small", href: "/settings" }, icon("adjustments", "icon-s"), "Change") : "";
    return card("Rules", change, table(["Rule", "Of", "How bad", "To", "When"], rows, "Rules"));
  }

  logTools() {
    this.filter ??= h("select", { class: "input", "aria-label": "Show", onchange: () => this.drawLog() }, [["", "All deliveries"], ["waiting", "Waiting"], ["sent", "Sent"], ["failed", "Given up"]].map(([value, text]) => h("option", { value }, text)));
    return h("div", { class: "buttons" }, this.filter, button("Try all again", async () => { await act("notifications/retry", { id: 0 }); this.soon(); }, { name: "refresh" }));
  }

  async drawLog() {
    const { data, error } = await ask(`notifications/log?limit=100&state=${this.filter.value}`);
    if (error) {
      this.log.replaceChildren(h("p", { class: "body muted" }, error.message));
      return;
    }
    const rows = data.entries.map((one) => h("tr", {}, h("td", { class: "num" }, moment(one.created_ms)), h("td", {}, one.channel, one.target ? h("div", { class: "muted" }, one.target) : ""),
      h("td", {}, h("span", { class: `pill ${SEVERITIES[one.severity] ?? ""}` }, words(one.severity))), h("td", { class: "wrap" }, h("b", {}, one.title), one.error ? h("div", { class: "muted" }, one.error) : ""),
      h("td", {}, h("span", { class: `pill ${TONES[one.state] ?? ""}` }, one.state === "failed" ? "Given up" : words(one.state)), one.state === "waiting" && one.due_ms > Date.now() ? h("div", { class: "muted" }, `until ${moment(one.due_ms)}`) : ""),
      h("td", { class: "num right" }, String(one.attempts)),
      h("td", { class: "right" }, ["waiting", "failed"].includes(one.state) ? button("Try again", async () => { await act("notifications/retry", { id: one.id }); this.soon(); }) : "")));
    this.log.replaceChildren(rows.length ? table(["When", "Channel", "Severity", "What", "State", "#Tries", ""], rows, "Delivery log") : empty("list-details", "Nothing here", "What is sent to people is listed here, with the reason where it did not arrive."));
  }

  async add() {
    const name = h("input", { class: "input", id: "channel-name", required: true, pattern: "[a-z0-9][a-z0-9_\\-]{0,39}", placeholder: "mail", autocomplete: "off", autofocus: true });
    const address = h("input", { class: "input", id: "channel-address", required: true, type: "password", autocomplete: "new-password", placeholder: "mailto://user:password@example.org" });
    const field = (id, label, element, hint) => h("div", { class: "field" }, h("label", { for: id }, label), element, h("span", { class: "muted" }, hint));
    const form = h("form", {}, h("h2", { id: "confirm-title" }, "Add a channel"), field("channel-name", "Name", name, "Small letters and digits; telegram is the one for a bot's token."),
      field("channel-address", "Address", address, "An address of apprise, or a bot's token. It is sealed and never shown again."),
      h("div", { class: "buttons" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"), h("button", { class: "button primary" }, "Add")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      dialog.close();
      const kept = await act(`secrets/notify.${name.value}`, { value: address.value });
      if (kept) await act("services/notify/restart");
      this.soon();
    });
    dialog.replaceChildren(form);
    dialog.showModal();
  }
}

customElements.define("cb-notifications", Notifications);
