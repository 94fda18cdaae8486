// <reshoot-film-picture>: the film at the play head, and what moves it. The newest moment wins, and the last picture stays until
// the next one is there. While it plays, the clip itself is seen, as the film is cut, with its subtitles.
import { Player, subtitleAt } from "./film-play.js";
import { clockText } from "./film-time.js";
import { shortWhy } from "./film-words.js";
import { ask, draw, html } from "./shared.js";

const REST_MS = 80, LONG_MS = 700, OVERTAKEN = 409, YIELD_MS = 1500, MOST_YIELDED = 5, MOST_KEPT = 60, MOST_CHARACTERS = 400000;

class FilmPicture extends HTMLElement {
  connectedCallback() {
    if (this.kept) return;
    Object.assign(this, { kept: new Map(), isBefore: false, problem: "" });
    this.innerHTML = `<div class="screen"><video playsinline preload="metadata" hidden aria-label="The clip, as the film is cut"></video>
      <p class="words" hidden></p><div class="still"></div></div><div class="below"></div>`;
    [this.screen, this.below] = this.children;
    [this.video, this.words, this.still] = this.screen.children;
    this.addEventListener("click", ({ target }) => this.#do(target.closest("[data-do]")?.dataset.do));
  }

  disconnectedCallback() {
    this.pause();
    this.#forget();
  }

  #forget() {
    this.asking?.abort();
    clearTimeout(this.resting);
    clearTimeout(this.later?.timer);
    this.asking = this.resting = this.later = null;
  }

