// A clip that the server fetches from an http(s) address: started, followed and stopped from here. To the list of clips it is
// an upload like any other. The address is remembered nowhere, because its query may be a secret; only the id of the fetch is.
import { ask, Problem, remember, remembered } from "./shared.js";

const KNOWN = "reshoot.fetches", REST_MS = 500;

/** The fetches of this browser that did not end before its eyes: {id: title}. */
export const fetches = () => remembered(KNOWN, {});
export function forgetFetch(id) {
  const { [id]: _, ...rest } = fetches();
  remember(KNOWN, rest);
}

let count = 0;

export class AddressFetch {
  /** `id` and `title` are those of a fetch that runs already. */
  constructor(address, changed, id = null, title = titleOf(address)) {
    Object.assign(this, { address, changed, id, key: `address-${++count}`, file: { name: title, size: 0 } });
    Object.assign(this, { state: "waiting", have: 0, speed: 0, problem: "" });
  }

  get left_s() {
    return this.speed && this.file.size ? (this.file.size - this.have) / this.speed : null;
  }

  set(state, problem = "") {
    Object.assign(this, { state, problem });
    this.changed(this);
  }

  /** The same once more, from when this one is over at the server as well. */
  again() {
    if (!this.address) return this;
    const fresh = new AddressFetch(this.address, this.changed);
    fresh.before = Promise.allSettled([this.over, this.ending]);
    return fresh;
  }

  run() {
    this.over = this.#follow();
  }

  /** Let the server fetch it, and look on until it is here, stopped or failed. */
  async #follow() {
    this.set("sending");
    await this.before;
    if (this.state !== "sending") return;
    try {
      let told = this.id ? await this.#ask() : await ask("addresses", { method: "POST", json: { address: this.address } });
      this.id = told.id;
      if (this.state === "paused") return await this.#end({ method: "POST" }, "/stop"); // meanwhile, when it had no id
      if (this.state === "removed") return await this.remove();
      this.file.name = told.title;
      remember(KNOWN, { ...fetches(), [told.id]: told.title });
      while (told.state === "running" && this.state === "sending") {
        this.#take(told);
        await new Promise((done) => setTimeout(done, REST_MS));
        told = await this.#ask();
      }
      if (this.state !== "sending") return; // paused or removed
      forgetFetch(this.id);
      this.clip = told.clip;
      if (told.state === "done") this.set("done");
      else this.set("stopped", `${told.problem} ${told.remedy}`);
    } catch (error) {
      if (error.name === "AbortError") return; // the page is being left, and the fetch goes on
      if (this.id) forgetFetch(this.id);
      if (this.state === "sending") this.set("stopped", error instanceof Problem ? error.message : "The answer of the server could not be read.");
    }
  }

  pause() {
    this.ending = this.#end({ method: "POST" }, "/stop");
    this.set("paused");
  }

  async remove() {
    this.state = "removed";
    await this.#end({ method: "DELETE" });
  }

  async #end(how, what = "") {
    if (!this.id) return;
    forgetFetch(this.id);
    await ask(`addresses/${this.id}${what}`, how).catch(() => {});
  }

  /** How far it is; waits while the server is away. */
  async #ask() {
    for (;;) {
      try {
        return await ask(`addresses/${this.id}`);
      } catch (error) {
        if (error.status !== 0) throw error;
        await new Promise((done) => setTimeout(done, 4 * REST_MS));
      }
    }
  }

  #take({ have, bytes }) {
    const now = performance.now();
    if (this.told && have > this.have) {
      const speed = (1000 * (have - this.have)) / (now - this.told);
      this.speed = this.speed ? 0.7 * this.speed + 0.3 * speed : speed;
    }
    if (have > this.have || !this.told) this.told = now;
    this.have = have;
    this.file.size = bytes ?? 0;
    this.changed(this);
  }
}

/** The last part of the path, as the server names it too. */
function titleOf(address) {
  const path = address.split(/[?#]/)[0].replace(/\/+$/, "");
  try {
    return decodeURIComponent(path.split("/").at(-1)) || address;
  } catch {
    return path.split("/").at(-1);
  }
}
