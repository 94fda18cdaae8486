// <reshoot-reference>: adds, shows and removes the reference picture, from which results take their colours. Its value is
// the digest under which the server stores the picture; "" for none.
import { ask, bytesText, draw, html } from "./shared.js";

const ON_ITS_WAY = "on its way", KINDS = "image/png,image/jpeg,image/webp,image/tiff,image/bmp";

class Reference extends HTMLElement {
  connectedCallback() {
    if (this.inside) return;
    this.classList.add("studio", "reference");
    this.kept = null; // {digest, name, width, height}; only the digest if it came with settings
    this.sending = null; // {name, stop}
    this.problem = "";
    draw(this, frame());
    this.inside = this.querySelector(".inside");
    this.addEventListener("error", ({ target }) => target.localName === "img" && this.#missing(this.kept), true);
    this.#listen();
    this.#draw();
  }

  get value() {
    return this.sending ? ON_ITS_WAY : (this.kept?.digest ?? "");
  }

  /** Show a picture that the server stores already, or none, when the server fills the form. */
  take(digest) {
    if ((digest ?? "") === this.value) return;
    this.sending?.stop.abort();
    Object.assign(this, { sending: null, problem: "", kept: digest ? { digest, name: "" } : null });
    this.#draw();
  }

  #listen() {
    const input = this.querySelector("input"), zone = this.querySelector(".zone");
    input.addEventListener("change", (event) => {
      event.stopPropagation(); // the element's own `change` is about its value
      if (input.files[0]) this.#send(input.files[0]);
      input.value = "";
    });
    const over = (is) => zone.classList.toggle("over", is);
    zone.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // otherwise the file would be added to the clips
      over(true);
    });
    zone.addEventListener("dragleave", (event) => zone.contains(event.relatedTarget) || over(false));
    zone.addEventListener("drop", (event) => {
      over(false);
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      this.#send(event.dataTransfer.files[0]);
    });
    this.addEventListener("click", (event) => {
      const what = event.target.closest("button[data-do]")?.dataset.do;
      if (what === "choose") input.click();
      else if (what === "remove") this.#remove();
    });
  }

  /** Upload a picture; the previous one stays until the server has stored it. */
  async #send(file) {
    this.sending?.stop.abort();
    const mine = (this.sending = { name: file.name, stop: new AbortController() });
    this.problem = "";
    this.#changed(`${file.name} is being sent.`);
    const most = Number(this.getAttribute("most-bytes"));
    try {
      if (file.size > most) throw new Error(`It has ${bytesText(file.size)}; ${bytesText(most)} are the most.`);
      const told = await ask("references", { method: "POST", body: file, signal: mine.stop.signal });
      if (this.sending !== mine) return;
      this.kept = { ...told, name: file.name };
    } catch (error) {
      if (this.sending !== mine) return; // removed, or another one was chosen
      this.problem = `${file.name}: ${error.message}`;
    }
    this.sending = null;
    this.#changed(this.problem ? "" : `${file.name} is the reference picture.`);
  }

  #remove() {
    this.sending?.stop.abort();
    if (!this.sending) this.kept = null; // stopping an upload keeps the previous picture
    Object.assign(this, { sending: null, problem: "" });
    this.#changed(this.kept ? "Stopped." : "There is no reference picture.");
    this.querySelector("[data-do=choose]").focus();
  }

  /** A picture that does not load: the server no longer has it, or is away for now. */
  async #missing(kept) {
    const gone = await ask(`references/${kept.digest}`).then(() => false, ({ status }) => status === 404);
    if (!gone || this.kept !== kept) return;
    Object.assign(this, { kept: null, problem: "The picture is not there any more. Add it again." });
    this.#changed("");
  }

  #changed(said) {
    this.querySelector(".said").textContent = said;
    this.#draw();
    this.dispatchEvent(new CustomEvent("change", { bubbles: true, detail: this.value }));
  }

  #draw() {
    const { kept, sending, problem } = this;
    draw(this.inside, html`${kept && picture(kept)}
      ${sending && html`<p class="small"><span class="chip busy">Sending</span> <span class="name">${sending.name}</span></p>`}
      ${problem && html`<p class="alert small" role="alert">${problem}</p>`}
      <div class="row">
        <button type="button" class="button small" data-do="choose">${kept ? "Choose another picture" : "Choose a picture"}</button>
        ${(kept || sending) && html`<button type="button" class="button small" data-do="remove">${sending ? "Stop" : "Remove picture"}</button>`}
        ${!kept && !sending && html`<span class="quiet small">or drop one here</span>`}
      </div>`);
  }
}

const frame = () => html`<div class="zone" role="group" aria-labelledby="reference-title" aria-describedby="reference-help">
    <p class="title" id="reference-title">Reference picture (optional)</p>
    <p class="quiet small" id="reference-help">The result takes on its colours, contrast and texture. PNG, JPEG, WebP, TIFF or BMP.</p>
    <div class="inside"></div>
    <input type="file" hidden aria-label="Reference picture" accept="${KINDS}">
  </div>
  <p class="said hidden" role="status" aria-live="polite"></p>`;

const picture = ({ digest, name, width, height }) => html`<div class="kept" data-key="${digest}">
    <img src="/studio/references/${digest}" alt="${name ? `The reference picture ${name}` : "The reference picture"}">
    <p class="small"><span class="name">${name || "The picture of these settings"}</span>
      ${width && html`<span class="quiet number">${width} × ${height}</span>`}</p>
  </div>`;

customElements.define("reshoot-reference", Reference);
