// <reshoot-trim>: which part of each clip is used: two handles over its length, and the same as numbers. Its value holds the
// parts of ready clips by their ids, in seconds; a clip that is used as a whole is not in it.
import { draw, html, remember, remembered } from "./shared.js";

const KEPT = "reshoot.parts", MOST_KEPT = 200, MOST_SHOWN = 12;

class Trim extends HTMLElement {
  connectedCallback() {
    if (this.parts) return;
    this.classList.add("studio");
    this.parts = new Map(remembered(KEPT, [])); // clip -> {from, to}, in frames; `to` is the first frame after the part
    this.taken = new Map(); // clip -> {from_s, to_s} of a job that is run again, until the clip's length is known
    document.addEventListener("change", ({ target }) => target.localName === "reshoot-clips" && this.#draw());
    this.addEventListener("input", ({ target }) => this.#moved(target));
    this.addEventListener("change", ({ target }) => target.type === "number" && this.#draw());
    this.addEventListener("click", ({ target }) => target.closest("[data-whole]") && this.#whole(target.closest("[data-key]").dataset.key));
    this.#draw();
  }

  /** The clips whose part can be chosen: [{id, title, frames, seconds}]. */
  get clips() {
    return (document.querySelector("reshoot-clips")?.value ?? []).filter(({ frames }) => frames > 1);
  }

  /** The parts by clip: {id: {from_s, to_s}}, where 0 as the end is the end of the clip; nothing if all are used whole. */
  get value() {
    const cut = this.clips.filter((clip) => isCut(clip, this.partFor(clip)));
    return cut.length ? Object.fromEntries(cut.map((clip) => [clip.id, seconds(clip, this.partFor(clip))])) : undefined;
  }

  /** The part of a clip in frames: {from, to}, where `to` is the first frame after it. */
  partFor(clip) {
    this.#place(clip);
    const { from, to } = this.parts?.get(clip.id) ?? { from: 0, to: clip.frames };
    const end = Math.min(Math.max(to, 1), clip.frames);
    return { from: Math.min(Math.max(from, 0), end - 1), to: end };
  }

  /** Take the part of a clip from the settings of a job; the clip may not be ready yet. */
  take(id, { "trim.from_s": from_s = 0, "trim.to_s": to_s = 0 }) {
    this.taken.set(id, { from_s, to_s });
    this.#draw();
    this.#tell();
  }

  /** Turn a part in seconds that was taken from a job into frames, now that the clip's length is known. */
  #place({ id, frames, seconds: length_s }) {
    const taken = this.taken?.get(id), rate = frames / length_s;
    if (!taken) return;
    this.taken.delete(id);
    this.parts.set(id, { from: Math.round(taken.from_s * rate), to: taken.to_s ? Math.round(taken.to_s * rate) : frames });
    this.#keep();
  }

  /** Let the previews follow. */
  #tell() {
    window.dispatchEvent(new CustomEvent("reshoot:chosen"));
  }

  /** A handle was moved or a number typed; the part keeps at least one frame. */
  #moved(control) {
    const clip = this.clips.find(({ id }) => id === control.closest("[data-key]")?.dataset.key);
    if (!clip || control.value === "") return;
    const part = this.partFor(clip), rate = clip.frames / clip.seconds;
    const typed = control.type === "number" ? Math.round(Number(control.value) * rate) : Number(control.value);
    if (control.dataset.end === "from") part.from = Math.min(Math.max(typed, 0), part.to - 1);
    else part.to = Math.max(Math.min(typed, clip.frames), part.from + 1);
    this.parts.set(clip.id, part);
    this.#keep();
    this.#draw(control);
    this.#tell();
  }

  #whole(id) {
    this.parts.delete(id);
    this.#keep();
    this.#draw();
    this.querySelector(`[data-key="${id}"] input`)?.focus();
    this.#tell();
  }

  #keep() {
    remember(KEPT, [...this.parts].slice(-MOST_KEPT));
  }

  /** Draw all; a number that is being typed is left alone. */
  #draw(typing = null) {
    const clips = this.clips, cut = clips.filter((clip) => isCut(clip, this.partFor(clip)));
    const shown = clips.filter((clip, place) => place < MOST_SHOWN || cut.includes(clip));
    this.hidden = !clips.length;
    const isOpen = this.querySelector("details")?.open || cut.length > 0;
    draw(this, html`<details class="card" ${isOpen ? html`open` : ""}><summary>Use only a part${clips.length > 1 ? " of a clip" : ""}</summary>
      <ul>${shown.map((clip) => row(clip, this.partFor(clip), clips.length === 1))}</ul></details>`);
    for (const clip of shown) {
      const at = this.querySelector(`[data-key="${clip.id}"]`), part = this.partFor(clip), times = seconds(clip, part);
      const values = { from: times.from_s, to: times.to_s || clip.seconds };
      for (const input of at.querySelectorAll("input"))
        if (input !== typing || input.type === "range") input.value = input.type === "range" ? part[input.dataset.end] : values[input.dataset.end];
    }
  }
}

const isCut = ({ frames }, { from, to }) => from > 0 || to < frames;

/** A part in seconds to the millisecond, as the server finds its frames again. */
function seconds({ frames, seconds: length_s }, { from, to }) {
  const at = (frame) => Math.round((1000 * frame * length_s) / frames) / 1000;
  return { from_s: at(from), to_s: to < frames ? at(to) : 0 };
}

function row(clip, part, alone) {
  const { id, title, frames, seconds: length_s } = clip;
  const times = seconds(clip, part), count = part.to - part.from;
  const end_s = times.to_s || length_s, step = (length_s / frames).toFixed(3);
  const handle = (end, name, text) => html`<input type="range" data-end="${end}" min="0" max="${frames}" step="1"
    aria-label="${`${name} of ${title}`}" aria-valuetext="${text}">`;
  const number = (end, name) => html`<label class="small">${name} <input type="number" data-end="${end}" min="0" max="${length_s}" step="${step}"
    aria-label="${`${name} of ${title}, in seconds`}"> s</label>`;
  return html`<li class="stack" data-key="${id}">
    <div class="row between"><h3 class="${alone ? "hidden" : ""}">${title}</h3><span class="quiet small number">${isCut(clip, part)
      ? `frames ${part.from} to ${part.to - 1} of ${frames}, ${(end_s - times.from_s).toFixed(2)} s` : `all ${count} frames`}</span></div>
    <div class="handles" style="--from: ${((100 * part.from) / frames).toFixed(3)}%; --to: ${((100 * part.to) / frames).toFixed(3)}%">
      <i></i>${handle("from", "From", `${times.from_s} seconds`)}${handle("to", "To", `${end_s} seconds`)}</div>
    <div class="row">${number("from", "From")}${number("to", "To")}
      ${isCut(clip, part) ? html`<button type="button" class="button small" data-whole>Whole clip</button>` : ""}</div>
  </li>`;
}

customElements.define("reshoot-trim", Trim);
