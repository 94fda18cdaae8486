// <reshoot-correct>: corrects an alignment by hand. A frame of the foreground is held near a frame of the background, by steps or by
// dragging its point on the drift plot, and the pair is solved again at once. The next job takes what is held.
import { ask, draw, html, tell } from "./shared.js";

const ANCHORS = "match.anchors", REST_MS = 250, SVG = "http://www.w3.org/2000/svg";

class Correct extends HTMLElement {
  connectedCallback() {
    if (this.isReady) return;
    this.isReady = true;
    this.addEventListener("toggle", ({ target }) => target.open && this.#ask(), true);
    this.addEventListener("click", ({ target }) => this.#clicked(target.closest("button[data-do]")));
    this.addEventListener("change", ({ target }) => target.matches("input") && this.#typed(target));
  }

  disconnectedCallback() {
    this.asking?.abort();
    clearTimeout(this.resting);
  }

  /** Correct the alignment of a result; `solved` is told the drift plot whenever the pair was solved again. */
  show(facts, solved) {
    this.asking?.abort();
    Object.assign(this, { facts, solved, index: 0, told: null, problem: "", asking: null });
    this.anchors = new Map((facts.settings[ANCHORS] || "").split(/[\s,]+/).filter(Boolean).map((each) => each.split(":").map(Number)));
    this.before = this.#held;
    this.replaceChildren();
    this.#draw();
  }

  /** Turn to another frame of the foreground. */
  turn(index) {
    this.index = index;
    if (!this.#isOpen) return;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.#ask(), REST_MS);
    this.#draw();
  }

  get #isOpen() {
    return Boolean(this.querySelector("details")?.open);
  }

  /** What is held, as the setting says it: "12:40, 30:61". */
  get #held() {
    return [...this.anchors].sort(([one], [other]) => one - other).map((pair) => pair.join(":")).join(", ");
  }

  get #settings() {
    const { [ANCHORS]: _, ...settings } = this.facts.settings, held = this.#held;
    return held ? { ...settings, [ANCHORS]: held } : settings;
  }

  /** The frame of the background at which the frame is held, or that it shows. */
  get #near() {
    return this.anchors.get(this.index) ?? Math.round(this.told.frame.background_frame);
  }

