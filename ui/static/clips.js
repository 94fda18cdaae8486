// <reshoot-clips>: adds clips by drop, file chooser or the example button, and shows their facts. Its value lists the clips
// that are ready.
import { AddressFetch, fetches, forgetFetch } from "./address.js";
import { clipCard, uploadCard } from "./clips-card.js";
import { ask, draw, html, openTab, remember, remembered, tell } from "./shared.js";
import { begun, forget, keyOf, Upload } from "./upload.js";

const LIST = "reshoot.clips", AT_ONCE = 2, MOST_SETTINGS_BYTES = 1 << 20, REST_MS = 300;
const TIMED = ["generate.model", "generate.effort", "generate.steps", "generate.guidance", "guide.frames", "guide.width", "guide.height"];

class Clips extends HTMLElement {
  connectedCallback() {
    if (this.clips) return;
    this.classList.add("studio", "clips");
    this.uploads = []; // still uploading, in the order of choosing
    this.clips = remembered(LIST, []).map(({ id, title }) => ({ id, title })); // stored on the server; `told` holds the server's answer
    this.ready = []; // what `value` gives
    draw(this, frame());
    this.list = this.querySelector(".list");
    this.#listen();
    this.#draw();
    this.clips.forEach((clip) => this.#watch(clip));
    this.#findBegun();
    this.#findFetches();
  }

  /** The clips that are ready: [{id, title, frames, seconds, width, height, digest}]. */
  get value() {
    return this.ready ?? [];
  }

  /** Empty the list; the server keeps clips that jobs need. */
  clear() {
    this.clips = [];
    this.#changed();
  }

  /** Replace the list by these clips of the server. */
  take(clips) {
    this.clips = clips.map(({ id, title }) => ({ id, title }));
    this.#changed();
    this.clips.forEach((clip) => this.#watch(clip));
  }

  #listen() {
    const input = this.querySelector("[type=file]"), zone = this.querySelector(".zone");
    input.addEventListener("change", (event) => {
      event.stopPropagation(); // the element's own `change` is about clips that are ready
      this.#choose([...input.files]);
      input.value = "";
    });
    const address = this.querySelector(".address");
    address?.addEventListener("change", (event) => event.stopPropagation());
    address?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#fetch(address.elements[0]);
    });
    const over = (is) => zone.classList.toggle("over", is);
    const ours = (event) => this.isConnected && !event.defaultPrevented && event.dataTransfer?.types.includes("Files");
    window.addEventListener("dragover", (event) => {
      if (!ours(event)) return;
      event.preventDefault(); // a file that misses the zone would replace the page
      over(true);
    });
    window.addEventListener("dragleave", (event) => event.relatedTarget || over(false));
    window.addEventListener("drop", (event) => {
      over(false);
      if (!ours(event)) return;
      event.preventDefault();
      openTab("create");
      this.#choose([...event.dataTransfer.files]);
    });
    window.addEventListener("reshoot:chosen", () => {
      clearTimeout(this.resting);
      this.resting = setTimeout(() => this.#expect(), REST_MS);
    });
    this.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-do]");
      if (button) this.#do(button.dataset.do, button.closest("[data-key]")?.dataset.key);
    });
  }

  #do(what, key) {
    const upload = this.uploads.find((each) => each.key === key);
    const clip = this.clips.find((each) => each.id === key);
    if (what === "choose") this.querySelector("[type=file]").click();
    else if (what === "example") this.#example();
    else if (what === "pause") upload.pause();
    else if (what === "resume") this.#queue(upload);
    else if (what === "remove") this.#remove(upload, clip, key);
    else if (what === "use") {
      const { kind, preset, settings } = clip.told.settings;
      window.dispatchEvent(new CustomEvent("reshoot:use", { detail: { form: kind, settings, preset, title: clip.title } }));
    }
    this.#next();
  }

  #choose(files) {
    for (const file of files) {
      if (file.name.toLowerCase().endsWith(".json")) {
        useSettings(file);
        continue;
      }
      const old = this.uploads.find((each) => each.key === keyOf(file));
      if (old) {
        if (["paused", "stopped"].includes(old.state)) this.#queue(old, file);
        continue;
      }
      this.uploads.push(new Upload(file, (upload) => this.#moved(upload)));
    }
    this.#next();
  }

  #fetch(field) {
    const address = field.value.trim();
    field.value = "";
    if (!address) return field.focus();
    this.uploads.push(new AddressFetch(address, (upload) => this.#moved(upload)));
    this.#next();
  }

  #queue(upload, file = upload.file) {
    if (!file) return this.querySelector("[type=file]").click(); // begun in an earlier visit: the user must choose the file again
    const fresh = upload.again?.() ?? new Upload(file, (each) => this.#moved(each));
    fresh.have = upload.have;
    this.uploads[this.uploads.indexOf(upload)] = fresh;
    this.#next();
  }

  /** Start waiting uploads, up to the limit of parallel ones. */
  #next() {
    const sending = this.uploads.filter((each) => ["sending", "retrying"].includes(each.state)).length;
    const waiting = this.uploads.filter((each) => each.state === "waiting");
    waiting.slice(0, Math.max(0, AT_ONCE - sending)).forEach((each) => {
      this.#say(`${each.file.name} is being ${each.address === undefined ? "uploaded" : "fetched"}.`);
      each.run();
    });
    this.#draw();
  }

  #moved(upload) {
    if (upload.state === "done") {
      this.uploads = this.uploads.filter((each) => each !== upload);
      this.#add({ id: upload.clip, title: upload.file.name });
    } else if (upload.state === "stopped") this.#say(`${upload.file.name}: ${upload.problem}`);
    if (["done", "stopped", "paused"].includes(upload.state)) this.#next();
    else this.#draw();
  }

  #add(clip) {
    if (this.clips.some((each) => each.id === clip.id)) return this.#say(`${clip.title} is in the list already.`);
    this.clips.push(clip);
    this.#changed();
    this.#watch(clip);
  }

  #remove(upload, clip, key) {
    if (clip) {
      this.clips = this.clips.filter((each) => each !== clip);
      if (!clip.told?.example) ask(`clips/${clip.id}`, { method: "DELETE" }).catch(() => {});
    }
    if (upload) {
      this.uploads = this.uploads.filter((each) => each !== upload);
      if (upload.remove) upload.remove();
      else ask(`uploads/${forget(key)?.id}`, { method: "DELETE" }).catch(() => {});
    }
    this.#say(`${(clip ?? upload).title ?? upload.file.name} was removed.`);
    this.#changed();
    this.querySelector("[data-do=choose]").focus();
  }

  async #example() {
    if (this.rendering) return;
    this.rendering = true;
    this.#say("The example is being made.");
    this.#draw();
    try {
      const { id } = await ask("clips/example", { method: "POST" });
      this.#add({ id, title: "Example walk.mp4" });
    } catch (error) {
      tell(error.message, "bad");
    }
    this.rendering = false;
    this.#draw();
  }

  /** Poll a clip until its inspection is done. */
  async #watch(clip) {
    for (let rest_s = 0.4; this.clips.includes(clip); rest_s = Math.min(1.4 * rest_s, 3)) {
      try {
        clip.told = await ask(`clips/${clip.id}`);
        clip.title = clip.told.title;
      } catch (error) {
        if (error.status === 404) {
          this.clips = this.clips.filter((each) => each !== clip);
          return this.#changed();
        }
        if (error.status === 500) clip.told = { state: "refused", problem: error.problem, remedy: error.remedy };
      }
      if (clip.told && clip.told.state !== "looking") {
        this.#say(`${clip.title}: ${clip.told.state === "ready" ? "ready." : clip.told.problem}`);
        this.#changed();
        return this.#expect();
      }
      this.#draw();
      await new Promise((done) => setTimeout(done, rest_s * 1000));
    }
  }

  /** Ask anew what clips will take where the engine, or what its time depends on, was chosen otherwise. */
  async #expect() {
    const { form: { name: kind, engine } = {}, values } = document.querySelector("reshoot-form") ?? {}, all = values?.changed() ?? {};
    const settings = Object.fromEntries([engine, ...TIMED].filter((name) => name in all).map((name) => [name, all[name]]));
    const key = engine in all ? JSON.stringify({ kind, settings }) : "{}";
    for (const clip of this.clips.filter(({ told, expected = "{}" }) => told?.state === "ready" && expected !== key)) {
      clip.expected = key;
      const told = await ask(`clips/${clip.id}/estimates`, { method: "POST", json: JSON.parse(key) }).catch(() => null);
      if (told && clip.expected === key) clip.told.estimates = told.estimates;
    }
    this.#draw();
  }

  /** Uploads begun in an earlier visit, which resume when the same file is chosen. */
  async #findBegun() {
    for (const [key, { id, name, bytes }] of Object.entries(begun())) {
      const told = await ask(`uploads/${id}`).catch((error) => (error.status === 404 ? null : { have: 0 }));
      if (this.uploads.some((each) => each.key === key)) continue;
      if (!told || told.clip) forget(key);
      if (told?.clip) this.#add({ id, title: name });
      else if (told) this.uploads.push({ key, title: name, file: null, size: bytes, have: told.have, state: "paused" });
    }
    this.#draw();
  }

  /** Fetches begun in an earlier visit, which went on meanwhile. Of one that ended nothing is known but its clip. */
  async #findFetches() {
    for (const [id, title] of Object.entries(fetches())) {
      const told = await ask(`addresses/${id}`).catch((error) => (error.status ? null : { state: "running" }));
      if (told?.state === "running") this.uploads.push(new AddressFetch("", (upload) => this.#moved(upload), id, title));
      else forgetFetch(id);
      if (told?.clip) this.#add({ id: told.clip, title });
    }
    this.#next();
  }

  #changed() {
    remember(LIST, this.clips.map(({ id, title }) => ({ id, title })));
    const ready = this.clips.filter((each) => each.told?.state === "ready").map(readyClip);
    this.#draw();
    if (JSON.stringify(ready) === JSON.stringify(this.ready)) return;
    this.ready = ready;
    this.dispatchEvent(new CustomEvent("change", { bubbles: true }));
  }

  #say(text) {
    this.querySelector(".said").textContent = text;
  }

  #draw() {
    const example = this.querySelector("[data-do=example]");
    example.disabled = Boolean(this.rendering);
    example.textContent = this.rendering ? "Making the example…" : "Try the example";
    this.classList.toggle("filled", this.clips.length + this.uploads.length > 0);
    draw(this.list, html`${this.clips.map((clip) => clipCard(clip, this.clips))}${this.uploads.map(uploadCard)}`);
  }
}

