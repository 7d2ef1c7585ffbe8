// How values are shown, and how elements are made. Text never becomes HTML.

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
const ICONS = meta("icons");
const PERMISSIONS = new Set(meta("permissions").split(" "));
export const csrfToken = meta("csrf-token");
export const channels = meta("channels");

/** May this person do it, on this resource? `strategy.control:ema-*` allows it for matching names alone. */
export const may = (permission, resource = null) =>
  [...PERMISSIONS].some((held) => {
    const [name, pattern] = held.split(/:(.*)/, 2);
    return name === permission && (!pattern || (resource !== null && matches(pattern, resource)));
  });

function matches(pattern, text) {
  const escaped = pattern.replace(/[.+^${}()|\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${escaped}$`).test(text);
}

/** Make an element: h("td", {class: "num"}, "1.5"). Attributes that are null or false are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A control under its label: field("key-name", "Name", h("input", …), "a hint"). */
export const field = (id, label, control, hint = "") => h("div", { class: "field" }, h("label", { for: id }, label), control, hint ? h("span", { class: "muted" }, hint) : null);
/** A one-line input that has to be filled in. */
export const input = (id, attributes = {}) => h("input", { class: "input", id, required: true, autocomplete: "off", ...attributes });
/** The mark of a line in a legend. */
export function swatch(colour) {
  const mark = h("i", {});
  mark.style.color = colour;
  return mark;
}

const SVG = "http://www.w3.org/2000/svg";
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function icon(name, extra = "") {
  return svg("svg", { class: `icon ${extra}`, "aria-hidden": "true" }, svg("use", { href: `${ICONS}#${name}` }));
}

/** Keep the children of `parent` equal to `items`; only what changed is touched, so focus and hover stay. */
export function keyed(parent, items, keyOf, make) {
  const known = parent.keyedRows ?? (parent.keyedRows = new Map());
  const next = new Map();
  items.forEach((item, index) => {
    const key = keyOf(item);
    const mark = JSON.stringify(item);
    let entry = known.get(key);
    if (!entry || entry.mark !== mark) {
      const element = make(item, entry?.element);
      if (entry && entry.element !== element) entry.element.replaceWith(element);
      entry = { element, mark };
    }
    next.set(key, entry);
    if (parent.children[index] !== entry.element) parent.insertBefore(entry.element, parent.children[index] ?? null);
  });
  while (parent.children.length > items.length) parent.lastElementChild.remove();
  parent.keyedRows = next;
}

/** Set text only when it differs. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const formats = new Map();
function format(least, most, extra = {}) {
  const key = `${least}|${most}|${JSON.stringify(extra)}`;
  if (!formats.has(key)) {
    formats.set(key, new Intl.NumberFormat(undefined, { minimumFractionDigits: least, maximumFractionDigits: most, ...extra }));
  }
  return formats.get(key);
}

export const money = (value) => format(2, 2).format(Number(value));
export const price = (value) => (Math.abs(Number(value)) >= 10 ? format(2, 2) : format(2, 8)).format(Number(value));
export const amount = (value) => format(0, 8).format(Number(value));
/** What is held: all digits of small amounts, cents of large ones. */
export const holding = (value) => (Math.abs(Number(value)) >= 1000 ? format(2, 2) : format(0, 8)).format(Number(value));
export const signed = (value) => format(2, 2, { signDisplay: "exceptZero" }).format(Number(value)).replace("-", "−");
export const percent = (value) =>
  `${format(2, 2, { signDisplay: "exceptZero" }).format(Number(value)).replace("-", "−")} %`;
/** Green, red, or neither where cents do not show it. */
export const tone = (value) => (Number(value) >= 0.005 ? "up" : Number(value) <= -0.005 ? "down" : "");

export function bytes(value) {
  if (!value) return "–";
  return value >= 1 << 30 ? `${format(1, 1).format(value / (1 << 30))} GiB` : `${format(0, 0).format(value / (1 << 20))} MiB`;
}

export function clock(ms) {
  return ms ? new Date(ms).toLocaleTimeString(undefined, { hour12: false }) : "–";
}

export function moment(ms) {
  if (!ms) return "–";
  const date = new Date(ms);
  const today = new Date().toDateString() === date.toDateString();
  const time = date.toLocaleTimeString(undefined, { hour12: false });
  return today ? time : `${date.toLocaleDateString(undefined, { day: "numeric", month: "short" })} ${time}`;
}

export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  const hours = Math.floor(seconds / 3600);
  return hours < 48 ? `${hours} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export const side = (value) => h("span", { class: `side ${value === "buy" ? "up" : "down"}` }, value);

const TONES = {
  RUNNING: "good", ACTIVE: "good", FILLED: "good", OPEN: "busy", STARTING: "busy", STOPPING: "busy", WARMING_UP: "busy",
  PARTIALLY_FILLED: "busy", PENDING: "busy", SUBMITTED: "busy", DEGRADED: "warn", BACKOFF: "warn", REDUCING: "warn",
  UNKNOWN: "warn", FATAL: "bad", FAILED: "bad", HALTED: "bad", REJECTED: "bad", DENIED: "bad",
};
export const toneOf = (state) => TONES[state] ?? "";
export const words = (state) => {
  const text = String(state ?? "").replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
};
export const pill = (state) => h("span", { class: `pill ${toneOf(state)}` }, words(state));

export function empty(iconName, title, text) {
  return h("div", { class: "empty" }, icon(iconName), h("strong", {}, title), h("p", {}, text));
}

export function skeleton(rows = 3) {
  return h("div", { class: "pad stack skeletons", "aria-hidden": "true" }, ...Array.from({ length: rows }, () => h("span", { class: "skeleton" })));
}
