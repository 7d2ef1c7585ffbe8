// The live stream and what it told us so far. One WebSocket; a snapshot first, then changes. Nothing is polled.
import { channels } from "./view.js";

const MAX_ROWS = 1500;
const MAX_LISTED = 400;

/** Everything the page knows. Maps are keyed as the server keys them. */
export const store = {
  ready: false,
  connected: false,
  link: { connected: true, supervisor_away: false },
  note: "",
  supervisor: {},
  services: new Map(),
  samples: new Map(),
  trading: null,
  alerts: new Map(),
  orders: new Map(),
  fills: new Map(),
  positions: new Map(),
  balances: new Map(),
  equity: null,
  equityPoints: [],
  series: new Map(),
  strategies: null,
  signals: [],
  logs: [],
  audit: [],
  lines: [],
  tail: [],
  books: new Map(),
  trades: [],
  topics: {},
};

const bus = new EventTarget();
/** Call `handler(data)` when something of `kind` changed; `snapshot` stands for everything. */
export const on = (kind, handler) => bus.addEventListener(kind, (event) => handler(event.detail));
const tell = (kind, detail = null) => bus.dispatchEvent(new CustomEvent(kind, { detail }));

const byKey = (items, keyOf) => new Map((items ?? []).map((item) => [keyOf(item), item]));
const orderKey = (order) => order.id;
const fillKey = (fill) => `${fill.account}|${fill.exchange}|${fill.id}`;
const positionKey = (position) => `${position.account}|${position.exchange}|${position.symbol}`;
const balanceKey = (balance) => `${balance.account}|${balance.exchange}|${balance.asset}`;
export const seriesKey = (series) => `${series.exchange}|${series.symbol}|${series.timeframe}`;

function takeSnapshot(message) {
  const state = message.state;
  store.link = message.link;
  store.note = state.note ?? store.note;
  if (state.services) {
    store.services = byKey(state.services, (service) => service.name);
    store.samples = new Map(Object.entries(state.samples));
    store.supervisor = state.supervisor;
    store.trading = state.trading;
    store.alerts = byKey(state.alerts, (alert) => alert.key);
  }
  if (state.orders) {
    store.orders = byKey(state.orders, orderKey);
    store.fills = byKey(state.fills, fillKey);
    store.positions = byKey(state.positions, positionKey);
    store.balances = byKey(state.balances, balanceKey);
    store.equity = state.equity;
    store.equityPoints = state.equity_points;
  }
  if (state.series) store.series = byKey(state.series.map(prepareSeries), seriesKey);
  if ("strategies" in state) {
    store.strategies = state.strategies;
    store.signals = state.signals;
  }
  if (state.logs) store.logs = state.logs;
  if (state.audit) store.audit = state.audit;
  store.ready = true;
  tell("snapshot", message);
}

function prepareSeries(series) {
  const indicators = new Map(Object.entries(series.indicators).map(([name, points]) => [name, new Map(points)]));
  return { ...series, rows: new Map(series.rows.map((row) => [row[0], row])), indicators };
}

function trim(map, most) {
  while (map.size > most) map.delete(map.keys().next().value);
}

function addLine(list, entry, most = MAX_LISTED) {
  list.push(entry);
  if (list.length > most) list.shift();
}

const take = {
  link: (data) => { store.link = data; },
  service: (data) => {
    store.services.set(data.name, data);
    if (!store.samples.has(data.name)) store.samples.set(data.name, []);
    const ring = store.samples.get(data.name);
    ring.push([data.cpu_percent ?? 0, data.rss_bytes ?? 0]);
    if (ring.length > 120) ring.shift();
  },
  alert: (data) => { store.alerts.delete(data.key); store.alerts.set(data.key, data); },
  trading: (data) => { store.trading = data; },
  order: (data) => { store.orders.set(orderKey(data), data); trim(store.orders, MAX_LISTED); },
  fill: (data) => { store.fills.set(fillKey(data), data); trim(store.fills, MAX_LISTED); },
  position: (data) => { store.positions.set(positionKey(data), data); },
  balance: (data) => { store.balances.set(balanceKey(data), data); },
  equity: (data) => {
    store.equity = data;
    const last = store.equityPoints[store.equityPoints.length - 1];
    if (!last || last[0] < data.ts_ms) store.equityPoints.push([data.ts_ms, Number(data.equity)]);
  },
  candle: (data) => {
    let series = store.series.get(data.key);
    if (!series) {
      const [exchange, symbol, timeframe] = data.key.split("|");
      series = { exchange, symbol, timeframe, rows: new Map(), indicators: new Map() };
      store.series.set(data.key, series);
    }
    series.rows.set(data.row[0], data.row);
    trim(series.rows, MAX_ROWS);
  },
  indicator: (data) => {
    const series = store.series.get(data.key);
    if (!series) return;
    for (const [name, value] of Object.entries(data.values)) {
      const key = `${data.strategy}.${name}`;
      if (!series.indicators.has(key)) series.indicators.set(key, new Map());
      series.indicators.get(key).set(data.ms, value);
      trim(series.indicators.get(key), MAX_ROWS);
    }
  },
  strategies: (data) => { store.strategies = data; },
  signal: (data) => addLine(store.signals, data),
  log: (data) => addLine(store.logs, data),
  line: (data) => addLine(store.lines, data, MAX_ROWS),
  audit: (data) => addLine(store.audit, data),
  tail: (data) => addLine(store.tail, data),
  book: (data) => { store.books.set(`${data.exchange}|${data.symbol}`, data); },
  trade: (data) => addLine(store.trades, data),
  topics: (data) => { store.topics = data; },
  backtest: () => {},
  notify: () => {},
};

function takeUpdate(items) {
  const kinds = new Set();
  for (const [kind, data] of items) {
    take[kind]?.(data);
    kinds.add(kind);
    if (kind === "candle" || kind === "indicator" || kind === "backtest") tell(`${kind}:one`, data);
  }
  for (const kind of kinds) tell(kind);
}

let attempt = 0;
let socket = null;

export function connect() {
  socket = new WebSocket(`wss://${location.host}/live?channels=${encodeURIComponent(channels || "core")}`);
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (!store.connected) {
      store.connected = true;
      attempt = 0;
      tell("connection");
    }
    if (message.type === "snapshot") takeSnapshot(message);
    else takeUpdate(message.items);
  };
  socket.onclose = (event) => {
    if (store.connected || attempt === 0) {
      store.connected = false;
      tell("connection");
    }
    if (event.code === 4401) location.assign("/login");
    else again();
  };
}

function again() {
  attempt += 1;
  const wait = Math.min(8000, 250 * 2 ** Math.min(attempt, 6)) * (0.7 + Math.random() * 0.6);
  setTimeout(async () => {
    // A refused WebSocket does not say why: one question after a few failures tells an ended session from a stopped server.
    if (attempt % 3 === 2 && (await sessionEnded())) location.assign("/login");
    else connect();
  }, wait);
}

async function sessionEnded() {
  try {
    return (await fetch("/api/v1/session", { cache: "no-store" })).status === 401;
  } catch {
    return false;
  }
}

addEventListener("pagehide", () => { if (socket?.readyState === WebSocket.OPEN) socket.close(); });
addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
