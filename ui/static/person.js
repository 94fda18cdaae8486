// <reshoot-person>: shows who was found in a frame. A click says who is meant; strokes of a brush mend the outline, and are
// stored by the server as an input of the job; a matte from another program can take its place.
import { ask, draw, html, tell } from "./shared.js";
import { Painting } from "./person-painting.js";

const NAMES = ["analysis.pose_every", "analysis.subject", "analysis.point_x", "analysis.point_y", "analysis.point_frame", "analysis.matte", "analysis.strokes"];
const MATTE = "analysis.matte", STROKES = "analysis.strokes", FOLLOW_MS = 300, KINDS = "video/*,.mkv,.mov,application/zip,.zip";
const TOOLS = { point: "Who is meant", add: "Add", remove: "Take away" };

class Person extends HTMLElement {
  connectedCallback() {
    if (this.paintings) return;
    this.classList.add("studio");
    this.paintings = new Map(); // strokes by the clip they are painted on
    Object.assign(this, { tool: "point", radius: 0.02, shown: null, asking: null, problem: "", matte: null, frame: null });
    this.addEventListener("toggle", () => this.#follow(0), true);
    this.addEventListener("change", (event) => this.#changed(event));
    this.addEventListener("input", ({ target }) => target.name === "radius" && this.#resize(Number(target.value)));
    this.addEventListener("click", ({ target }) => this.#clicked(target.closest("button")));
    document.addEventListener("moment", ({ detail }) => this.#move(detail));
    window.addEventListener("reshoot:chosen", () => this.#follow());
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

  /** The clip whose person is shown: the one that is previewed. */
  get #clip() {
    const clips = document.querySelector("reshoot-clips")?.value ?? [];
    return clips.find(({ id }) => id === this.moment?.clip) ?? clips[0] ?? null;
  }

  get #painting() {
    const clip = this.#clip;
    if (clip && !this.paintings.has(clip.id)) this.paintings.set(clip.id, new Painting(clip));
    return clip && this.paintings.get(clip.id);
  }

  #move(moment) {
    this.moment = moment;
    this.#follow();
  }

  /** Show what is chosen now, once the choice has come to rest. */
  #follow(rest_ms = FOLLOW_MS) {
    this.#render();
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.#look(), rest_ms);
  }

  /** Take what belongs to another clip out of the form, and bring back what belongs to this one. */
  async #settle() {
    const clip = this.#clip, painting = this.#painting, { [STROKES]: strokes, [MATTE]: matte } = this.#settings;
    if (!clip) return;
    if (strokes && strokes !== painting.digest && !(await painting.take(strokes))) this.#choose(STROKES, null);
    if (!strokes && painting.digest && this.of !== clip.id) this.#choose(STROKES, painting.digest);
    if (matte && this.matte && this.matte.clip !== clip.id) this.#choose(MATTE, null);
    this.of = clip.id;
  }

  async #look() {
    if (!this.querySelector("details")?.open || !this.#clip) return;
    await this.#settle();
    const clip = this.#clip, frame = this.moment?.clip === clip.id ? this.moment.frame : null;
    const settings = Object.fromEntries(Object.entries(this.#settings).filter(([, value]) => value !== null));
    const key = JSON.stringify([clip.id, frame, settings]);
    if (key === this.shown?.key || key === this.asking?.key) return;
    this.asking?.abort();
    const asking = (this.asking = Object.assign(new AbortController(), { key }));
    this.problem = "";
    this.#render();
    try {
      const at = frame === null ? undefined : frame / Math.max(1, clip.frames - 1);
      const found = await ask(`clips/${clip.id}/look`, { method: "POST", signal: asking.signal, json: { kind: "matte", settings, at } });
      if (this.asking !== asking) return;
      this.shown = { ...found, key, clip: clip.id, frame: found.at };
      this.#painting?.seen();
    } catch (error) {
      if (error.name === "AbortError" || this.asking !== asking) return;
      this.problem = error.message;
    }
    this.asking = null;
    this.#render();
  }

  #choose(name, value) {
    window.dispatchEvent(new CustomEvent("reshoot:choose", { detail: { name, value } }));
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
    else if (what === "anybody") this.#choose("analysis.subject", "largest");
    else if (what === "check") this.#check();
    else if (what === "matte") this.querySelector("input[type=file]").click();
    else if (what === "no-matte") this.#drop();
    else if (what === "again") this.#look();
  }

  #drop() {
    this.matte = null;
    this.#choose(MATTE, null);
  }

  /** A click or a stroke on the picture has ended: its points are in px of the clip. */
  #done(points) {
    if (!points.length) return;
    if (this.tool === "point") {
      const [x, y] = points.at(-1);
      for (const [name, value] of [["analysis.point_x", x], ["analysis.point_y", y], ["analysis.point_frame", this.shown.frame], ["analysis.subject", "pointed"]])
        this.#choose(name, value);
      return;
    }
    const { width, height } = this.#clip;
    const stroke = { frame: this.shown.frame, adds: this.tool === "add", radius_px: this.radius * Math.max(width, height), points };
    this.#save(this.#painting.add(stroke));
  }

  async #save(painting) {
    this.#render();
    try {
      this.#choose(STROKES, await painting.save());
    } catch (error) {
      tell(error.message, "bad");
    }
  }

