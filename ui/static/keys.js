// <reshoot-keys>: the frames of the previewed clip that people paint, for an engine that makes what lies between them. A worker
// finds them; they are downloaded, painted in any program, and come back to the setting `generate.keys`.
import { KEYS, ON_ITS_WAY } from "./clip-own.js";
import { acts, progress, strip } from "./keys-frames.js";
import { OwnFrames, framesShown } from "./keys-own.js";
import { reaches } from "./keys-trust.js";
import { partOf, previewed } from "./previewed.js";
import { ask, draw, html, Problem } from "./shared.js";

const DECIDING = /^(analysis\.|stabilise\.|generate\.apply_to$)/, FOLLOW_MS = 400, AGAIN_MS = 800;
const ABOUT = "Download these frames, paint over them in any program, and drop them back here. All frames between them are made from what you paint.";

class Keys extends HTMLElement {
  connectedCallback() {
    if (this.own) return;
    this.classList.add("studio");
    this.own = new OwnFrames();
    this.strips = new Map(); // what the server told, by what it was asked
    Object.assign(this, { told: null, problem: "", stopped: null });
    this.addEventListener("click", ({ target }) => this.#clicked(target.closest("[data-do]")));
    for (const kind of ["chosen", "previewed"]) window.addEventListener(`reshoot:${kind}`, () => this.#follow());
    document.addEventListener("change", ({ target }) => target.localName === "reshoot-clips" && this.#follow());
    document.addEventListener("moment", ({ detail }) => this.#move(detail));
    this.#follow(0);
  }

  disconnectedCallback() {
    this.asking = null;
    clearTimeout(this.rest);
  }

  get #form() {
    return document.querySelector("reshoot-form");
  }

  /** What is asked of the server now; null where there is nothing to paint. */
  get #wanted() {
    const clip = previewed(), choice = this.#form?.reads?.(KEYS) ? this.#form.choice : null;
    if (!clip || !choice || Object.values(choice.settings).includes(ON_ITS_WAY)) return null;
    const settings = Object.fromEntries(Object.entries(choice.settings).filter(([name]) => DECIDING.test(name)));
    const parts = document.querySelector("reshoot-trim")?.value, json = { kind: choice.kind, preset: choice.preset, settings, parts };
    return { clip, json, key: JSON.stringify([clip.id, partOf(clip), choice.preset, Object.entries(settings).sort()]) };
  }

  /** Frames that have to be drawn beside the proposed ones. */
  #more(clip) {
    return this.own.of(clip.id).own;
  }

  #move({ clip, frame }) {
    this.moment = { clip, frame };
    this.#render();
  }

  /** Look for what is chosen now, once the choice has come to rest. */
  #follow(rest_ms = FOLLOW_MS) {
    this.#render();
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.#look(), rest_ms);
  }

  /** Ask until the frames are there. */
  async #look() {
    const wanted = this.#wanted;
    if (!wanted || this.stopped === wanted.key || this.#isWhole(wanted)) return this.#render();
    if (this.asking?.key === wanted.key) return;
    const asking = (this.asking = { key: wanted.key });
    Object.assign(this, { problem: "", told: null });
    while (this.asking === asking && this.isConnected) {
      try {
        const told = await ask(`clips/${wanted.clip.id}/keys`, { method: "POST", json: { ...wanted.json, frames: this.#more(wanted.clip) } });
        if (this.asking !== asking) return;
        this.told = told.state === "working" ? told : null;
        if (told.state === "ready") this.strips.set(wanted.key, told);
      } catch (error) {
        if (this.asking !== asking) return;
        this.problem = error instanceof Problem ? error.message : "Something in this page went wrong.";
      }
      if (this.problem || !this.told) break;
      this.#render();
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
    if (this.asking !== asking) return;
    this.asking = null;
    this.#render();
  }

  /** Whether all frames that are wanted are there. */
  #isWhole({ key, clip }) {
    const known = this.strips.get(key), { from, to } = partOf(clip);
    return known && this.#more(clip).every((frame) => frame < from || frame >= to || known.frames.some((each) => each.frame === frame));
  }

  #clicked(button) {
    const { do: what, frame } = button?.dataset ?? {}, wanted = this.#wanted;
    if (!what || !wanted) return;
    if (what === "show") document.querySelector("reshoot-moment")?.go(Number(frame));
    else if (what === "stop") this.#stop(wanted);
    else if (what === "again") this.#again();
    else if (what === "add") this.own.add(wanted.clip.id, Number(frame));
    else if (what === "out") this.own.leaveOut(wanted.clip.id, Number(frame));
    else if (what === "back") this.own.forget(wanted.clip.id);
    if (["add", "out", "back"].includes(what)) {
      this.#follow(0);
      this.querySelector(".frames")?.focus({ preventScroll: true });
    }
  }

  #stop({ key, clip }) {
    this.stopped = key;
    this.asking = null;
    ask(`clips/${clip.id}/keys/${this.told.id}`, { method: "DELETE" }).catch(() => {}); // then it goes on for nobody
    this.told = null;
    this.#render();
  }

  #again() {
    Object.assign(this, { stopped: null, problem: "" });
    this.#follow(0);
  }

  #render() {
    const wanted = this.#wanted;
    this.hidden = !wanted;
    if (!wanted) return;
    const known = this.strips.get(wanted.key), isStopped = this.stopped === wanted.key;
    this.setAttribute("aria-busy", String(Boolean(this.asking)));
    draw(this, html`<section class="card stack" aria-label="Frames to paint">
      <div class="row head"><h2>Frames to paint</h2></div>
      <p class="quiet small">${ABOUT}</p>
      ${this.told && this.asking ? progress(this.told) : ""}
      ${this.problem && html`<p class="alert" role="alert">${this.problem} <button type="button" class="button small" data-do="again">Try again</button></p>`}
      ${isStopped && html`<p class="row"><span>Stopped.</span><button type="button" class="button small" data-do="again">Look for the frames to paint</button></p>`}
      ${known && this.#strip(known, wanted.clip)}
    </section>`);
  }

  #strip(known, clip) {
    const own = this.own.of(clip.id), shown = framesShown(known, own), within = reaches(known.shots, shown.map(({ frame }) => frame));
    const moment = this.moment?.clip === clip.id ? this.moment.frame : null, all = shown.map(({ frame }) => frame);
    const frames = shown.map((each) => ({ ...each, reach: within.get(each.frame) }));
    const canAdd = moment !== null && !all.includes(moment) && moment >= known.span[0] && moment < known.span[1];
    return html`${known.notes.map((note) => html`<p class="alert warn small">${note}</p>`)}
      ${frames.length ? strip(frames, { clip, moment }) : html`<p class="quiet">No frame is left to paint.</p>`}
      ${acts({ frames, archive: known.archive, moment, canAdd, isChanged: own.own.length + own.out.length > 0, out: own.out })}`;
  }
}
customElements.define("reshoot-keys", Keys);