  #hold(frame) {
    this.anchors.set(this.index, Math.max(0, Math.round(frame)));
    this.#ask();
  }

  #typed({ dataset, value }) {
    if (value === "") return this.#draw();
    if (dataset.set === "frame") this.turn(Math.min(Math.max(0, Math.round(Number(value))), (this.told?.frames ?? 1) - 1));
    else this.#hold(Number(value));
  }

  #clicked(button) {
    const { do: what, step, index } = button?.dataset ?? {};
    if (what === "step") this.#hold(this.#near + Number(step));
    else if (what === "again") this.#again();
    else if (what === "release") {
      this.anchors.delete(Number(index));
      this.#ask();
    }
  }

  /** Solve the pair again with what is held, and show the frame. */
  async #ask() {
    clearTimeout(this.resting);
    this.asking?.abort();
    const asking = (this.asking = new AbortController()), { index, facts } = this;
    this.problem = "";
    this.#draw();
    try {
      const count = this.told?.frames ?? facts.alignment.count, at = count > 1 ? index / (count - 1) : 0;
      const told = await ask(`clips/${facts.alignment.clip}/look`, { method: "POST", json: { kind: facts.kind, settings: this.#settings, at }, signal: asking.signal });
      if (this.asking !== asking) return;
      this.told = told;
      this.solved(told.plot);
      this.#grip();
    } catch (error) {
      if (error.name !== "AbortError") this.problem = error.message;
    }
    if (this.asking === asking) this.asking = null;
    this.#draw();
  }

  /** Give the plot a handle at the frame, which is dragged up and down. */
  #grip() {
    const { handle, frame } = this.told, near = Math.round(frame.background_frame), plot = this.parentElement.querySelector("svg.drift");
    if (!handle || !plot) return;
    const grip = document.createElementNS(SVG, "circle"), set = (down_px) => grip.setAttribute("cy", down_px);
    for (const [name, value] of Object.entries({ class: "handle", r: 7, cx: `${100 * handle.across}%` })) grip.setAttribute(name, value);
    set(handle.down_px);
    grip.addEventListener("pointerdown", (event) => {
      event.stopPropagation(); // the plot would turn to another frame
      event.preventDefault();
      grip.setPointerCapture(event.pointerId);
      let frames = 0;
      const move = (moved) => {
        moved.stopPropagation();
        frames = Math.round((event.clientY - moved.clientY) / handle.frame_px);
        set(handle.down_px - frames * handle.frame_px);
        this.querySelector("[data-set=held]").value = near + frames;
      };
      const end = ({ type }) => {
        for (const kind of ["pointermove", "pointerup", "pointercancel"]) grip.removeEventListener(kind, kind === "pointermove" ? move : end);
        if (type === "pointerup" && frames) this.#hold(near + frames);
      };
      grip.addEventListener("pointermove", move);
      grip.addEventListener("pointerup", end);
      grip.addEventListener("pointercancel", end);
    });
    plot.append(grip);
  }

  /** Submit a job with what is held. */
  async #again() {
    const { kind, alignment } = this.facts;
    try {
      const { jobs } = await ask("jobs", { method: "POST", json: { kind, clips: [alignment.clip], settings: this.#settings } });
      window.dispatchEvent(new CustomEvent("reshoot:submitted", { detail: { jobs } }));
    } catch (error) {
      tell(error.message, "bad");
    }
  }

  #draw() {
    const { told, index, anchors, problem } = this, isNow = told?.at === index && !this.asking, frame = told?.frame;
    this.setAttribute("aria-busy", String(Boolean(this.asking)));
    draw(this, html`<details class="card"><summary>Correct it by hand</summary><div class="stack">
      <p class="quiet small">Turn to a frame above, or type its number. Then step the background until both pictures agree, or drag the
        frame's point in the plot: it is held near there, and all times are found again. Which part of a frame it is, the pictures still say.</p>
      <div class="row">
        <label class="small">Frame <input type="number" min="0" step="1" data-set="frame" value="${index}"></label>
        <label class="small">belongs near background frame <input type="number" min="0" step="1" data-set="held" ${isNow ? "" : html`disabled`}></label>
        ${[[-1, "One back"], [1, "One on"]].map(([step, name]) => html`<button type="button" class="button small" data-do="step" data-step="${step}"
          ${isNow && frame.background_frame !== null ? "" : html`disabled`}>${name}</button>`)}
        ${this.asking && html`<span class="chip busy">Solving…</span>`}</div>
      ${told && html`<div class="pair${isNow ? "" : " old"}" style="--ratio: ${told.width / told.height}">
        <figure><img src="${told.before}" alt="The frame of the foreground"><figcaption class="quiet small">foreground</figcaption></figure>
        <figure><img src="${told.after}" alt="The background at its moment"><figcaption class="quiet small">background</figcaption></figure>
        <figure><span class="turns"><img src="${told.before}" alt="Squares of both by turns"><img src="${told.after}" alt=""></span><figcaption class="quiet small">both by turns</figcaption></figure></div>`}
      <p class="small" role="status">${isNow && `Frame ${frame.index}: ${frame.lines.join(", ")}. ${told.sentence}`}</p>
      ${problem && html`<p class="alert small" role="alert">${problem}</p>`}
      ${anchors.size > 0 && html`<ul class="held" aria-label="Held frames">${[...anchors].map(([own, behind]) => html`<li class="small" data-key="held ${own}">
        <span>Frame ${own} is held near ${behind}</span> <button type="button" class="button small" data-do="release" data-index="${own}" aria-label="${`Let go of frame ${own}`}">×</button></li>`)}</ul>`}
      ${this.#held !== this.before && html`<div class="row"><button type="button" class="button main" data-do="again">Align again like this</button></div>`}
    </div></details>`);
    for (const input of this.querySelectorAll("input")) {
      if (input === document.activeElement && this.asking) continue;
      input.value = input.dataset.set === "frame" ? index : isNow && frame.background_frame !== null ? this.#near : "";
    }
  }
}

customElements.define("reshoot-correct", Correct);
