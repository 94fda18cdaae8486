// <reshoot-film>: the Finish tab. A clip is chosen and looked into, its film is edited, and finished as a job.
import "./film-line.js";
import "./film-panel.js";
import "./film-picture.js";
import "./film-start.js";
import "./film-text.js";
import { head } from "./film-head.js";
import { Saving, unsaved } from "./film-saving.js";
import { FilmStore, fileOf, nameFile } from "./film-store.js";
import { ask, draw, html, openTab, remember, remembered, tell } from "./shared.js";

const CLIPS = "reshoot.clips", OWN = "reshoot.film.clips", LAST = "reshoot.film.clip", ADOPT = "reshoot.film.again", MOST_OWN = 30;

class FilmTab extends HTMLElement {
  connectedCallback() {
    if (this.isReady) return;
    this.isReady = true;
    this.crf = 18;
    this.#frame();
    this.addEventListener("change", ({ target }) => this.#typed(target));
    this.addEventListener("click", ({ target }) => this.#do(target.closest("[data-do]")?.dataset.do));
    document.addEventListener("keydown", (event) => (this.contains(event.target) || event.target === document.body) && this.checkVisibility() && this.#pressed(event));
    this.start.addEventListener("asking", ({ detail }) => { detail.changes = this.saving.now().then(() => this.saving.settings["given.changes"]); });
    this.start.addEventListener("begun", ({ detail }) => this.#begun(detail.job));
    this.start.addEventListener("found", () => this.#found());
    this.start.addEventListener("failed", ({ detail }) => this.#failed(detail.job));
    this.start.addEventListener("back", () => this.#edit());
    this.line.addEventListener("added", ({ detail }) => detail.row === this.store?.chosen?.row && this.panel.lead());
    window.addEventListener("reshoot:film", ({ detail }) => this.#wanted(detail));
    document.addEventListener("change", ({ target }) => target.localName === "reshoot-clips" && this.#list());
    this.seen = new IntersectionObserver(([entry]) => (entry.isIntersecting ? this.#list() : this.checkVisibility() || this.picture.pause()));
    this.seen.observe(this);
    this.#list();
  }

  disconnectedCallback() {
    this.seen?.disconnect();
  }

  #frame() {
    draw(this, html`<div class="top" data-key="top"></div><reshoot-film-start data-key="start" data-own hidden></reshoot-film-start>
      <div class="editor" data-key="editor" hidden><section class="card" aria-label="Preview"><reshoot-film-picture data-own></reshoot-film-picture></section>
        <section class="card said-card" aria-label="Words"><reshoot-film-text data-own></reshoot-film-text><p class="quiet small nothing" hidden></p></section>
        <section class="card line-card" aria-label="Timeline"><reshoot-film-line data-own></reshoot-film-line></section>
        <section class="card panel-card" aria-label="What is chosen"><reshoot-film-panel data-own></reshoot-film-panel></section></div>`);
    for (const each of ["start", "picture", "text", "line", "panel"]) this[each] = this.querySelector(`reshoot-film-${each}`);
    [this.head, this.editor] = [this.querySelector(".top"), this.querySelector(".editor")];
  }

  /** The clips of the Create tab, and those whose film was edited here; nothing is asked for while the tab is not seen. */
  #list() {
    if (!this.checkVisibility()) return;
    const listed = document.querySelector("reshoot-clips")?.value ?? [], own = remembered(OWN, []);
    const all = new Map([...own, ...remembered(CLIPS, []), ...listed].map(({ id, title }) => [id, { id, title }]));
    this.clips = [...all.values()];
    const wanted = this.clip?.id ?? remembered(LAST, null), known = all.has(wanted) ? wanted : this.clips[0]?.id;
    if (known && known !== this.clip?.id && known !== this.opening) this.#open(known);
    else this.#drawHead();
  }

  /** Take a clip into the tab and open it. */
  #wanted({ id, title }) {
    this.#own({ id, title });
    remember(LAST, id);
    this.clips = [...(this.clips ?? []).filter((each) => each.id !== id), { id, title }];
    if (this.clip?.id !== id) this.#open(id);
  }

  #own({ id, title }) {
    remember(OWN, [...remembered(OWN, []).filter((each) => each.id !== id), { id, title }].slice(-MOST_OWN));
  }

  /** Open a clip: its film, the analysis that runs, or the offer of one. */
  async #open(id) {
    this.opening = id;
    await this.saving?.now();
    Object.assign(this, { clip: null, store: null, saving: null, told: null, problem: "" });
    this.editor.hidden = this.start.hidden = true;
    this.#drawHead();
    try {
      const clip = await this.#looked(id), told = clip && (await ask(`clips/${id}/film`));
      if (!clip || this.opening !== id) return;
      Object.assign(this, { clip, told, opening: null });
      remember(LAST, id);
      this.#show();
    } catch (error) {
      if (this.opening !== id) return;
      this.opening = null;
      if (error.status === 404) this.#forget(id);
      else this.problem = error.message;
    }
    this.#drawHead();
  }

  /** A clip with its facts, once the server has looked at it. */
  async #looked(id) {
    while (this.opening === id) {
      const told = await ask(`clips/${id}`);
      if (told.facts) return told;
      if (told.state !== "looking") throw new Error(`${told.problem} ${told.remedy}`);
      await new Promise((done) => setTimeout(done, 500));
    }
    return null;
  }

  #forget(id) {
    remember(OWN, remembered(OWN, []).filter((each) => each.id !== id));
    this.clips = this.clips.filter((each) => each.id !== id);
    if (this.clips.length) this.#open(this.clips[0].id);
  }

  #show() {
    const { told, clip } = this, isKnown = Boolean(told.known && (told.plan || told.draft));
    this.saving = new Saving(clip.id, told, () => ({ plan: this.store?.plan ?? null, changes: this.store?.changes ?? told.changes }), (saving) => this.#saved(saving));
    if (told.plan || isKnown) this.#edit();
    if (told.analysis && !told.known) this.#showStart(told.analysis);
    else if (!told.plan && !isKnown) this.#showStart(null);
  }

  #saved({ step, plan, settings }) {
    if (step === "saved") this.store?.keep(plan, settings["film.plan"]);
    this.#drawHead();
  }

  #showStart(job) {
    this.editor.hidden = true;
    this.start.hidden = false;
    this.start.show(this.clip, { job, again: Boolean(this.store), before: this.saving.analysis });
    this.#drawHead();
  }

  /** Show the film; what was not saved when the page was left is taken up again. */
  #edit() {
    this.start.hidden = true;
    this.editor.hidden = false;
    if (!this.store) this.#takeUp();
    this.#drawHead();
  }

  #takeUp() {
    const { told, clip } = this, left = unsaved(clip.id), isMine = left?.version === told.version && left?.plan;
    this.store = new FilmStore(clip, isMine ? { ...told, plan: left.plan, changes: left.changes ?? told.changes } : told);
    if (left && !isMine) {
      this.saving.drop();
      if (left.plan) tell("This film was saved elsewhere meanwhile; that is shown.");
    }
    this.store.keep(told.plan, told.settings?.["film.plan"]);
    for (const each of [this.picture, this.text, this.line, this.panel]) each.show(this.store);
    for (const kind of ["changed", "chosen"]) this.store.addEventListener(kind, () => this.#changed(kind));
    this.#own(clip);
    this.#nameClips();
    const nothing = this.querySelector(".nothing"), hasWords = this.store.words.length > 0;
    nothing.hidden = hasWords;
    nothing.textContent = hasWords ? "" : "What is said is not written down. Look into it again with a transcript, or fetch a model for speech on the Dashboard.";
    if (isMine || !told.plan) this.saving.soon();
    else if (told.draft && remembered(ADOPT, {})[clip.id]?.job === told.analysis) this.#adopt(told);
  }

  /** Find out what clips of b-roll are called that were chosen in another browser. */
  async #nameClips() {
    const { store } = this, unnamed = (store.plan.broll ?? []).map(({ file }) => file).filter((file) => !fileOf(file));
    for (const digest of new Set(unnamed)) {
      const told = await ask(`clips/${digest}`).catch(() => null);
      if (told) nameFile({ digest, name: told.title, seconds: told.facts?.seconds });
    }
    if (unnamed.length && this.store === store) this.line.show(store);
  }