  /** Follow a film; `heard` are the listeners of the one before it. */
  show(store) {
    this.pause();
    this.#forget();
    this.heard?.abort();
    this.heard = new AbortController();
    Object.assign(this, { store, told: null, problem: "", player: new Player(this.video, store, () => this.#follow()) });
    this.kept.clear();
    if (store.watch) this.video.src = store.watch;
    else this.video.removeAttribute("src");
    for (const kind of ["changed", "moved"]) store.addEventListener(kind, () => this.#follow(), { signal: this.heard.signal });
    store.addEventListener("saved", () => this.failed && this.#follow(true), { signal: this.heard.signal }); // what was too long to send is kept by now
    this.#follow();
  }

  #do(what) {
    const { store } = this;
    if (what === "play") this.toggle();
    else if (what === "back" || what === "on") this.step(what === "on" ? 1 : -1);
    else if (what === "again") this.#follow(true);
    else if (what === "compare") {
      this.isBefore = !this.isBefore;
      this.#draw();
    } else if (what === "start") store.seek(store.time.clipTime(0));
  }

  /** Go on by frames of the film. */
  step(frames) {
    const { time, at_s } = this.store;
    this.store.seek(time.clipTime(Math.min(time.frames - 1, Math.max(0, time.frameAt(at_s) + frames))));
  }

  toggle() {
    this.player.toggle();
  }

  pause() {
    this.player?.pause();
  }

  /** What is to be shown now. */
  #wanted() {
    const { plan, time, at_s, clip } = this.store, index = Math.min(time.frames - 1, time.frameAt(at_s));
    if (this.plan !== plan) Object.assign(this, { plan, planNumber: (this.planNumber ?? 0) + 1 });
    return { key: `${clip.id} ${this.planNumber} ${index}`, at: time.share(at_s) };
  }

  #follow(again = false) {
    const wanted = this.#wanted(), { isPlaying } = this.player;
    if (isPlaying) this.asking?.abort();
    else if (this.kept.has(wanted.key)) {
      this.told = this.kept.get(wanted.key);
      this.problem = "";
    } else if (wanted.key !== this.later?.key && (wanted.key !== this.failed || again)) {
      this.failed = null;
      if (performance.now() - this.since > LONG_MS) this.asking?.abort(); // otherwise the next one is asked for when it is there
      this.resting ??= setTimeout(() => this.#ask(), REST_MS);
    }
    this.#draw();
  }

  async #ask() {
    this.resting = null;
    const wanted = this.#wanted();
    if (this.player.isPlaying || this.kept.has(wanted.key) || (this.asking && !this.asking.signal.aborted)) return;
    const { clip, planText } = this.store;
    if (planText.length > MOST_CHARACTERS) {
      this.failed = wanted.key; // until the server keeps its subtitles
      return;
    }
    const asking = (this.asking = new AbortController());
    this.since = performance.now();
    this.#draw();
    try {
      const json = { kind: "finish", settings: { "film.plan": planText }, at: wanted.at };
      const told = await ask(`clips/${clip.id}/look`, { method: "POST", json, signal: asking.signal });
      await Promise.all([told.before, told.after].map(loaded));
      this.kept.set(wanted.key, told);
      for (const old of [...this.kept.keys()].slice(0, Math.max(0, this.kept.size - MOST_KEPT))) this.kept.delete(old);
      if (this.asking === asking) Object.assign(this, { told, problem: "", yielded: 0 });
    } catch (error) {
      if (error.name !== "AbortError" && this.asking === asking) this.#failed(error, wanted.key);
    }
    if (this.asking !== asking) return;
    this.asking = null;
    this.#follow();
  }

  /** Tell what is wrong; but where another window of this browser was shown its moment first, ask again, ever later. */
  #failed({ status, message }, key) {
    if (status !== OVERTAKEN || this.yielded >= MOST_YIELDED) Object.assign(this, { problem: message, failed: key, yielded: 0 });
    else {
      this.yielded = (this.yielded ?? 0) + 1;
      const timer = setTimeout(() => {
        this.later = null;
        this.#follow();
      }, YIELD_MS * this.yielded * (1 + Math.random()));
      this.later = { key, timer };
    }
  }

  #draw() {
    const { store, told, problem, isBefore } = this, { time, at_s } = store, { isPlaying, hasVideo } = this.player, isCut = time.isCut(at_s), isMoving = isPlaying && hasVideo;
    const isNow = told && told === this.kept.get(this.#wanted().key), film_s = time.frameAt(at_s) / time.rate;
    const ratio = store.clip.facts.width / store.clip.facts.height;
    this.setAttribute("aria-busy", String(Boolean(this.asking)));
    this.screen.style.setProperty("--ratio", ratio);
    this.screen.classList.toggle("old", !isNow && !isPlaying);
    this.video.hidden = !isMoving;
    this.words.textContent = isMoving ? subtitleAt(store, at_s) : "";
    this.words.hidden = !this.words.textContent;
    const shown = told && (isBefore ? { url: told.before, alt: "The clip at the play head" } : { url: told.after, alt: "The film at the play head" });
    draw(this.still, html`${isMoving ? "" : shown ? html`<img src="${shown.url}" width="${told.width}" height="${told.height}" alt="${shown.alt}">`
        : store.clip.poster && html`<img src="${store.clip.poster}" alt="" class="poster">`}
      ${isMoving ? html`<span class="tag">Plays as it is cut</span>` : isBefore && html`<span class="tag">Before</span>`}
      ${isCut && !isPlaying && html`<span class="tag cut">Cut: ${shortWhy(this.#why())}</span>`}`);
    draw(this.below, html`<div class="row transport">
        <button type="button" class="button small" data-do="start" aria-label="To the beginning"><span aria-hidden="true">|◂</span></button>
        <button type="button" class="button small" data-do="back" aria-label="One frame back"><span aria-hidden="true">◂</span></button>
        <button type="button" class="button small play" data-do="play" aria-pressed="${isPlaying ? "true" : "false"}">${isPlaying ? "Pause" : "Play"}</button>
        <button type="button" class="button small" data-do="on" aria-label="One frame on"><span aria-hidden="true">▸</span></button>
        <button type="button" class="button small" data-do="compare" aria-pressed="${isBefore ? "true" : "false"}">Before</button>
        <span class="number when"><b>${clockText(film_s)}</b> <span class="quiet small">of ${clockText(time.film_s)} · in the clip ${clockText(at_s)}</span></span>
      </div>
      ${problem && html`<p class="alert small" role="alert">${problem} <button type="button" class="button small" data-do="again">Try again</button></p>`}
      ${isNow && told.events.length > 0 && html`<div class="small events">${told.events.map((each) => html`<p class="quiet">${each}</p>`)}</div>`}`);
  }

  /** Why the moment at the play head is cut. */
  #why() {
    const { plan, at_s } = this.store, found = (plan.cut ?? []).filter(({ from_s, to_s }) => from_s <= at_s + 1e-3 && at_s < to_s);
    return (found.find(({ why }) => why !== "silence") ?? found[0])?.why;
  }
}

async function loaded(url) {
  const picture = new Image();
  picture.src = url;
  await picture.decode().catch(() => {}); // what does not arrive is seen to be missing
}

customElements.define("reshoot-film-picture", FilmPicture);
