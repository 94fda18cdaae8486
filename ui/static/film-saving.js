// Keeps a film on the server soon after each change, one request after the other; what is not there yet survives a reload here.
// `settings` is how previews and jobs name what is kept.
import { ask, remember, remembered } from "./shared.js";

const REST_MS = 700, AGAIN_MS = 3000, UNSAVED = "reshoot.film.unsaved";

/** What of a clip's film was not on the server yet when the page was left: {version, plan, changes}, or nothing. */
export const unsaved = (clip) => remembered(UNSAVED, {})[clip] ?? null;
function keep(clip, state) {
  const { [clip]: _, ...rest } = remembered(UNSAVED, {});
  remember(UNSAVED, state ? { ...rest, [clip]: state } : rest);
}

export class Saving {
  /** `told` is the answer of GET; `state` gives {plan, changes}, and `changed` hears of every step. */
  constructor(clip, { version, analysis, settings = {} }, state, changed) {
    Object.assign(this, { clip, version, analysis, settings, state, changed, step: "", problem: "", isOld: false });
  }

  /** Something changed: save it once it rests. */
  soon() {
    this.isDirty = true;
    keep(this.clip, { version: this.version, ...this.state() });
    this.#be("waiting");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.now(), REST_MS);
  }

  /** Save now what is not saved, and wait for it; whether all is saved. */
  async now() {
    clearTimeout(this.timer);
    while (this.running) await this.running;
    if (!this.isDirty || this.isOld) return !this.isDirty;
    this.running = this.#send();
    await this.running;
    this.running = null;
    return !this.isDirty;
  }

  async #send() {
    const { analysis, version } = this, { plan, changes } = this.state();
    this.isDirty = false;
    this.#be("saving");
    try {
      const told = await ask(`clips/${this.clip}/film`, { method: "POST", json: { version, analysis, plan, changes } });
      Object.assign(this, { version: told.version, settings: told.settings, plan });
      if (!this.isDirty) keep(this.clip, null);
      this.#be(this.isDirty ? "waiting" : "saved");
    } catch (error) {
      this.isDirty = true;
      this.isOld = error.status === 409;
      this.#be("failed", error.message);
      if (!error.status || error.status >= 500) this.timer = setTimeout(() => this.now(), AGAIN_MS);
    }
  }

  /** Save over what another window saved. */
  async over() {
    this.version = (await ask(`clips/${this.clip}/film`)).version;
    this.isOld = false;
    return this.now();
  }

  /** Forget what is not saved. */
  drop() {
    clearTimeout(this.timer);
    this.isDirty = false;
    keep(this.clip, null);
  }

  #be(step, problem = "") {
    Object.assign(this, { step, problem });
    this.changed(this);
  }
}