  #changed(kind) {
    if (kind === "changed") this.saving.soon();
    this.#drawHead();
  }

  async #begun(job) {
    if (this.store) remember(ADOPT, { ...remembered(ADOPT, {}), [this.clip.id]: { job, before: this.saving.analysis } });
    this.saving.analysis = job;
    this.saving.soon();
    await this.saving.now();
  }

  /** The analysis is done: its film is shown, or taken into the one that is edited. */
  async #found() {
    const { clip } = this;
    try {
      const told = await ask(`clips/${clip.id}/film`);
      if (this.clip !== clip) return;
      this.told = told;
      this.saving.version = told.version;
      if (this.store) this.#adopt(told);
      this.#edit();
    } catch (error) {
      tell(error.message, "bad");
    }
  }

  #adopt(told) {
    this.#forgetAgain();
    this.store.take(told);
  }

  /** A new analysis came to nothing: the film stays with what was found before. */
  #failed(job) {
    const again = this.clip && remembered(ADOPT, {})[this.clip.id];
    if (again?.job !== job) return;
    this.#forgetAgain();
    this.saving.analysis = again.before;
    this.saving.soon();
  }

  #forgetAgain() {
    const { [this.clip.id]: _, ...rest } = remembered(ADOPT, {});
    remember(ADOPT, rest);
  }

  #typed(target) {
    if (target.matches(".which select")) this.#open(target.value);
    else if (target.matches(".quality select")) this.crf = Number(target.value);
  }

  async #do(what) {
    const { store, saving } = this;
    if (what === "undo") store.undo();
    else if (what === "redo") store.redo();
    else if (what === "again") this.#showStart(null);
    else if (what === "create") openTab("create");
    else if (what === "finish") this.#finish();
    else if (what === "retry") this.#list();
    else if (what === "over") await saving.over().catch((error) => tell(error.message, "bad"));
    else if (what === "theirs") {
      saving.drop();
      this.saving = null;
      this.#open(this.clip.id);
    }
  }

  #pressed(event) {
    const { key, target } = event, isTyping = target.closest("input:not([type=checkbox]), textarea, select");
    if (!this.store || this.editor.hidden || isTyping) return;
    if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "z") event.shiftKey ? this.store.redo() : this.store.undo();
    else if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "y") this.store.redo();
    else if (key === " " && !target.closest(".top button, .transport button, .acts button, .tools button, .title, .add, summary, reshoot-film-panel, [type=checkbox]")) this.picture.toggle();
    else return;
    event.preventDefault();
  }

  /** Submit the film as a job. */
  async #finish() {
    if (this.isSending) return;
    this.isSending = true;
    this.#drawHead();
    try {
      this.picture.pause();
      if (!(await this.saving.now())) throw new Error(`The film is not saved. ${this.saving.problem}`);
      const settings = { "film.plan": this.saving.settings["film.plan"], "encode.crf": this.crf };
      const { jobs } = await ask("jobs", { method: "POST", json: { kind: "finish", clips: [this.clip.id], settings } });
      window.dispatchEvent(new CustomEvent("reshoot:submitted", { detail: { jobs, keeps: true } }));
    } catch (error) {
      tell(error.message, "bad");
    }
    this.isSending = false;
    this.#drawHead();
  }

  #drawHead() {
    const { clips, clip, store, saving, problem, isSending } = this;
    draw(this.head, head({ clips, opening: !clip && this.opening, store: this.editor.hidden ? null : store, saving, problem, isSending }));
    const chosen = this.head.querySelector(".which select"), quality = this.head.querySelector(".quality select");
    if (chosen) chosen.value = clip?.id ?? this.opening ?? "";
    if (quality) quality.value = this.crf;
  }
}

customElements.define("reshoot-film", FilmTab);
