// <reshoot-reference most="4" heading noun about>: adds, shows, orders and removes pictures, such as those that results take
// after. Its value is a list of the digests under which the server stores them. Where one is taken, another one replaces it.
import { ask, bytesText, draw, html } from "./shared.js";

const ON_ITS_WAY = "on its way", KINDS = "image/png,image/jpeg,image/webp,image/tiff,image/bmp", MOST = 4;

class Reference extends HTMLElement {
  static observedAttributes = ["most"];

  connectedCallback() {
    if (this.inside) return;
    this.classList.add("studio", "reference");
    this.kept = []; // {digest, name, width, height} each; only the digest if it came with settings
    this.sending = null; // {name, stop}
    this.problem = "";
    draw(this, frame(this));
    this.inside = this.querySelector(".inside");
    this.addEventListener("toggle", ({ target }) => (this.isOpen = target.open), true); // it stays open when one is taken
    this.addEventListener("error", ({ target }) => target.localName === "img" && this.#missing(target.dataset.digest), true);
    this.#listen();
    this.#draw();
  }

  attributeChangedCallback(_, before, now) {
    if (this.inside && before !== now) this.#draw();
  }

  get value() {
    return [...(this.kept ?? []).map(({ digest }) => digest), ...(this.sending ? [ON_ITS_WAY] : [])].slice(0, MOST);
  }

  /** How many pictures the chosen engine takes. */
  get #most() {
    return Number(this.getAttribute("most") ?? 1);
  }

