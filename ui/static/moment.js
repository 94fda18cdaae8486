// <reshoot-moment>: a slider over a clip's frames with a small picture of each; show(clip), found(frame), frame, best().
// Whenever the frame changes, `moment` is dispatched on the document with {clip, frame}.
import { ask, draw, html } from "./shared.js";

class Moment extends HTMLElement {
  connectedCallback() {
    this.addEventListener("input", (event) => {
      event.stopPropagation();
      this.#choose(this.positions[Number(event.target.value)]);
    });
    this.addEventListener("click", (event) => event.target.closest("[data-do=best]") && this.best());
  }

  /** The frame that was chosen; null while that is left to the program. */
  get frame() {
    return this.chosen ?? null;
  }

  /** Offer the frames of a clip, or of none: {id, frames, seconds}. */
  async show(clip) {
    if (this.clip?.id === clip?.id) return;
    Object.assign(this, { clip, chosen: null, clearest: null, strip: null, told: null });
    this.#render();
    if (!clip) return;
    const strip = await ask(`clips/${clip.id}/strip`).catch(() => null); // without pictures there is still the time
    if (this.clip?.id !== clip.id) return;
    this.strip = strip;
    this.#render();
  }

  /** Take note of the frame that the program chose. */
  found(frame) {
    if (frame === this.clearest) return;
    this.clearest = frame;
    this.#render();
    this.#tell();
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
    const { clip, strip } = this;
    const shown = this.chosen ?? this.clearest;
    const frames = strip?.frames ?? Array.from({ length: clip.frames }, (_, index) => index);
    this.positions = [...new Set([...frames, shown ?? 0])].sort((one, other) => one - other);
    const said = shown === null ? "Finding the clearest moment" : `Frame ${shown}, at ${timeText(clip, shown)}`;
    draw(this, html`<div class="moment">
      ${strip && shown !== null ? tile(strip, nearest(strip.frames, shown)) : ""}
      <div class="slide"><label for="moment">Moment</label>
        <input id="moment" type="range" min="0" max="${this.positions.length - 1}" step="1" aria-valuetext="${said}">
        <span class="quiet small number">${said}${shown !== null && this.chosen === null ? " (the clearest)" : ""}</span></div>
      ${this.chosen !== null && html`<button type="button" class="button small" data-do="best">Clearest moment</button>`}
    </div>`);
    this.querySelector("input").value = this.positions.indexOf(shown ?? 0);
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
