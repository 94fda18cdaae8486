// <reshoot-film-text>: what is said, as text. Words are struck out, put back and corrected; the one at the play head is marked.
import { clockText } from "./film-time.js";
import { corrected, putBack, shortWhy, struck } from "./film-words.js";
import { draw, html } from "./shared.js";

const MANY = 200; // cues, of which only those that are seen are laid out

class FilmText extends HTMLElement {
  connectedCallback() {
    if (this.box) return;
    this.innerHTML = `<div class="said" role="listbox" aria-multiselectable="true" aria-label="What is said" aria-describedby="film-text-help"></div>
      <form class="correction" hidden><label><span class="hidden">Written as</span><input type="text" maxlength="200" autocomplete="off"></label></form>
      <div class="row acts" role="toolbar" aria-label="Chosen words"></div>
      <p class="quiet small" id="film-text-help">Delete strikes chosen words out, or puts them back; Enter corrects one; Shift and an arrow chooses more.</p>`;
    [this.box, this.form, this.acts] = this.children;
    this.field = this.form.querySelector("input");
    this.box.addEventListener("pointerdown", (event) => this.#pressed(event));
    this.box.addEventListener("pointermove", (event) => this.#drawnOver(event));
    this.box.addEventListener("dblclick", ({ target }) => this.#correct(placeOf(target)));
    this.box.addEventListener("click", (event) => this.#clicked(event));
    this.box.addEventListener("keydown", (event) => this.#typed(event));
    this.acts.addEventListener("click", ({ target }) => this.#do(target.closest("[data-do]")?.dataset.do));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#corrected(true);
    });
    this.field.addEventListener("blur", () => this.#corrected(true));
    this.field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.#corrected(false);
    });
  }

  show(store) {
    this.heard?.abort();
    this.heard = new AbortController();
    Object.assign(this, { store, from: null, to: null, known: null, nowAt: -1 });
    store.addEventListener("changed", () => this.#follow(), { signal: this.heard.signal });
    store.addEventListener("moved", () => this.#mark(true), { signal: this.heard.signal });
    this.#follow();
  }

  /** The chosen words, from the first to the last; null if none. */
  get #range() {
    return this.from === null ? null : [Math.min(this.from, this.to), Math.max(this.from, this.to)];
  }

  /** Write all words where they are other ones; otherwise only what became of each. */
  #follow() {
    const { words, known } = this.store;
    this.acts.hidden = this.box.hidden = this.lastElementChild.hidden = !words.length;
    if (this.known !== known) this.#write();
    this.spans.forEach((span, at) => this.#dress(span, words[at], this.store.whys[at], this.store.whys[at + 1]));
    this.#mark(false);
    this.#choose(this.from, this.to);
  }

  #write() {
    const { words, known } = this.store, cues = Map.groupBy(words, ({ cue }) => cue);
    this.known = known;
    this.from = this.to = null;
    this.nowAt = -1;
    this.box.innerHTML = String(html`${[...cues.values()].map(cueMarkup)}`);
    this.box.classList.toggle("many", cues.size > MANY);
    this.spans = [...this.box.querySelectorAll("[data-word]")];
  }

  #dress(span, word, why, next) {
    const isEnd = Boolean(why) && next !== why, state = `${word.text}|${why}|${word.was}|${isEnd}`;
    if (span.state === state) return;
    span.state = state;
    span.textContent = word.text;
    span.classList.toggle("gone", Boolean(why));
    span.classList.toggle("corrected", word.text !== word.was);
    span.toggleAttribute("data-end", isEnd);
    span.dataset.why = why ? shortWhy(why) : "";
    span.title = why ? `Cut: ${why}` : word.text === word.was ? "" : `Understood as “${word.was}”`;
    span.setAttribute("aria-label", [word.text, why && `cut, ${shortWhy(why)}`, word.text !== word.was && `corrected, was ${word.was}`].filter(Boolean).join(", "));
  }

  /** Mark the word at the play head. */
  #mark(isShown) {
    const { words, at_s } = this.store, at_ms = 1000 * (at_s + 0.5 / this.store.time.rate);
    let low = 0, high = words.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (words[middle].start_ms <= at_ms) low = middle + 1;
      else high = middle;
    }
    const now = low && at_ms < Math.max(words[low - 1].end_ms, words[low - 1].start_ms + 200) ? low - 1 : -1;
    if (now === this.nowAt) return;
    this.spans[this.nowAt]?.classList.remove("now");
    this.spans[now]?.classList.add("now");
    this.nowAt = now;
    const box = this.box.getBoundingClientRect(), at = isShown && this.spans[now]?.getBoundingClientRect();
    if (at && (at.top < box.top || at.bottom > box.bottom)) this.box.scrollTop += at.top - box.top - box.height / 3;
  }