const readyClip = ({ id, title, told: { facts: { frames, seconds, width, height, digest } } }) => ({ id, title, frames, seconds, width, height, digest });

const frame = () => html`<div class="zone">
    <p><strong>Drop clips here</strong> <span class="quiet">of a person who walks up, holds and walks off.</span></p>
    <div class="row">
      <button type="button" class="button main" data-do="choose">Choose clips</button>
      <button type="button" class="button" data-do="example">Try the example</button>
    </div>
    ${document.querySelector("meta[name=reshoot-addresses]") && html`<form class="address row small">
      <label class="quiet" for="clip-address">From an address</label>
      <input id="clip-address" type="url" placeholder="https://" autocomplete="off" spellcheck="false">
      <button class="button small">Fetch</button>
    </form>`}
    <input type="file" multiple hidden aria-label="Clips" accept="video/*,.mkv,.mov,.mts,.m2ts,.mxf,.json">
  </div>
  <ul class="list" aria-label="Clips"></ul>
  <p class="said hidden" role="status" aria-live="polite"></p>`;

/** Load a settings file, as results have one, into the form. */
async function useSettings(file) {
  try {
    if (file.size > MOST_SETTINGS_BYTES) throw new SyntaxError("too large");
    const { kind, preset, settings, ...flat } = JSON.parse(await file.text());
    const detail = { form: kind, settings: settings ?? flat, preset, title: file.name };
    window.dispatchEvent(new CustomEvent("reshoot:use", { detail }));
  } catch {
    tell(`${file.name} holds no settings. Choose the settings.json of a result.`, "bad");
  }
}

customElements.define("reshoot-clips", Clips);
