// <reshoot-trim>: which part of each clip is used: two handles over its length, and the same as numbers. Its value holds the
// parts of ready clips by their ids, in seconds; a clip that is used as a whole is not in it.
import { ask, draw, html, remember, remembered } from "./shared.js";

const KEPT = "reshoot.parts", MOST_KEPT = 200, MOST_SHOWN = 12;

class Trim extends HTMLElement {
  connectedCallback() {
    if (this.parts) return;
    this.classList.add("studio");
    this.parts = new Map(remembered(KEPT, [])); // clip -> {from, to}, in frames; `to` is the first frame after the part
    this.clips = []; // [{id, title, facts}]
    document.addEventListener("change", ({ target }) => target.localName === "reshoot-clips" && this.#follow(target.value));
    this.addEventListener("input", ({ target }) => this.#moved(target));
    this.addEventListener("change", ({ target }) => target.type === "number" && this.#draw());
    this.addEventListener("click", ({ target }) => target.closest("[data-whole]") && this.#whole(target.closest("[data-key]").dataset.key));
    this.#follow(document.querySelector("reshoot-clips")?.value ?? []);
  }

  /** The parts by clip: {id: {from_s, to_s}}, where 0 as the end is the end of the clip; nothing if all are used whole. */
  get value() {
    const cut = this.clips.filter((clip) => isCut(clip, this.#part(clip)));
    return cut.length ? Object.fromEntries(cut.map((clip) => [clip.id, seconds(clip, this.#part(clip))])) : undefined;
  }

  /** Take the part of a clip from the settings of a job. */
  async take(id, { "trim.from_s": from_s = 0, "trim.to_s": to_s = 0 }) {
    const facts = await factsOf(id);
    if (!facts) return;
    const rate = facts.frames / facts.seconds;
    this.parts.set(id, { from: Math.round(from_s * rate), to: to_s ? Math.round(to_s * rate) : facts.frames });
    this.#keep();
    this.#draw();
  }

  async #follow(clips) {
    const asked = (this.asked = clips);
    const all = await Promise.all(clips.slice(0, MOST_SHOWN).map(async ({ id, title }) => ({ id, title, facts: await factsOf(id) })));
    if (this.asked !== asked) return;
    this.clips = all.filter(({ facts }) => facts?.frames > 1);
    this.#draw();
  }

  #part({ id, facts }) {
    const { from, to } = this.parts.get(id) ?? { from: 0, to: facts.frames };
    const end = Math.min(Math.max(to, 1), facts.frames);
    return { from: Math.min(Math.max(from, 0), end - 1), to: end };
  }

  /** A handle was moved or a number typed; the part keeps at least one frame. */
  #moved(control) {
    const clip = this.clips.find(({ id }) => id === control.closest("[data-key]")?.dataset.key);
    if (!clip || control.value === "") return;
    const part = this.#part(clip), rate = clip.facts.frames / clip.facts.seconds;
    const typed = control.type === "number" ? Math.round(Number(control.value) * rate) : Number(control.value);
    if (control.dataset.end === "from") part.from = Math.min(Math.max(typed, 0), part.to - 1);
    else part.to = Math.max(Math.min(typed, clip.facts.frames), part.from + 1);
    this.parts.set(clip.id, part);
    this.#keep();
    this.#draw(control);
  }

  #whole(id) {
    this.parts.delete(id);
    this.#keep();
    this.#draw();
    this.querySelector(`[data-key="${id}"] input`)?.focus();
  }

  #keep() {
    remember(KEPT, [...this.parts].slice(-MOST_KEPT));
  }

  /** Draw all; a number that is being typed is left alone. */
  #draw(typing = null) {
    this.hidden = !this.clips.length;
    const isOpen = this.querySelector("details")?.open || this.clips.some((clip) => isCut(clip, this.#part(clip)));
    draw(this, html`<details class="card" ${isOpen ? html`open` : ""}><summary>Use only a part${this.clips.length > 1 ? " of a clip" : ""}</summary>
      <ul>${this.clips.map((clip) => row(clip, this.#part(clip), this.clips.length === 1))}</ul></details>`);
    for (const clip of this.clips) {
      const at = this.querySelector(`[data-key="${clip.id}"]`), part = this.#part(clip), times = seconds(clip, part);
      const values = { from: times.from_s, to: times.to_s || clip.facts.seconds };
      for (const input of at.querySelectorAll("input"))
        if (input !== typing || input.type === "range") input.value = input.type === "range" ? part[input.dataset.end] : values[input.dataset.end];
    }
  }
}

async function factsOf(id) {
  try {
    return (await ask(`clips/${id}`)).facts;
  } catch {
    return null; // the list of clips tells what is wrong with it
  }
}

const isCut = ({ facts }, { from, to }) => from > 0 || to < facts.frames;

/** A part in seconds to the millisecond, as the server finds its frames again. */
function seconds({ facts }, { from, to }) {
  const at = (frame) => Math.round((1000 * frame * facts.seconds) / facts.frames) / 1000;
  return { from_s: at(from), to_s: to < facts.frames ? at(to) : 0 };
}

function row(clip, part, alone) {
  const { id, title, facts } = clip, { frames } = facts;
  const times = seconds(clip, part), count = part.to - part.from;
  const end_s = times.to_s || facts.seconds, step = (facts.seconds / frames).toFixed(3);
  const handle = (end, name, text) => html`<input type="range" data-end="${end}" min="0" max="${frames}" step="1"
    aria-label="${`${name} of ${title}`}" aria-valuetext="${text}">`;
  const number = (end, name) => html`<label class="small">${name} <input type="number" data-end="${end}" min="0" max="${facts.seconds}" step="${step}"
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