  /** What a picture is called here. */
  get #noun() {
    return this.getAttribute("noun") ?? "picture";
  }

  /** Show pictures that the server stores already, or none, when the server fills the form. */
  take(digests) {
    const wanted = digests.filter(Boolean);
    if (wanted.join() === this.value.join()) return;
    this.sending?.stop.abort();
    const kept = wanted.filter((digest) => digest !== ON_ITS_WAY).map((digest) => this.kept.find((each) => each.digest === digest) ?? { digest, name: "" });
    Object.assign(this, { sending: null, problem: "", kept });
    this.#draw();
  }

  /** Pictures that come along: {name, about, url} each. */
  get #styles() {
    return JSON.parse(this.getAttribute("styles") || "[]");
  }

  /** Take one of the pictures that come along, as if it had been uploaded. */
  async #takeStyle(wanted) {
    const { name, url } = this.#styles.find((each) => each.name === wanted);
    const answer = await fetch(url);
    if (answer.ok) return this.#send(new File([await answer.blob()], `${name}.jpg`));
    this.problem = `The style picture ${name} could not be read.`;
    this.#changed("");
  }

  #listen() {
    const input = this.querySelector("input"), zone = this.querySelector(".zone");
    input.addEventListener("change", (event) => {
      event.stopPropagation(); // the element's own `change` is about its value
      this.#sendAll([...input.files]);
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
      this.#sendAll([...event.dataTransfer.files]);
    });
    this.addEventListener("click", (event) => {
      const { do: what, digest, style } = event.target.closest("button[data-do]")?.dataset ?? {};
      if (what === "choose") input.click();
      else if (what === "style") this.#takeStyle(style);
      else if (what === "stop") this.#stop();
      else if (what === "remove") this.#remove(digest);
      else if (what === "earlier") this.#earlier(digest);
    });
  }

  /** Send pictures one after the other: as many as the engine takes. */
  async #sendAll(files) {
    for (const file of files.slice(0, Math.max(1, this.#most - this.kept.length))) if (!(await this.#send(file))) break;
  }

  /** Upload a picture; one that it replaces stays until the server has stored it. Returns whether it is stored. */
  async #send(file) {
    this.sending?.stop.abort();
    const mine = (this.sending = { name: file.name, stop: new AbortController() });
    this.problem = "";
    this.#changed(`${file.name} is being sent.`);
    const most = Number(this.getAttribute("most-bytes"));
    try {
      if (file.size > most) throw new Error(`It has ${bytesText(file.size)}; ${bytesText(most)} are the most.`);
      const told = await ask("references", { method: "POST", body: file, signal: mine.stop.signal });
      if (this.sending !== mine) return false;
      const others = this.kept.filter(({ digest }) => digest !== told.digest), at = Math.min(others.length, this.#most - 1);
      this.kept = others.toSpliced(at, others.length < this.#most ? 0 : 1, { ...told, name: file.name });
    } catch (error) {
      if (this.sending !== mine) return false; // removed, or another one was chosen
      this.problem = `${file.name}: ${error.message}`;
    }
    this.sending = null;
    this.#changed(this.problem ? "" : `${file.name} is a ${this.#noun}.`);
    return !this.problem;
  }

  #stop() {
    this.sending?.stop.abort();
    Object.assign(this, { sending: null, problem: "" });
    this.#changed("Stopped.");
    this.querySelector("[data-do=choose]").focus();
  }

  #remove(gone) {
    Object.assign(this, { kept: this.kept.filter(({ digest }) => digest !== gone), problem: "" });
    this.#changed(this.kept.length ? "Removed." : `There is no ${this.#noun}.`);
    this.querySelector("[data-do=choose], [data-do=remove]").focus();
  }

  /** Let a picture change places with the one before it. */
  #earlier(digest) {
    const at = this.kept.findIndex((each) => each.digest === digest);
    this.kept.splice(at - 1, 2, this.kept[at], this.kept[at - 1]);
    this.#changed(`It is number ${at} now.`);
    this.querySelector(`[data-do=earlier][data-digest="${digest}"], [data-do=remove][data-digest="${digest}"]`).focus();
  }

  /** A picture that does not load: the server no longer has it, or is away for now. */
  async #missing(digest) {
    const gone = await ask(`references/${digest}`).then(() => false, ({ status }) => status === 404);
    if (!gone || !this.kept.some((each) => each.digest === digest)) return;
    Object.assign(this, { kept: this.kept.filter((each) => each.digest !== digest), problem: "The picture is not there any more. Add it again." });
    this.#changed("");
  }

  #changed(said) {
    this.querySelector(".said").textContent = said;
    this.#draw();
    this.dispatchEvent(new CustomEvent("change", { bubbles: true, detail: this.value }));
  }

  #draw() {
    const { kept, sending, problem } = this, most = this.#most, isOne = most === 1;
    const title = kept.length && isOne ? "Choose another picture" : kept.length ? "Add a picture" : "Choose a picture";
    this.querySelector("input").multiple = !isOne;
    draw(this.inside, html`${kept.length > 0 && html`<ol>${kept.map((each, at) => picture(each, at, most, kept.length, this.#noun))}</ol>`}
      ${sending && html`<p class="small"><span class="chip busy">Sending</span> <span class="name">${sending.name}</span></p>`}
      ${problem && html`<p class="alert small" role="alert">${problem}</p>`}
      <div class="row">
        ${(isOne || kept.length < most) && html`<button type="button" class="button small" data-do="choose">${title}</button>`}
        ${sending && html`<button type="button" class="button small" data-do="stop">Stop</button>`}
        ${!kept.length && !sending && html`<span class="quiet small">or drop ${isOne ? "one" : `up to ${most}`} here</span>`}
        ${!isOne && kept.length >= most && html`<span class="quiet small">${most} are the most.</span>`}
      </div>
      ${this.#styles.length > 0 && (isOne || kept.length < most) && html`<details ${this.isOpen ? html`open` : ""}><summary class="small">Pictures that come along</summary>
        <div class="styles">${this.#styles.map(({ name, about, url }) => html`<button type="button" class="style" data-do="style" data-style="${name}" title="${about}">
          <img src="${url}" alt="" width="64" height="64" loading="lazy"><span class="small">${name}</span></button>`)}</div></details>`}`);
  }
}

const frame = (element) => html`<div class="zone" role="group" aria-labelledby="reference-title" aria-describedby="reference-help">
    <p class="title" id="reference-title">${element.getAttribute("heading")}</p>
    <p class="quiet small" id="reference-help">${element.getAttribute("about")} PNG, JPEG, WebP, TIFF or BMP.</p>
    <div class="inside"></div>
    <input type="file" hidden aria-label="${element.getAttribute("heading")}" accept="${KINDS}">
  </div>
  <p class="said hidden" role="status" aria-live="polite"></p>`;

function picture({ digest, name, width, height }, at, most, count, noun) {
  const called = name || (count > 1 ? `picture ${at + 1}` : "the picture");
  const about = html`data-digest="${digest}"`;
  return html`<li class="kept${at < most ? "" : " unused"}" data-key="${digest}">
    <img src="/studio/references/${digest}" ${about} alt="${name ? `The ${noun} ${name}` : `The ${noun}`}">
    <div class="small"><p><span class="name">${name || "The picture of these settings"}</span>
      ${width && html`<span class="quiet number">${width} × ${height}</span>`}</p>
      ${at >= most && html`<p class="quiet">Not used: this engine takes ${most}.</p>`}
      <div class="row">${at > 0 && html`<button type="button" class="button small" data-do="earlier" ${about} aria-label="${`Move ${called} before the one above`}">
          <span aria-hidden="true">↑</span></button>`}
        <button type="button" class="button small" data-do="remove" ${about}>Remove picture${count > 1 && html`<span class="hidden"> ${at + 1}</span>`}</button></div></div>
  </li>`;
}

customElements.define("reshoot-reference", Reference);
