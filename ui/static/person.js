// <reshoot-person>: shows who was found in a frame. A click says who is meant; strokes of a brush mend the outline, and are
// stored by the server as an input of the job; a matte from another program can take its place.
import { MATTE, ON_ITS_WAY, OWN, POINT, POINTED, STROKES, SUBJECT } from "./clip-own.js";
import { Painting } from "./person-painting.js";
import { files, picture, summary, tools, whose } from "./person-parts.js";
import { isIn, momentOf, partOf, previewed } from "./previewed.js";
import { ask, draw, html, remember, remembered, resolved, tell } from "./shared.js";

const NAMES = ["analysis.pose_every", ...OWN], FOLLOW_MS = 300, AGAIN_MS = 2000, MATTES = "reshoot.mattes", MOST_MATTES = 200;
const UNSAVED = "unsaved strokes";

class Person extends HTMLElement {
  connectedCallback() {
    if (this.paintings) return;
    this.classList.add("studio");
    this.paintings = new Map(); // strokes by the clip they are painted on
    this.mattes = new Map(remembered(MATTES, [])); // names of files by the digests of the mattes
    Object.assign(this, { tool: "point", radius: 0.02, shown: null, asking: null, problem: "" });
    this.addEventListener("toggle", () => this.#follow(0), true);
    this.addEventListener("change", (event) => this.#changed(event));
    this.addEventListener("input", ({ target }) => target.name === "radius" && this.#resize(Number(target.value)));
    this.addEventListener("click", ({ target }) => this.#clicked(target.closest("button")));
    document.addEventListener("moment", ({ detail }) => this.#move(detail));
    for (const kind of ["chosen", "previewed"]) window.addEventListener(`reshoot:${kind}`, () => this.#follow());
    document.addEventListener("change", ({ target }) => target.localName === "reshoot-clips" && this.#follow());
    this.#follow(0);
  }

  disconnectedCallback() {
    this.asking?.abort();
  }

  get #form() {
    return document.querySelector("reshoot-form");
  }

  get #settings() {
    return this.#form?.chosenOf?.(NAMES) ?? {};
  }

  /** The settings for a request of its own. */
  get #given() {
    return Object.fromEntries(Object.entries(this.#settings).filter(([, value]) => value !== null));
  }

  /** The clip whose person is shown: the one that is previewed. */
  get #clip() {
    return previewed();
  }

  get #painting() {
    const clip = this.#clip;
    if (clip && !this.paintings.has(clip.id)) this.paintings.set(clip.id, new Painting(clip));
    return clip && this.paintings.get(clip.id);
  }

  /** The frame that is looked at; null while that is left to the server. */
  get #frame() {
    const { clip, frame } = this.moment ?? {};
    return clip === this.#clip.id && isIn(partOf(this.#clip), frame) ? frame : null;
  }

  #move(moment) {
    this.moment = moment;
    this.#follow();
  }

  /** Show what is chosen now, once the choice has come to rest. */
  #follow(rest_ms = FOLLOW_MS) {
    this.#render();
    this.#rest(rest_ms);
  }

  #rest(rest_ms) {
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.#look(), rest_ms);
  }

  /** Fetch the strokes that the form has for this clip; those that are gone, or another clip's, are taken out of it. */
  async #settle() {
    const clip = this.#clip, painting = this.#painting, { [STROKES]: strokes } = this.#settings;
    if (!clip || strokes === undefined || painting.is(strokes)) return;
    if (!strokes) return painting.forget();
    try {
      if (await painting.take(strokes)) return;
      tell("The brush strokes were painted on another clip. Paint again on this one.", "bad");
    } catch (error) {
      if (error.status !== 404) return this.#rest(AGAIN_MS);
      tell(error.message, "bad");
    }
    if (this.#settings[STROKES] === strokes) this.#choose(STROKES, null, clip.id);
  }

  async #look() {
    await this.#settle();
    this.#render();
    const clip = this.#clip;
    if (!this.querySelector("details")?.open || !clip || this.#settings[STROKES] === ON_ITS_WAY) return;
    const frame = this.#frame, settings = this.#given, about = (at) => JSON.stringify([clip.id, partOf(clip), at, settings]);
    const key = about(frame);
    if (key === this.shown?.key || key === this.asking?.key) return;
    this.asking?.abort();
    const asking = (this.asking = Object.assign(new AbortController(), { key }));
    this.problem = "";
    this.#render();
    try {
      const json = { kind: "matte", settings, ...momentOf(clip, frame) };
      const found = await ask(`clips/${clip.id}/look`, { method: "POST", signal: asking.signal, json });
      if (this.asking !== asking) return;
      this.shown = { ...found, key: about(found.at), clip: clip.id, frame: found.at };
      this.paintings.get(clip.id).seen();
      if (frame === null) document.querySelector("reshoot-moment")?.found(clip, found.at);
    } catch (error) {
      if (error.name === "AbortError" || this.asking !== asking) return;
      this.problem = error.message;
    }
    this.asking = null;
    this.#render();
  }

