// The wipe: a result exactly over its source, with a movable divider between them. `show(facts)` fills it.
import { draw, html, raw } from "./shared.js";
import { Clock, Pair } from "./wipe-pair.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2], ZOOM = 2, STEP_PX = 40;
const ICONS = {
  play: "M7 4.5v15l12-7.5z", pause: "M6 5h4v14H6zM14 5h4v14h-4z", back: "M6 5h2.5v14H6zM19 5v14l-9.5-7z",
  on: "M15.5 5H18v14h-2.5zM5 5v14l9.5-7z",
};
const icon = (name) => raw(`<svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><path fill="currentColor" d="${ICONS[name]}"/></svg>`);
const KEYS = [
  ["Space", "play, pause"], [", and .", "one frame back, on"], ["← and →", "move the divider or the scrub bar that is in focus"],
  ["L", "loop"], ["M", "sound"], ["Z", "zoom"], ["Shift + arrows", "move about while zoomed in"], ["F", "full screen"],
];

class Wipe extends HTMLElement {
  /** Show a result; `facts` is the answer of GET /studio/results/{job}. */
  show(facts) {
    this.stop();
    for (const video of this.querySelectorAll("video")) video.removeAttribute("src");
    this.replaceChildren();
    Object.assign(this, { facts, clock: new Clock(facts), zoom: 1, pan: [0, 0], at: 50, begun: false });
    draw(this, this.markup(facts));
    this.stage = this.querySelector(".stage");
    this.pair = new Pair(this.querySelector(".before video"), this.querySelector(".after video"), this.clock);
    this.pair.after.muted = !(facts.sound && facts.heard) || localStorage.getItem("reshoot.sound") !== "on";
    for (const what of ["moved", "changed"]) this.pair.addEventListener(what, () => this.told());
    this.pair.addEventListener("failed", () => (this.querySelector(".alert").hidden = false));
    this.act();
    this.drag();
    this.place();
    this.told();
    this.pair.seek(facts.still ?? 0);
    this.watch();
  }

  connectedCallback() {
    this.heard = (event) => this.key(event);
    document.addEventListener("keydown", this.heard);
    if (this.facts) this.show(this.facts);
  }
  disconnectedCallback() {
    document.removeEventListener("keydown", this.heard);
    this.stop();
  }
  stop() {
    this.sight?.disconnect();
    if (this.pair?.playing) this.pair.pause();
  }

  markup({ width, height, fps, frames, sound, heard, before, after, alignment }) {
    const [left, right] = alignment ? ["Background", "Aligned"] : ["Before", "After"];
    const video = (url) => html`<video src="${url}" preload="metadata" playsinline disablepictureinpicture></video>`;
    const size = `--ratio: ${width / height}; --x: 50%`;
    return html`<div class="stage" style="${size}">
        <div class="layer after">${video(after)}</div><div class="layer before">${video(before)}</div>
        <span class="tag left">${left}</span><span class="tag right">${right}</span>
        <input class="divider" type="range" min="0" max="100" step="1" value="50" aria-label="Divider between before and after">
        <div class="line" aria-hidden="true"><i></i></div>
      </div>
      <p class="alert" role="alert" hidden>These videos cannot be played here. The restyled clip can still be downloaded.</p>
      <div class="scrub row"><input type="range" min="0" max="${frames - 1}" step="1" value="0" aria-label="Frame">
        <span class="frame number small"></span></div>
      <div class="row controls">
        <button type="button" class="button small" data-do="back" aria-label="One frame back">${icon("back")}</button>
        <button type="button" class="button main small" data-do="play"></button>
        <button type="button" class="button small" data-do="on" aria-label="One frame on">${icon("on")}</button>
        <label class="small">Speed <select>${SPEEDS.map((each) => html`<option value="${each}" ${each === 1 ? raw("selected") : ""}>${each}×</option>`)}</select></label>
        <button type="button" class="button small" data-do="loop">Loop</button>
        ${sound && heard ? html`<button type="button" class="button small" data-do="sound">Sound</button>` : ""}
        <button type="button" class="button small" data-do="zoom">Zoom ${ZOOM}×</button>
        <button type="button" class="button small" data-do="full">Full screen</button>
        <details class="keys small"><summary>Keys</summary>
          <dl class="facts">${KEYS.map(([key, what]) => html`<dt>${key}</dt><dd>${what}</dd>`)}</dl></details>
      </div>
      ${sound && !heard ? html`<p class="quiet small">Its sound (${sound}) is of a kind that browsers do not play; it is in the file.</p>` : ""}`;
  }

  /** Connect the buttons, sliders and the select. */
  act() {
    const doing = {
      play: () => (this.pair.playing ? this.pair.pause() : this.pair.play()),
      back: () => this.pair.step(-1),
      on: () => this.pair.step(1),
      loop: () => (this.pair.loop = !this.pair.loop),
      sound: () => this.sound(),
      zoom: () => this.zoomTo(this.zoom === 1 ? ZOOM : 1),
      full: () => (document.fullscreenElement ? document.exitFullscreen() : this.requestFullscreen()),
    };
    this.run = (what) => {
      if (!this.querySelector(`[data-do=${what}]`)) return;
      Promise.resolve(doing[what]()).catch(() => {});
      this.told();
    };
    for (const button of this.querySelectorAll("[data-do]")) button.addEventListener("click", () => this.run(button.dataset.do));
    this.querySelector("select").addEventListener("change", ({ target }) => this.pair.setSpeed(Number(target.value)));
    this.querySelector(".divider").addEventListener("input", ({ target }) => this.divide(Number(target.value)));
    const scrub = this.querySelector(".scrub input");
    scrub.addEventListener("input", () => {
      const index = Number(scrub.value);
      this.resume ??= this.pair.playing;
      if (this.pair.playing) this.pair.pause();
      this.pair.seek(index);
    });
    scrub.addEventListener("change", () => {
      if (this.resume) this.pair.play();
      this.resume = null;
    });
  }

