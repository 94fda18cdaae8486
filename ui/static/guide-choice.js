// <reshoot-guide>: adds, shows and removes a second clip, which its noun names: a guide that leads a model, or the background of
// an alignment. Its value is the digest under which the server stores it, or null.
import { ON_ITS_WAY } from "./clip-own.js";
import { ask, draw, html } from "./shared.js";
import { Upload } from "./upload.js";

const KINDS = "video/*,.mkv,.mov";
const capital = (text) => text[0].toUpperCase() + text.slice(1);

class Guide extends HTMLElement {
  connectedCallback() {
    if (this.inside) return;
    this.classList.add("studio", "reference");
    draw(this, html`<div class="inside"></div><input type="file" hidden aria-label="${capital(this.noun)}" accept="${KINDS}"><p class="said hidden" role="status" aria-live="polite"></p>`);
    this.inside = this.querySelector(".inside");
    this.addEventListener("change", (event) => {
      if (event.target === this) return;
      event.stopPropagation(); // the element's own `change` is about its value
      this.#send(event.target.files[0]);
      event.target.value = "";
    });
    this.addEventListener("click", ({ target }) => {
      const what = target.closest("button[data-do]")?.dataset.do;
      if (what === "choose") this.querySelector("input").click();
      else if (what === "remove") {
        this.#set(null, `There is no ${this.noun}.`);
        this.querySelector("[data-do=choose]").focus();
      }
    });
    this.#look();
  }

  get noun() {
    return this.getAttribute("noun") ?? "guide";
  }

  get value() {
    return this.sending ? ON_ITS_WAY : (this.digest ?? null);
  }

  /** Show a clip that the server stores already, or none, when the form is filled. */
  take(digest) {
    if ((digest ?? null) === this.value) return;
    this.sending?.remove();
    Object.assign(this, { sending: null, problem: "", told: null, digest: digest === ON_ITS_WAY ? null : digest });
    this.#look();
  }

  /** Upload a clip; it becomes one like any other, and the server looks at it before it is used. */
  async #send(file) {
    if (!file) return;
    this.sending?.remove();
    const mine = (this.sending = new Upload(file, () => this.#draw()));
    this.problem = "";
    this.#tell(`${file.name} is being uploaded.`);
    await mine.run();
    if (this.sending !== mine) return; // removed, or another one was chosen
    this.sending = null;
    if (mine.clip) this.#set(mine.clip, `${file.name} is the ${this.noun}.`);
    else this.#set(this.digest, "", mine.problem);
  }

  /** Ask what the server knows of the clip, until it has looked at it. */
  async #look() {
    this.#draw();
    const { digest } = this;
    for (let rest_ms = 300; digest && this.digest === digest; rest_ms = Math.min(1.4 * rest_ms, 3000)) {
      const told = await ask(`clips/${digest}`).catch(({ status }) => (status === 404 ? { state: "refused", problem: `The ${this.noun} is not there any more. Add it again.`, remedy: "" } : null));
      if (this.digest !== digest) return;
      if (told?.state === "refused") return this.#set(null, "", `${told.problem} ${told.remedy}`.trim());
      if (told?.state === "ready") {
        this.told = told;
        return this.#draw();
      }
      await new Promise((done) => setTimeout(done, rest_ms));
    }
  }

  #set(digest, said, problem = "") {
    this.sending?.remove();
    const told = digest === this.digest ? this.told : null;
    Object.assign(this, { sending: null, digest, told, problem });
    this.#look();
    this.#tell(said);
  }

  #tell(said) {
    this.querySelector(".said").textContent = said;
    this.#draw();
    this.dispatchEvent(new CustomEvent("change", { bubbles: true }));
  }

  #draw() {
    const { digest, told, sending, problem, noun } = this, isSending = Boolean(sending);
    draw(this.inside, html`${digest && !isSending && html`<div class="kept" data-key="${digest}">
        ${told?.poster && html`<img src="${told.poster}" alt="${`A picture of the ${noun}`}">`}
        <div class="small"><p><span class="name">${told?.title ?? `The ${noun} of these settings`}</span>
          ${told && html`<span class="quiet number">${told.facts.frames} frames, ${told.facts.width} × ${told.facts.height}</span>`}</p></div></div>`}
      ${isSending && html`<p class="small"><span class="chip busy">Sending</span> <span class="name">${sending.file.name}</span></p>`}
      ${problem && html`<p class="alert small" role="alert">${problem}</p>`}
      <div class="row"><button type="button" class="button small" data-do="choose">${`Choose ${digest ? "another" : "a"} ${noun}`}</button>
        ${(digest || isSending) && html`<button type="button" class="button small" data-do="remove">${isSending ? "Stop" : `Remove the ${noun}`}</button>`}</div>`);
  }
}

customElements.define("reshoot-guide", Guide);
