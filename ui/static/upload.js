// A resumable upload of one file in chunks: survives lost connections, server restarts and page reloads.
import { ask, Problem, remember, remembered } from "./shared.js";

const SLICE_S = 2.5, LEAST_CHUNK = 256 * 1024, PATIENCE_MS = 90000, LONGEST_REST_S = 30, MOST_STALE = 8;
const UNREADABLE = ["NotReadableError", "NotFoundError", "SecurityError"];
const KNOWN = "reshoot.uploads";

/** Incomplete uploads of this browser: {key: {id, name, bytes}}. */
export const begun = () => remembered(KNOWN, {});
export const keyOf = (file) => `${file.name}|${file.size}|${file.lastModified}`;
export function forget(key) {
  const { [key]: gone, ...rest } = begun();
  remember(KNOWN, rest);
  return gone;
}

export class Upload {
  constructor(file, changed) {
    this.file = file;
    this.key = keyOf(file);
    this.changed = changed;
    this.state = "waiting"; // then sending, retrying, paused, stopped or done
    this.have = 0;
    this.speed = 0;
    this.chunk = 8 << 20;
    this.id = begun()[this.key]?.id ?? null;
    this.sure = false; // whether `have` is confirmed by the server
  }

  get left_s() {
    return this.speed ? (this.file.size - this.have) / this.speed : null;
  }

  set(state, problem = "") {
    Object.assign(this, { state, problem });
    this.changed(this);
  }

  /** Send chunks until the file is complete, paused or failed for good. */
  async run() {
    this.stop = new AbortController();
    this.set("sending");
    let rest_s = 0.5;
    for (let stale = 0; ; ) {
      const before = this.have;
      try {
        await this.#find();
        while (!this.clip) {
          await this.#send();
          rest_s = 0.5;
          if (this.state !== "sending") this.set("sending");
          else this.changed(this);
        }
        forget(this.key);
        return this.set("done");
      } catch (error) {
        if (this.stop.signal.aborted) return;
        stale = this.have > before ? 0 : stale + 1;
        if (!this.#passing(error, stale)) return this.set("stopped", sentence(error));
        this.set("retrying", sentence(error));
        await this.#rest(rest_s * (0.75 + Math.random() / 2));
        rest_s = Math.min(2 * rest_s, LONGEST_REST_S);
        if (this.stop.signal.aborted) return;
      }
    }
  }

  pause() {
    this.stop?.abort();
    this.sure = false;
    this.speed = 0;
    this.set("paused");
  }

  async remove() {
    this.stop?.abort();
    forget(this.key);
    if (this.id) await ask(`uploads/${this.id}`, { method: "DELETE" }).catch(() => {});
  }

  /** Fetch the upload's offset from the server, or begin the upload. */
  async #find() {
    if (this.sure) return;
    let told = null;
    if (this.id)
      told = await ask(`uploads/${this.id}`, { signal: this.#patience() }).catch((error) => {
        if (error.status !== 404) throw error;
      });
    if (!told) {
      const { name, size, lastModified } = this.file;
      const json = { name, bytes: size, modified: lastModified };
      told = await ask("uploads", { method: "POST", json, signal: this.#patience() });
      remember(KNOWN, { ...begun(), [this.key]: { id: told.id, name, bytes: size } });
    }
    this.#take(told);
    this.id = told.id;
    this.chunk = told.chunk_bytes ?? this.chunk;
    this.sure = true;
  }

  async #send() {
    const length = this.speed ? Math.max(LEAST_CHUNK, Math.min(this.chunk, this.speed * SLICE_S)) : 1 << 20;
    const slice = this.file.slice(this.have, this.have + Math.ceil(length));
    const started = performance.now();
    this.sure = false;
    const told = await ask(`uploads/${this.id}?from=${this.have}`, {
      method: "PATCH",
      body: slice,
      headers: await hashed(slice),
      signal: this.#patience(),
    });
    const speed = slice.size / ((performance.now() - started) / 1000);
    this.speed = this.speed ? 0.7 * this.speed + 0.3 * speed : speed;
    this.#take(told);
    this.sure = true;
  }

  #take({ have, clip }) {
    this.have = have;
    this.clip = clip;
  }

  #patience() {
    return AbortSignal.any?.([this.stop.signal, AbortSignal.timeout(PATIENCE_MS)]) ?? this.stop.signal;
  }

  /** Whether an error is worth a retry: the network, a busy proxy, or an offset mismatch. */
  #passing(error, stale) {
    if (UNREADABLE.includes(error.name)) return false;
    const { status } = error;
    if (!(error instanceof Problem) || [404, 409].includes(status)) return stale < MOST_STALE;
    return status === 0 || status === 408 || status === 429 || status >= 500;
  }

  /** Wait for the back-off; ends early when the network comes back or the user pauses. */
  #rest(seconds) {
    return new Promise((done) => {
      const timer = setTimeout(over, seconds * 1000);
      const signal = this.stop.signal;
      function over() {
        clearTimeout(timer);
        window.removeEventListener("online", over);
        signal.removeEventListener("abort", over);
        done();
      }
      window.addEventListener("online", over);
      signal.addEventListener("abort", over);
    });
  }
}

function sentence(error) {
  if (UNREADABLE.includes(error.name)) return "This file cannot be read any more. Choose it again.";
  return error instanceof Problem ? error.message : "The answer of the server could not be read.";
}

/** The SHA-256 of a chunk as a header; none on plain http, where browsers offer no crypto.subtle. */
async function hashed(slice) {
  const bytes = await slice.arrayBuffer(); // rejects if the file has changed on the disk
  if (!globalThis.crypto?.subtle) return {};
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return { "X-Chunk-Sha256": [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
}