  sound() {
    const video = this.pair.after;
    video.muted = !video.muted;
    localStorage.setItem("reshoot.sound", video.muted ? "off" : "on");
  }

  /** Connect dragging: it moves the divider, or the picture when zoomed in and away from the divider. */
  drag() {
    const { stage } = this;
    let last = null, moves = false;
    stage.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      const box = stage.getBoundingClientRect();
      moves = this.zoom > 1 && Math.abs(event.clientX - box.left - (this.at / 100) * box.width) > STEP_PX;
      last = [event.clientX, event.clientY];
      stage.setPointerCapture(event.pointerId);
      if (!moves) this.divideAt(event.clientX);
      stage.querySelector(".divider").focus({ preventScroll: true, focusVisible: false });
      event.preventDefault();
    });
    stage.addEventListener("pointermove", (event) => {
      if (!last) return;
      if (moves) this.move(event.clientX - last[0], event.clientY - last[1]);
      else this.divideAt(event.clientX);
      last = [event.clientX, event.clientY];
    });
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => (last = null));
  }
  divideAt(x) {
    const { left, width } = this.stage.getBoundingClientRect();
    this.divide((100 * (x - left)) / width);
  }
  divide(percent) {
    this.at = Math.min(100, Math.max(0, percent));
    this.place();
  }
  zoomTo(zoom) {
    this.zoom = zoom;
    this.move(0, 0);
  }
  move(x, y) {
    const { clientWidth: width, clientHeight: height } = this.stage, room = (this.zoom - 1) / 2;
    const held = (value, most) => Math.min(most, Math.max(-most, value));
    this.pan = [held(this.pan[0] + x, room * width), held(this.pan[1] + y, room * height)];
    this.place();
  }

  /** Lay out the videos and the divider. */
  place() {
    const { stage, at, zoom, pan } = this, range = stage.querySelector(".divider");
    stage.style.setProperty("--x", `${at}%`);
    stage.style.setProperty("--view", zoom === 1 ? "none" : `translate(${pan[0]}px, ${pan[1]}px) scale(${zoom})`);
    stage.classList.toggle("zoomed", zoom > 1);
    stage.querySelector(".left").hidden = at < 12;
    stage.querySelector(".right").hidden = at > 88;
    range.value = at;
    range.setAttribute("aria-valuetext", `${Math.round(at)} % of the picture as it was before`);
  }

  /** Update the frame number and the state of the buttons. */
  told() {
    const { pair, clock } = this, scrub = this.querySelector(".scrub input");
    const text = `${pair.index + 1} / ${clock.frames}`, time = `${clock.start(pair.index).toFixed(2)} s`;
    scrub.value = pair.index;
    scrub.setAttribute("aria-valuetext", `Frame ${pair.index + 1} of ${clock.frames}, ${time}`);
    this.querySelector(".scrub .frame").textContent = `${text} · ${time}`;
    const play = this.querySelector("[data-do=play]"), doing = pair.playing ? "pause" : "play";
    if (play.dataset.now !== doing) {
      play.dataset.now = doing;
      draw(play, html`${icon(doing)} ${doing === "play" ? "Play" : "Pause"}`);
    }
    this.pressed({ loop: pair.loop, sound: !pair.after.muted, zoom: this.zoom > 1 });
  }
  pressed(states) {
    for (const [name, on] of Object.entries(states)) this.querySelector(`[data-do=${name}]`)?.setAttribute("aria-pressed", on);
  }

  key(event) {
    const { target, key } = event, inside = this.contains(target);
    if (!this.pair || event.ctrlKey || event.metaKey || event.altKey || !(inside || target === document.body) || !this.getClientRects().length) return;
    if (target.matches?.("select, textarea, [contenteditable]") || (key === " " && target.matches?.("button, summary"))) return;
    const arrow = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key];
    const what = { " ": "play", ",": "back", ".": "on", l: "loop", m: "sound", z: "zoom", f: "full" }[key.toLowerCase()];
    if (arrow && event.shiftKey && this.zoom > 1) this.move(...arrow.map((each) => each * STEP_PX));
    else if (what) this.run(what);
    else return;
    event.preventDefault();
  }

  /** Autoplay when first visible, unless the user prefers reduced motion; pause when out of sight. */
  watch() {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.sight?.disconnect();
    this.sight = new IntersectionObserver(([{ isIntersecting }]) => {
      if (!isIntersecting && this.pair.playing) this.pair.pause();
      if (!isIntersecting || still || this.begun) return;
      this.begun = true;
      this.pair.seek(0).then(() => this.pair.play());
    });
    this.sight.observe(this);
  }
}
customElements.define("reshoot-wipe", Wipe);
