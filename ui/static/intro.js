// <reshoot-intro>: what the program does, as a loop before and after, until there is a clip (intro.css hides it then).
import { ask, draw, html, whileSeen } from "./shared.js";

const AGAIN_S = 5, NEVER_S = 3600;

class Intro extends HTMLElement {
  connectedCallback() {
    if (this.seen) return;
    this.classList.add("studio");
    this.#render(null);
    this.seen = whileSeen(() => this.#look());
  }

  /** Ask whether the loop is made; a new home makes it in the background. */
  async #look() {
    if (this.querySelector("video")) return NEVER_S;
    const { url } = await ask("clips/example/loop").catch(() => ({ url: null }));
    if (url) this.#render(url);
    return url ? NEVER_S : AGAIN_S;
  }

  #render(url) {
    draw(this, html`<section class="card stack" aria-label="What Reshoot does">
      ${url && html`<div class="loop" data-key="loop"><video src="${url}" muted loop playsinline preload="auto" width="640" height="360"
        aria-label="The example clip: before, and to the right of the divider after"></video>
        <span class="name left" aria-hidden="true">Before</span><span class="name right" aria-hidden="true">After</span></div>`}
      <p class="quiet">The person gets another look, or the background, or both. The camera moves as you moved it, feet stay
        where they stand, and the new look does not flicker.</p></section>`);
    const video = this.querySelector("video");
    if (video) this.#play(video);
  }

  /** Play while it is on screen; who wants less motion on screens starts it themselves. */
  #play(video) {
    video.muted = true; // as a property too: browsers let only silent videos start by themselves
    video.controls = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (video.controls) return;
    new IntersectionObserver(([{ isIntersecting }]) => (isIntersecting ? video.play().catch(() => {}) : video.pause())).observe(video);
  }
}
customElements.define("reshoot-intro", Intro);