  /** Upload a matte, and use it if it fits the clip. */
  async #send(file) {
    const clip = this.#clip;
    this.sending = file.name;
    this.problem = "";
    this.#render();
    try {
      const { digest, frames, width_px, height_px } = await ask("mattes", { method: "POST", body: file });
      const misfit = frames !== clip.frames ? `${frames} frames; this clip has ${clip.frames}` :
        width_px !== clip.width || height_px !== clip.height ? `pictures of ${width_px}x${height_px}; this clip has ${clip.width}x${clip.height}` : "";
      if (misfit) throw new Error(`The matte ${file.name} has ${misfit}. Give one that fits the clip, frame by frame.`);
      this.matte = { name: file.name, clip: clip.id };
      this.#choose(MATTE, digest);
    } catch (error) {
      this.problem = error.message;
    }
    this.sending = "";
    this.#render();
  }

  /** Start a job that finds the person in every frame and shows them. */
  async #check() {
    const settings = Object.fromEntries(Object.entries(this.#settings).filter(([, value]) => value !== null));
    try {
      const { jobs } = await ask("jobs", { method: "POST", json: { kind: "matte", clips: [this.#clip.id], settings, parts: document.querySelector("reshoot-trim")?.value } });
      window.dispatchEvent(new CustomEvent("reshoot:submitted", { detail: { jobs } }));
    } catch (error) {
      tell(error.message, "bad");
    }
  }

  #render() {
    const clip = this.#clip, settings = this.#settings, painting = this.#painting;
    if (!clip || !(STROKES in settings)) return draw(this, "");
    const shown = this.shown?.clip === clip.id ? this.shown : null;
    draw(this, html`<details class="card" data-key="person"><summary><h2>Person</h2>
        <span class="quiet small">${summary(settings, painting, this.matte)}</span></summary>
      <div class="stack">
        ${shown ? picture(shown, this.tool, Boolean(this.asking)) : html`<p class="quiet" role="status">${this.asking ? "Finding the person…" : ""}</p>`}
        ${this.problem && html`<p class="alert small" role="alert">${this.problem} <button type="button" class="button small" data-do="again">Try again</button></p>`}
        ${shown?.events.map((each) => html`<p class="alert warn small">${each}</p>`)}
        ${tools(this.tool, this.radius, painting, settings)}
        ${files(settings, painting, this.matte, this.sending)}
      </div></details>`);
    const canvas = this.querySelector("canvas");
    if (canvas) painting.on(canvas, { clip, frame: shown.frame, tool: this.tool, radius: this.radius, done: (points) => this.#done(points) });
  }
}
customElements.define("reshoot-person", Person);

function summary(settings, painting, matte) {
  const who = settings[MATTE] ? `the matte ${matte?.name ?? "that was given"}` : settings["analysis.subject"] === "pointed" ? "who was clicked on" : "";
  const strokes = painting?.count ? `${painting.count} stroke${painting.count > 1 ? "s" : ""}` : "";
  return [who, strokes].filter(Boolean).join(", ") || "Who is meant, and their outline: look, click, paint.";
}

const picture = ({ after, width, height, frame }, tool, isOld) => html`<div class="shown${isOld ? " old" : ""}" style="--ratio: ${width / height}">
    <img src="${after}" width="${width}" height="${height}" alt="Frame ${frame}: the person in colour with an outline, all else grey.">
    <canvas data-own tabindex="0" role="application" aria-label="${tool === "point" ? "Click on who is meant" : "Paint on the picture"}.
      With the keyboard: arrow keys move the mark, Enter sets it."></canvas>
    <span class="chip busy" ${isOld ? "" : "hidden"}>Looking…</span>
  </div>`;

const tools = (tool, radius, painting, settings) => html`<div class="row tools">
    <fieldset class="choices"><legend class="hidden">What a click on the picture does</legend>${Object.entries(TOOLS).map(([name, title]) => html`<label class="choice">
      <input type="radio" name="tool" value="${name}" ${name === tool ? "checked" : ""}><span>${title}</span></label>`)}</fieldset>
    ${tool !== "point" && html`<label class="brush">Brush <input type="range" name="radius" min="0.003" max="0.08" step="0.001" value="${radius}"></label>`}
    ${tool === "point" && settings["analysis.subject"] === "pointed" && html`<button type="button" class="button small" data-do="anybody">The largest person again</button>`}
    ${painting.count > 0 && html`<button type="button" class="button small" data-do="undo">Undo</button>
      <button type="button" class="button small" data-do="clear">Clear strokes</button>`}
  </div>
  <p class="quiet small">${tool === "point" ? "Click on the person who is meant." : `Paint over what is ${tool === "add" ? "missing" : "too much"}. A stroke is carried through the clip, up to a cut; paint again in another frame where it goes astray.`}</p>`;

const files = (settings, painting, matte, sending) => html`<div class="row">
    <button type="button" class="button small" data-do="check">See it in the whole clip</button>
    <button type="button" class="button small" data-do="matte">${settings[MATTE] ? "Use another matte" : "Use a matte of yours"}</button>
    ${settings[MATTE] && html`<button type="button" class="button small" data-do="no-matte">Remove the matte</button>`}
    ${painting.digest && html`<a class="small" href="/studio/strokes/${painting.digest}" download="strokes.json">Save the strokes</a>`}
    ${sending && html`<span class="chip busy">Reading ${sending}</span>`}
    <input type="file" hidden accept="${KINDS}" aria-label="A matte from another program">
  </div>
  <p class="quiet small">“See it in the whole clip” starts a job that also writes the matte for other programs. A matte of yours is a video in which the person is white, or a zip of PNG pictures, one for each frame.</p>`;
