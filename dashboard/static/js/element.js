// Base of all live elements: drawn at most once a frame, after the first snapshot.
import { on, store } from "./live.js";
import { skeleton } from "./view.js";

export class LiveElement extends HTMLElement {
  static kinds = [];
  #due = false;

  connectedCallback() {
    for (const kind of ["snapshot", ...this.constructor.kinds]) on(kind, () => this.redraw());
    if (store.ready) this.redraw();
    else if (!this.firstElementChild) this.waiting();
  }

  /** Shown before anything is known. */
  waiting() {
    this.replaceChildren(skeleton());
  }

  redraw() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      if (!store.ready) return;
      if (!this.started) {
        this.started = true;
        this.replaceChildren();
        this.start?.();
      }
      this.draw();
    });
  }

  /** Swap the whole content between a body and an empty state, without touching it needlessly. */
  showOnly(child) {
    if (this.firstElementChild !== child || this.children.length > 1) this.replaceChildren(child);
  }
}

export const define = (elements) => {
  for (const [name, element] of Object.entries(elements)) customElements.define(`cb-${name}`, element);
};