  #choose(from, to) {
    const last = this.store.words.length - 1, old = this.#range;
    [this.from, this.to] = from === null || last < 0 ? [null, null] : [from, to].map((each) => Math.min(last, Math.max(0, each)));
    const range = this.#range, [first, end] = range ?? [0, -1];
    if (old) for (let at = old[0]; at <= Math.min(old[1], last); at++) this.spans[at].setAttribute("aria-selected", "false");
    for (let at = first; at <= end; at++) this.spans[at].setAttribute("aria-selected", "true");
    if (range) {
      this.box.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
      this.spans[this.to].setAttribute("tabindex", "0");
    }
    this.#drawActs(range);
  }

  #drawActs(range) {
    const { words, whys } = this.store, chosen = range ? words.slice(range[0], range[1] + 1) : [];
    const gone = chosen.filter(({ index }) => whys[index]), why = gone.length ? [...new Set(gone.map(({ index }) => shortWhy(whys[index])))].join(", ") : "";
    draw(this.acts, html`<button type="button" class="button small" data-key="strike" data-do="strike" ${chosen.length > gone.length ? "" : html`disabled`}>Strike out</button>
      <button type="button" class="button small" data-key="back" data-do="back" ${gone.length ? "" : html`disabled`}>Put back</button>
      <button type="button" class="button small" data-key="correct" data-do="correct" ${chosen.length === 1 ? "" : html`disabled`}>Correct</button>
      <button type="button" class="button small" data-key="more" data-do="more" ${chosen.length ? "" : html`disabled`}>One word more</button>
      <span class="quiet small" aria-live="polite">${why ? `Cut: ${why}` : chosen.length > 1 ? `${chosen.length} words` : ""}</span>`);
  }

  #pressed(event) {
    const at = placeOf(event.target);
    if (at === null || event.button) return;
    this.pressed = at;
    if (event.shiftKey && this.from !== null) this.#choose(this.from, at);
    else if (event.pointerType === "mouse") this.#choose(at, at);
  }

  #drawnOver(event) {
    if (event.pointerType !== "mouse" || !(event.buttons & 1) || this.pressed === null || this.pressed === undefined) return;
    const at = placeOf(event.target);
    if (at !== null && at !== this.to && this.from !== null) this.#choose(this.from, at);
  }

  /** A click goes there. */
  #clicked(event) {
    const at = placeOf(event.target);
    if (at === null) return;
    const range = this.#range, isDrag = range && range[0] !== range[1];
    if (!event.shiftKey && !isDrag) this.#choose(at, at);
    this.spans[this.to ?? at].focus({ preventScroll: true });
    if (!isDrag) this.store.seek(this.store.words[at].start_ms / 1000);
  }

  #typed(event) {
    const { key, shiftKey } = event, step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -8, ArrowDown: 8 }[key], last = this.store.words.length - 1;
    const at = this.to ?? placeOf(event.target) ?? 0, goal = key === "Home" ? 0 : key === "End" ? last : step ? at + step : null;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (goal !== null) {
      const place = Math.min(last, Math.max(0, goal));
      this.#choose(shiftKey ? this.from ?? at : place, place);
      this.spans[this.to].focus();
      if (!shiftKey) this.store.seek(this.store.words[place].start_ms / 1000);
    } else if (key === "Delete" || key === "Backspace") this.#toggle(placeOf(event.target));
    else if (key === "Enter") this.#correct(placeOf(event.target));
    else if (key === "Escape") this.#choose(null, null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Strike chosen words out; those that are all cut are put back. */
  #toggle(at) {
    const [first, last] = this.#range ?? [at, at];
    if (first === null) return;
    const isGone = this.store.whys.slice(first, last + 1).every(Boolean);
    this.#do(isGone ? "back" : "strike", [first, last]);
  }

  #do(what, range = this.#range) {
    if (!what || !range) return;
    const { store } = this, [first, last] = range, length_s = store.time.clip_s;
    if (what === "strike") store.edit((state) => struck(state, store.words, first, last, length_s));
    else if (what === "back") store.edit((state) => putBack(state, store.words, first, last, length_s));
    else if (what === "correct") this.#correct(first);
    else if (what === "more") this.#choose(this.from, this.to + 1);
  }

  /** Let a word be written otherwise, where it stands. */
  #correct(at) {
    if (at === null) return;
    this.#choose(at, at);
    const span = this.spans[at], own = this.getBoundingClientRect(), place = span.getBoundingClientRect();
    Object.assign(this.form.style, { left: `${Math.min(place.left - own.left - 6, own.width - 120)}px`, top: `${place.top - own.top - 5}px` });
    this.form.hidden = false;
    this.correcting = at;
    this.field.value = this.store.words[at].text;
    this.field.style.width = `${Math.max(6, this.field.value.length + 3)}ch`;
    this.field.setAttribute("aria-label", `“${this.field.value}” is written as`);
    this.field.select();
    this.field.focus();
  }

  #corrected(isWanted) {
    const at = this.correcting;
    if (at === null || at === undefined) return;
    this.correcting = null;
    const hadFocus = document.activeElement === this.field;
    this.form.hidden = true;
    if (isWanted) this.store.edit((state) => corrected(state, this.store.words[at], this.field.value));
    if (hadFocus) this.spans[at].focus();
  }
}

/** The words of a cue, without their texts, which change. */
function cueMarkup(words) {
  const at_s = words[0].start_ms / 1000, word = ({ index }) => html`<span role="option" data-word="${index}" tabindex="${index ? -1 : 0}" aria-selected="false"></span> `;
  return html`<div class="cue" role="group" aria-label="${`At ${clockText(at_s, 1)}`}"><span class="at quiet number" aria-hidden="true">${clockText(at_s, 0)}</span>
    <p>${words.map(word)}</p></div>`;
}

const placeOf = (target) => {
  const word = target.closest?.("[data-word]");
  return word ? Number(word.dataset.word) : null;
};

customElements.define("reshoot-film-text", FilmText);