  #choose(name, value, clip = this.#clip.id) {
    window.dispatchEvent(new CustomEvent("reshoot:choose", { detail: { name, value, clip } }));
  }

  #changed(event) {
    const { target } = event;
    event.stopPropagation();
    if (target.name === "tool") this.tool = target.value;
    else if (target.type === "file" && target.files[0]) this.#send(target.files[0]);
    this.#render();
  }

  #resize(share) {
    this.radius = share;
    this.#render();
  }

  #clicked(button) {
    const what = button?.dataset.do;
    if (what === "undo") this.#save(this.#painting.undo());
    else if (what === "clear") this.#save(this.#painting.clear());
    else if (what === "anybody") this.#choose(SUBJECT, "largest");
    else if (what === "check") this.#check();
    else if (what === "matte") this.querySelector("input[type=file]").click();
    else if (what === "no-matte") this.#choose(MATTE, null);
    else if (what === "again") this.#look();
  }

  /** A click or a stroke on the picture has ended: its points are in px of the clip. */
  #done(points) {
    if (!points.length) return;
    if (this.tool === "point") {
      [...points.at(-1), this.shown.frame].forEach((value, place) => this.#choose(POINT[place], value));
      return this.#choose(SUBJECT, POINTED);
    }
    if (!this.#painting.is(this.#settings[STROKES])) return tell("The brush strokes of this clip are still being fetched. Wait a moment, then paint again.", "bad");
    const { width, height } = this.#clip;
    const stroke = { frame: this.shown.frame, adds: this.tool === "add", radius_px: this.radius * Math.max(width, height), points };
    this.#save(this.#painting.add(stroke));
  }

  /** Let the server store the strokes; until it has, no work can begin with them. */
  async #save(painting) {
    const { id } = painting.clip, isFirst = !painting.isSaving;
    this.#choose(STROKES, ON_ITS_WAY, id);
    this.#render();
    await painting.save(({ message }) => tell(message, "bad", UNSAVED)); // stays while other requests are answered
    if (!isFirst) return;
    resolved(UNSAVED);
    this.#choose(STROKES, painting.digest, id);
  }

  /** Upload a matte, and use it if it fits the clip. */
  async #send(file) {
    const clip = this.#clip;
    this.sending = file.name;
    this.problem = "";
    this.#render();
    try {
      const { digest, frames, width_px, height_px } = await ask("mattes", { method: "POST", body: file });
      const { from, to } = partOf(clip), isPart = to - from < clip.frames;
      const misfit = frames !== clip.frames && frames !== to - from ? `${frames} frames; this clip has ${clip.frames}${isPart ? `, and its part ${to - from}` : ""}` :
        width_px !== clip.width || height_px !== clip.height ? `pictures of ${width_px}x${height_px}; this clip has ${clip.width}x${clip.height}` : "";
      if (misfit) throw new Error(`The matte ${file.name} has ${misfit}. Give one that fits the clip, frame by frame.`);
      this.mattes.set(digest, file.name);
      remember(MATTES, [...this.mattes].slice(-MOST_MATTES));
      this.#choose(MATTE, digest, clip.id);
    } catch (error) {
      this.problem = error.message;
    }
    this.sending = "";
    this.#render();
  }

  /** Start a job that finds the person in every frame and shows them. */
  async #check() {
    const settings = this.#given, { parts } = momentOf(this.#clip, null);
    if (settings[STROKES] === ON_ITS_WAY) return tell("The brush strokes are still being saved. Wait a moment.", "bad");
    try {
      await ask("jobs", { method: "POST", json: { kind: "matte", clips: [this.#clip.id], settings, parts } });
      tell("The job is in line: see it under Jobs.");
      document.querySelector("reshoot-jobs")?.refresh?.();
    } catch (error) {
      tell(error.message, "bad");
    }
  }

  #render() {
    const clip = this.#clip, settings = this.#settings, painting = this.#painting;
    if (!clip || !(STROKES in settings)) return draw(this, "");
    const shown = this.shown?.clip === clip.id ? this.shown : null, matte = this.mattes.get(settings[MATTE]);
    const isAlone = document.querySelector("reshoot-clips").value.length < 2;
    draw(this, html`<details class="card" data-key="person"><summary><h2>Person</h2> <span class="quiet small">${summary(settings, painting, matte)}</span></summary>
      <div class="stack">
        ${isAlone ? "" : whose(clip, settings)}
        ${shown ? picture(shown, this.tool, Boolean(this.asking)) : html`<p class="quiet" role="status">${this.asking ? "Finding the person…" : ""}</p>`}
        ${this.problem && html`<p class="alert small" role="alert">${this.problem} <button type="button" class="button small" data-do="again">Try again</button></p>`}
        ${shown?.events.map((each) => html`<p class="alert warn small">${each}</p>`)}
        ${tools(this.tool, this.radius, painting, settings)}
        ${files(settings, painting, this.sending)}
      </div></details>`);
    const canvas = this.querySelector("canvas");
    if (canvas) painting.on(canvas, { clip, frame: shown.frame, tool: this.tool, radius: this.radius, done: (points) => this.#done(points) });
  }
}
customElements.define("reshoot-person", Person);
