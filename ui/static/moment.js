// <reshoot-moment>: a slider over the frames of a clip, or of the part of it that is used, with a small picture near each;
// show(clip, part), found(clip, frame), frame, best().
// Whenever the frame changes, `moment` is dispatched on the document with {clip, frame}.
import { isIn } from "./previewed.js";
import { ask, draw, html } from "./shared.js";

class Moment extends HTMLElement {
  connectedCallback() {
    this.addEventListener("input", (event) => {
      event.stopPropagation();
      this.#choose(Number(event.target.value));
    });
    this.addEventListener("click", (event) => event.target.closest("[data-do=best]") && this.best());
  }

  /** The frame that was chosen; null while that is left to the program. */
  get frame() {
    return this.chosen ?? null;
  }

  /** Offer the frames of a part of a clip, {id, frames, seconds} and {from, to}, or of none. */
  async show(clip, part = null) {
    if (this.clip?.id === clip?.id) return this.#cut(part);
    Object.assign(this, { clip, used: part, chosen: null, clearest: null, strip: null, told: null });
    this.#render();
    if (!clip) return;
    const strip = await ask(`clips/${clip.id}/strip`).catch(() => null); // without pictures there is still the time
    if (this.clip?.id !== clip.id) return;
    this.strip = strip;
    this.#render();
  }

  /** Keep to another part of the clip. */
  #cut(part) {
    if (part?.from === this.used?.from && part?.to === this.used?.to) return;
    const chosen = this.frame !== null && isIn(part, this.frame) ? this.frame : null;
    Object.assign(this, { used: part, chosen, clearest: null, told: chosen === null ? null : this.told });
    this.#render();
  }

  /** Take note of the frame of a clip that the program chose. */
  found(clip, frame) {
    if (clip.id !== this.clip?.id || frame === this.clearest) return;
    this.clearest = frame;
    this.#render();
    this.#tell();
  }

  /** Choose a frame, as the slider does. */
  go(frame) {
    if (this.clip && isIn(this.used, frame)) this.#choose(frame);
  }

  /** Leave the choice to the program again. */
  best() {
    this.#choose(null);
    this.querySelector("input")?.focus();
  }

  #choose(frame) {
    this.chosen = frame;
    this.#render();
    this.#tell();
    this.dispatchEvent(new CustomEvent("reshoot:moment", { bubbles: true }));
  }

  #tell() {
    const frame = this.chosen ?? this.clearest;
    if (frame === null || frame === this.told) return;
    this.told = frame;
    document.dispatchEvent(new CustomEvent("moment", { detail: { clip: this.clip.id, frame } }));
  }

  #render() {
    if (!this.clip) return draw(this, "");
    const { clip, used, strip } = this;
    const shown = this.chosen ?? this.clearest;
    const said = shown === null ? "The clearest moment" : `Frame ${shown}, at ${timeText(clip, shown)}`;
    draw(this, html`<div class="moment">
      ${strip && shown !== null ? tile(strip, nearest(strip.frames, shown)) : ""}
      <div class="slide"><label for="moment">Moment</label>
        <input id="moment" type="range" min="${used.from}" max="${used.to - 1}" step="1" aria-valuetext="${said}">
        <span class="quiet small number">${said}${shown !== null && this.chosen === null ? " (the clearest)" : ""}</span></div>
      ${this.chosen !== null && html`<button type="button" class="button small" data-do="best">Clearest moment</button>`}
    </div>`);
    this.querySelector("input").value = shown ?? used.from;
  }
}
customElements.define("reshoot-moment", Moment);

export const timeText = ({ frames, seconds }, frame) => `${((seconds * frame) / frames).toFixed(1)} s`;

const nearest = (frames, wanted) =>
  frames.reduce((best, each, at) => (Math.abs(each - wanted) < Math.abs(frames[best] - wanted) ? at : best), 0);

function tile({ url, columns, width, height }, place) {
  const left = (place % columns) * width, top = Math.floor(place / columns) * height;
  return html`<span class="tile" aria-hidden="true" style="width: ${width}px; height: ${height}px;
    background: url(${url}) -${left}px -${top}px"></span>`;
}
