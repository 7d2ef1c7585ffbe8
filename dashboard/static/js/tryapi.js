// The API from its own description: what there is, what it takes, and a way to try it.
import { act, ask } from "./act.js";
import { empty, field, h, skeleton } from "./view.js";

const MAX_SHOWN = 40_000;

/** A schema as a short example: what a body may look like. */
function example(schema, parts, depth = 0) {
  const found = schema?.$ref ? parts[schema.$ref.split("/").pop()] : schema;
  if (!found || depth > 4) return null;
  if (found.default !== undefined) return found.default;
  const kinds = found.anyOf ?? found.oneOf ?? found.allOf;
  if (kinds) return example(kinds[0], parts, depth + 1);
  if (found.type === "object") {
    return Object.fromEntries(Object.entries(found.properties ?? {}).map(([name, one]) => [name, example(one, parts, depth + 1)]));
  }
  if (found.type === "array") return [];
  if (found.type === "integer" || found.type === "number") return found.minimum ?? 0;
  if (found.type === "boolean") return false;
  return found.type === "null" ? null : "";
}

class Api extends HTMLElement {
  async connectedCallback() {
    this.replaceChildren(skeleton(6));
    const { data, error } = await ask("openapi.json");
    if (error) {
      this.replaceChildren(empty("plug-connected-x", "Not to be had now", error.message));
      return;
    }
    this.parts = data.components.schemas;
    const routes = Object.entries(data.paths).flatMap(([path, verbs]) => Object.entries(verbs).map(([verb, one]) => ({ path, verb, ...one })));
    const groups = Map.groupBy ? Map.groupBy(routes, groupOf) : grouped(routes);
    this.replaceChildren(...[...groups].map(([name, list]) => h("section", { class: "card", "aria-label": name }, h("h2", {}, name), list.map((one) => this.route(one)))));
    document.getElementById("find-route").addEventListener("input", (event) => this.find(event.target.value.toLowerCase()));
  }

  find(text) {
    for (const one of this.querySelectorAll("details")) one.hidden = !one.dataset.text.includes(text);
    for (const card of this.children) card.hidden = !card.querySelector("details:not([hidden])");
  }

  route(one) {
    const box = h("details", { "data-text": `${one.verb} ${one.path} ${one.summary}`.toLowerCase() },
      h("summary", {}, h("span", { class: `pill ${one.verb === "get" ? "" : "warn"}` }, one.verb.toUpperCase()), " ", h("code", {}, one.path), " ", h("span", { class: "muted" }, one.summary)));
    box.addEventListener("toggle", () => { if (box.open && box.childElementCount === 1) box.append(this.form(one)); });
    return box;
  }

  form(one) {
    const shown = one.parameters.filter((word) => word.in !== "header");
    const id = (word) => `${one.operationId}-${word.name}`;
    const inputs = shown.map((word) => h("input", { class: "input", id: id(word), required: word.required, autocomplete: "off", inputmode: word.schema.type === "integer" ? "numeric" : null }));
    const schema = one.requestBody?.content["application/json"].schema;
    const body = schema ? h("textarea", { class: "input", id: `${one.operationId}-body`, rows: "6", spellcheck: "false" }, JSON.stringify(example(schema, this.parts), null, 2)) : null;
    const answer = h("pre", { class: "details", tabindex: "0", role: "region", "aria-label": "Answer", hidden: true });
    const form = h("form", {},
      one["x-permission"] ? h("p", { class: "muted" }, `Needs the permission ${one["x-permission"]}${one["x-step-up"] ? ", and that you prove again who you are" : ""}.`) : null,
      shown.map((word, place) => field(id(word), `${word.name}${word.required ? "" : " (may stay empty)"}`, inputs[place])),
      body ? field(`${one.operationId}-body`, "Body (JSON)", body) : null,
      h("div", { class: "buttons" }, h("button", { class: "button primary" }, one.verb === "get" ? "Ask" : "Send")), answer);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const values = Object.fromEntries(shown.map((word, place) => [word.name, inputs[place].value]));
      show(answer, await send(one, shown, values, body?.value));
    });
    return form;
  }
}

async function send(one, words, values, text) {
  let path = one.path.replace("/api/v1/", "");
  const query = new URLSearchParams();
  for (const word of words) {
    if (word.in === "path") path = path.replace(`{${word.name}}`, encodeURIComponent(values[word.name]));
    else if (values[word.name]) query.set(word.name, values[word.name]);
  }
  if (one.verb === "get") {
    const answer = await fetch(`/api/v1/${path}${query.size ? `?${query}` : ""}`, { cache: "no-store" });
    const kind = answer.headers.get("Content-Type") ?? "";
    const told = kind.includes("json") && !kind.includes("ndjson") ? await answer.json() : await answer.text();
    return { status: answer.status, told };
  }
  let body = {};
  try {
    if (text) body = JSON.parse(text);
  } catch (error) {
    return { status: 0, told: `The body is no JSON: ${error.message}` };
  }
  let problem = "";
  const told = await act(path, body, (sentence) => { problem = sentence; });
  return { status: told ? 200 : 0, told: told ?? problem };
}

function show(place, { status, told }) {
  const text = typeof told === "string" ? told : JSON.stringify(told, null, 2);
  place.textContent = `${status ? `${status}\n` : ""}${text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}\n…` : text}`;
  place.hidden = false;
  place.focus();
}

const groupOf = (one) => one.path.split("/")[3];

function grouped(routes) {
  const groups = new Map();
  for (const one of routes) groups.set(groupOf(one), [...(groups.get(groupOf(one)) ?? []), one]);
  return groups;
}

customElements.define("cb-api", Api);
