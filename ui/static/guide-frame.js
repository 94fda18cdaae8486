// <reshoot-guide-frame>: one picture of a guide within seconds, beside the frame of the structure video that leads there. It
// follows the timeline, the settings and the moment that is chosen.
import { ask, draw, html } from "./shared.js";

const REST_MS = 400;

class GuideFrame extends HTMLElement {
  connectedCallback() {
    if (this.isReady) return;
    this.isReady = true;
    this.addEventListener("input", (event) => {
      event.stopPropagation();
      this.index = Number(event.target.value);
      this.#follow();
    });
    this.addEventListener("change", (event) => event.stopPropagation());
    this.addEventListener("click", ({ target }) => target.closest("[data-do=again]") && this.#follow(true));
  }

  disconnectedCallback() {
    this.asking?.abort();
    clearTimeout(this.resting);
  }

  /** Show a frame of a timeline of so many frames, led by a clip first; one with a problem waits. */
  show({ clip, total, seconds, isWhole, parts }) {
    Object.assign(this, { clip, total, seconds, isWhole, parts });
    this.hidden = !document.querySelector("reshoot-form").form.preview;
    if (this.hidden) return;
    this.index = Math.min(this.index ?? Math.floor(total / 2), total - 1);
    this.#follow();
  }

  #follow(again = false) {
    const { form, values } = document.querySelector("reshoot-form");
    const json = { kind: form.name, settings: values.changed(), parts: this.parts, at: this.total > 1 ? this.index / (this.total - 1) : 0 };
    const key = JSON.stringify([this.clip, json]);
    if (key === this.key && !again) return this.#draw();
    Object.assign(this, { key, problem: "" });
    clearTimeout(this.resting);
    this.asking?.abort();
    if (this.isWhole && form.preview) this.resting = setTimeout(() => this.#ask(json), REST_MS);
    this.#draw();
  }

  async #ask(json) {
    const asking = (this.asking = new AbortController());
    this.#draw();
    try {
      const told = await ask(`clips/${this.clip}/look`, { method: "POST", json, signal: asking.signal });
      if (this.asking === asking) this.told = told;
    } catch (error) {
      if (error.name !== "AbortError") this.problem = error.message;
    }
    if (this.asking === asking) this.asking = null;
    this.#draw();
  }

  #draw() {
    const { told, index, total, seconds, problem } = this, isNow = told && told.at === index && !this.asking;
    this.setAttribute("aria-busy", String(Boolean(this.asking)));
    draw(this, html`<div class="stack frame">
      <div class="slide"><label for="guide-frame">Frame</label><input id="guide-frame" type="range" min="0" max="${total - 1}" step="1" aria-valuetext="Frame ${index}">
        <span class="quiet small number">${index}, at ${((seconds * index) / total).toFixed(1)} s</span>${this.asking && html`<span class="chip busy">Drawing…</span>`}</div>
      ${told && html`<div class="pair${isNow ? "" : " old"}" style="--ratio: ${told.width / told.height}">
        <figure><img src="${told.before}" width="${told.width}" height="${told.height}" alt="The frame that leads."><figcaption class="quiet small">What leads</figcaption></figure>
        <figure><img src="${told.after}" width="${told.width}" height="${told.height}" alt="The picture of the guide."><figcaption class="quiet small">The guide</figcaption></figure></div>`}
      <div class="small" role="status">${isNow && told.events.map((each) => html`<p class="quiet">${each}</p>`)}</div>
      ${problem && html`<p class="alert small" role="alert">${problem} <button type="button" class="button small" data-do="again">Try again</button></p>`}
    </div>`);
    this.querySelector("#guide-frame").value = index;
  }
}

customElements.define("reshoot-guide-frame", GuideFrame);
