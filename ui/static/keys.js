// <reshoot-keys>: the frames of the previewed clip that people paint, for an engine that makes what lies between them. A worker
// finds them; they are downloaded, painted in any program, and come back to the setting `generate.keys`.
import { KEYS, ON_ITS_WAY } from "./clip-own.js";
import { acts, progress, strip, told } from "./keys-frames.js";
import { OwnFrames, framesShown } from "./keys-own.js";
import { Painted, catchFiles, smallOf } from "./keys-painted.js";
import { bar, framesBetween, reaches } from "./keys-trust.js";
import { partOf, previewed } from "./previewed.js";
import { ask, draw, html, Problem } from "./shared.js";

const DECIDING = /^(analysis\.|stabilise\.|generate\.apply_to$)/, FOLLOW_MS = 400, AGAIN_MS = 800;
const ABOUT = "Download these frames, paint over them in any program, and drop them back here. All frames between them are made from what you paint.";

class Keys extends HTMLElement {
  connectedCallback() {
    if (this.own) return;
    this.classList.add("studio");
    this.own = new OwnFrames();
    this.painted = new Painted(() => this.#render());
    this.strips = new Map(); // what the server told, by what it was asked
    this.unreached = new Map(); // what finished jobs said, by strip and key set
    Object.assign(this, { told: null, problem: "", stopped: null });
    this.addEventListener("click", ({ target }) => this.#clicked(target.closest("[data-do]")));
    catchFiles(this, (files) => this.#drop(files));
    for (const kind of ["chosen", "previewed"]) window.addEventListener(`reshoot:${kind}`, () => this.#follow());
    document.addEventListener("change", ({ target }) => target.localName === "reshoot-clips" && this.#follow());
    document.addEventListener("moment", ({ detail }) => this.#move(detail));
    this.seen = new IntersectionObserver(([entry]) => entry.isIntersecting && this.#again());
    this.seen.observe(this);
    this.#follow(0);
  }

  disconnectedCallback() {
    this.seen.disconnect();
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

  /** Whether painted frames are on their way to the server. */
  get isSending() {
    return [...this.painted.sending.values()].some((count) => count > 0);
  }

  /** The digest of the key set that is chosen. */
  get #keys() {
    return this.#form?.chosenOf?.([KEYS])[KEYS] || null;
  }

  /** Frames between the painted ones on both sides of a frame, or between one and the end of its shot; none without one. */
  between(frame) {
    const known = this.#wanted && this.strips.get(this.#wanted.key), painted = this.painted.of(this.#keys);
    return known && painted ? framesBetween(known, painted.frames.map((each) => each.frame), frame) : [];
  }

  /** Frames that have to be drawn beside the proposed ones. */
  #more(clip) {
    return [...this.own.of(clip.id).own, ...(this.painted.of(this.#keys)?.frames ?? []).map(({ frame }) => frame)];
  }

  /** Send what was dropped; what is recognised of it becomes the setting. */
  async #drop(files) {
    const wanted = this.#wanted;
    if (!wanted || !files.length) return;
    const digest = await this.painted.drop(wanted.clip, files, this.#givenOut(wanted), () => this.#keysOf(wanted.clip));
    this.#choose(wanted.clip, digest);
    const taken = this.painted.taken ?? [];
    this.querySelector(".said").textContent = taken.length ? `Painted: frame ${taken.join(", ")}.` : "Nothing was taken.";
  }

  /** Which frames people were given to paint: what they drop is most likely one of these. */
  #givenOut({ key, clip }) {
    const known = this.strips.get(key);
    return known ? { strip: known.id, frames: this.#shown(known, clip).map(({ frame }) => frame).join(",") } : {};
  }

  #shown(known, clip) {
    return framesShown(known, this.own.of(clip.id), (this.painted.of(this.#keys)?.frames ?? []).map(({ frame }) => frame));
  }

  /** The digest of a clip's key set, also of one that is not previewed any more. */
  #keysOf(clip) {
    return this.#form.own.of(clip.id)[KEYS] || null;
  }

  #choose(clip, digest) {
    if (digest !== this.#keysOf(clip)) window.dispatchEvent(new CustomEvent("reshoot:choose", { detail: { name: KEYS, value: digest, clip: clip.id } }));
    this.#follow(0);
  }

  /** Find out what the chosen key set holds, and what was said of it. */
  async #know({ clip, key }) {
    const keys = this.#keys, strip = this.strips.get(key)?.id;
    if (keys && !this.painted.of(keys)) {
      const digest = await this.painted.know(clip, keys).catch((error) => {
        if (error.status === 404 || error.status === 400) this.painted.refused.set(clip.id, [{ name: "", text: error.message }]);
        return error.status === 400 ? null : keys;
      });
      if (digest !== keys && this.#keys === keys) this.#choose(clip, digest);
    }
    if (!keys || !strip || this.unreached.has(`${strip} ${keys}`)) return;
    const { unreached } = await ask(`clips/${clip.id}/keys/${strip}/unreached?keys=${keys}`).catch(() => ({ unreached: [] }));
    this.unreached.set(`${strip} ${keys}`, unreached);
    this.#render();
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
    if (wanted) await this.#know(wanted);
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
    this.#know(wanted);
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
    else if (what === "choose") this.querySelector("input[type=file]").click();
    else if (what === "unpaint") this.#unpaint(wanted.clip, Number(frame));
    else if (what === "read") this.#read(wanted.clip);
    else if (what === "again") this.#retry();
    else if (what === "add") this.own.add(wanted.clip.id, Number(frame));
    else if (what === "out") this.own.leaveOut(wanted.clip.id, Number(frame));
    else if (what === "back") this.own.forget(wanted.clip.id);
    if (["add", "out", "back"].includes(what)) {
      this.#follow(0);
      this.querySelector(".frames")?.focus({ preventScroll: true });
    }
  }

  async #unpaint(clip, frame) {
    this.own.add(clip.id, frame); // it stays to be painted again
    this.#choose(clip, await this.painted.away(clip, frame, () => this.#keysOf(clip)));
    this.querySelector(`[data-do=out][data-frame="${frame}"]`)?.focus();
  }

  #read(clip) {
    this.painted.refused.delete(clip.id);
    this.#render();
    this.querySelector("[data-do=choose]")?.focus();
  }

  #stop({ key, clip }) {
    this.stopped = key;
    this.asking = null;
    ask(`clips/${clip.id}/keys/${this.told.id}`, { method: "DELETE" }).catch(() => {}); // then it goes on for nobody
    this.told = null;
    this.#render();
  }

  /** It is seen again: a job may have ended meanwhile. */
  #again() {
    this.unreached.clear();
    this.#follow(0);
  }

  #retry() {
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
      <div class="row head"><h2>Frames to paint</h2>${known && html`<span class="quiet small number">${this.#count(known, wanted.clip)}</span>`}</div>
      <p class="quiet small">${ABOUT}</p>
      ${this.told && this.asking ? progress(this.told) : ""}
      ${this.problem && html`<p class="alert" role="alert">${this.problem} <button type="button" class="button small" data-do="again">Try again</button></p>`}
      ${isStopped && html`<p class="row"><span>Stopped.</span><button type="button" class="button small" data-do="again">Look for the frames to paint</button></p>`}
      ${known && this.#strip(known, wanted.clip)}
      ${told(this.painted.sending.get(wanted.clip.id) ?? 0, this.painted.refused.get(wanted.clip.id) ?? [])}
      <p class="said hidden" role="status" aria-live="polite" data-own></p>
    </section>`);
  }

  #count(known, clip) {
    return `${this.painted.of(this.#keys)?.frames.length ?? 0} of ${this.#shown(known, clip).length} painted`;
  }

  #strip(known, clip) {
    const own = this.own.of(clip.id), painted = this.painted.of(this.#keys), numbers = (painted?.frames ?? []).map(({ frame }) => frame);
    const shown = this.#shown(known, clip), all = shown.map(({ frame }) => frame), planned = reaches(known.shots, all), made = reaches(known.shots, numbers);
    const moment = this.moment?.clip === clip.id ? this.moment.frame : null, isIn = moment !== null && moment >= known.span[0] && moment < known.span[1];
    const frames = shown.map((each) => ({ ...each, reach: (made.has(each.frame) ? made : planned).get(each.frame), painting: paintingOf(painted, each.frame) }));
    const unreached = this.unreached.get(`${known.id} ${this.#keys}`) ?? [];
    return html`${known.notes.map((note) => html`<p class="alert warn small">${note}</p>`)}
      ${bar(known, frames, { moment: isIn ? moment : null, unreached })}
      ${frames.length ? strip(frames, { clip, moment }) : html`<p class="quiet">No frame is left to paint.</p>`}
      ${acts({ frames, archive: known.archive, moment, canAdd: isIn && !all.includes(moment), isChanged: own.own.length + own.out.length > 0, out: own.out.filter((frame) => !all.includes(frame)) })}`;
  }
}

/** The painting of a frame: how its small picture is shown, and a note on it; null if there is none. */
function paintingOf(painted, frame) {
  const at = painted?.frames.findIndex((each) => each.frame === frame) ?? -1;
  return at < 0 ? null : { style: smallOf(painted, at), note: painted.frames[at].note };
}
customElements.define("reshoot-keys", Keys);
