// <reshoot-film-line>: the timeline of a film: the clip's sound, and under it a row for each kind of layer. It is as wide as
// its zoom makes it, and scrolls; only what is seen is drawn.
import { chooseFile } from "./film-files.js";
import { drag, press } from "./film-drag.js";
import { rowHead, rowItems } from "./film-row.js";
import { ROWS, isKnown, isOn, itemsOf, switched } from "./film-rows.js";
import { clockText } from "./film-time.js";
import { levelsOf, paint } from "./film-wave.js";
import { draw, html } from "./shared.js";

const MOST_SCALE = 400, ZOOM = 1.5, NARROW = "(max-width: 640px)";

class FilmLine extends HTMLElement {
  connectedCallback() {
    if (this.scroller) return;
    draw(this, frame());
    this.scroller = this.querySelector(".scroller");
    this.canvas = this.querySelector("canvas");
    this.wave = this.querySelector(".wave");
    this.playHead = this.querySelector(".play-head");
    this.scroller.addEventListener("scroll", () => this.#soon(), { passive: true });
    this.scroller.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.addEventListener("click", ({ target }) => this.#clicked(target));
    this.addEventListener("dblclick", ({ target }) => target.closest(".item") && this.#goTo(target.closest(".item").dataset));
    this.addEventListener("change", ({ target }) => target.matches("[data-switch]") && this.store.editPlan((plan) => switched(plan, target.dataset.switch, target.checked)));
    this.addEventListener("keydown", (event) => this.#typed(event));
    this.scroller.addEventListener("pointerdown", (event) => this.#grasp(event));
    this.scroller.addEventListener("touchmove", (event) => this.#pinch(event), { passive: false });
    this.scroller.addEventListener("touchend", () => { this.pinched = null; });
    this.addEventListener("focusin", ({ target }) => target.matches(".item") && this.store.choose(target.dataset.row, Number(target.dataset.index)));
    this.size = new ResizeObserver(() => this.#soon());
    this.size.observe(this.scroller);
    this.theme = new MutationObserver(() => this.#soon());
    this.theme.observe(document.body, { attributeFilter: ["class"] });
  }

  disconnectedCallback() {
    this.size?.disconnect();
    this.theme?.disconnect();
    this.scroller = null;
  }

  async show(store) {
    this.heard?.abort();
    this.heard = new AbortController();
    Object.assign(this, { store, scale: null, levels: new Uint8Array() });
    const hears = { signal: this.heard.signal };
    store.addEventListener("changed", () => this.#soon(), hears);
    store.addEventListener("chosen", () => this.#chosen(), hears);
    store.addEventListener("moved", () => this.#moved(), hears);
    this.#soon();
    const levels = await levelsOf(store.clip.id);
    if (this.store !== store) return;
    this.levels = levels;
    this.#soon();
  }

  /** How wide the rows' names are beside their lanes; nothing on a phone, where they stand above them. */
  get #names_px() {
    return matchMedia(NARROW).matches ? 0 : this.querySelector(".wave-row .name").offsetWidth;
  }

  get #seen_px() {
    return Math.max(50, this.scroller.clientWidth - this.#names_px);
  }

  get #least() {
    return this.#seen_px / this.store.time.clip_s;
  }

  /** Draw once before the next picture of the screen. */
  #soon() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      if (this.scroller && this.store && this.scroller.clientWidth) this.#draw();
    });
  }

  #draw() {
    const { store, scroller } = this, { time } = store, scale = (this.scale = Math.max(this.#least, this.scale ?? 0)), seen = this.#seen_px;
    const from_s = scroller.scrollLeft / scale, to_s = from_s + seen / scale;
    this.style.setProperty("--lane", `${Math.max(seen, time.clip_s * scale)}px`);
    this.style.setProperty("--seen", `${seen}px`);
    const silences = (store.known?.pauses ?? []).map(([first, last]) => ({ from_s: first / 1000, to_s: last / 1000 }));
    paint(this.canvas, { levels: this.levels, from_s, scale, clip_s: time.clip_s, silences, cuts: store.plan.cut ?? [] });
    for (const { name } of ROWS) this.#drawRow(name, from_s - seen / scale, to_s + seen / scale);
    this.querySelector("[data-do=out]").disabled = scale <= 1.001 * this.#least;
    this.#moved(false);
  }

  /** Draw what of a row lies between two times. */
  #drawRow(name, from_s, to_s) {
    const { store, scale } = this, { plan, chosen } = store, place = this.querySelector(`[data-lane=${name}]`), on = isOn(plan, name);
    const all = itemsOf(plan, name, store.about), isRow = chosen?.row === name, isThere = document.activeElement?.closest?.(".item")?.dataset.row === name;
    place.hidden = !isKnown(plan, name);
    place.classList.toggle("off", on === false);
    draw(place.querySelector(".head"), rowHead(name, { count: all.length, on, isChosen: isRow }));
    const box = place.querySelector("[data-switch]");
    if (box) box.checked = on;
    draw(place.querySelector(".items"), rowItems(name, all, { from_s, to_s, scale, chosen: isRow ? chosen.index : null }));
    if (isThere && !this.contains(document.activeElement)) this.#focusItem();
  }

  #goTo({ row, index }) {
    this.store.seek(itemsOf(this.store.plan, row, this.store.about).find((each) => each.index === Number(index)).from_s);
  }

  #focusItem() {
    const { row, index } = this.store.chosen ?? {};
    this.querySelector(`.item[data-row="${row}"][data-index="${index}"]`)?.focus({ preventScroll: true });
  }

  /** Another item is chosen: where the focus was on one, it goes along. */
  #chosen() {
    const wasHere = document.activeElement?.matches(".item") && this.contains(document.activeElement);
    this.#draw();
    if (!wasHere) return;
    this.#focusItem();
    const { row, index } = this.store.chosen ?? {}, item = row && itemsOf(this.store.plan, row, this.store.about).find((each) => each.index === index);
    if (item) this.#reveal(item.from_s);
  }

  /** The play head is elsewhere. */
  #moved(isFollowed = true) {
    const { store, scale } = this;
    if (!scale) return;
    const { at_s, time } = store;
    this.playHead.style.transform = `translateX(${at_s * scale}px)`;
    this.wave.setAttribute("aria-valuemax", time.last_s.toFixed(2));
    this.wave.setAttribute("aria-valuenow", at_s.toFixed(2));
    this.wave.setAttribute("aria-valuetext", `${clockText(at_s)} of the clip${time.isCut(at_s) ? ", which is cut" : `, ${clockText(time.frameAt(at_s) / time.rate)} of the film`}`);
    if (isFollowed && !this.isScrubbing) this.#reveal(at_s);
  }

  #reveal(seconds) {
    const { scroller, scale } = this, left = seconds * scale - scroller.scrollLeft, seen = this.#seen_px;
    if (left < 0 || left > seen) scroller.scrollLeft = seconds * scale - seen / 4;
  }

  /** Zoom in time around a place of the screen. */
  #zoom(by, clientX = null) {
    const { scroller, scale } = this, seen = this.#seen_px, own = this.store.at_s * scale - scroller.scrollLeft;
    const left = clientX === null ? (own >= 0 && own <= seen ? own : seen / 2) : clientX - scroller.getBoundingClientRect().left - this.#names_px;
    const at_s = (scroller.scrollLeft + left) / scale;
    this.scale = Math.min(MOST_SCALE, Math.max(this.#least, scale * by));
    this.style.setProperty("--lane", `${Math.max(seen, this.store.time.clip_s * this.scale)}px`);
    scroller.scrollLeft = at_s * this.scale - left;
    this.#soon();
  }

  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.#zoom(Math.exp(-event.deltaY / 300), event.clientX);
  }

  #pinch(event) {
    if (event.touches.length !== 2) return;
    event.preventDefault();
    const [one, two] = event.touches, apart = Math.abs(one.clientX - two.clientX);
    if (this.pinched && apart > 10) this.#zoom(apart / this.pinched, (one.clientX + two.clientX) / 2);
    this.pinched = Math.max(10, apart);
  }

  #clicked(target) {
    const button = target.closest("button"), { store } = this;
    if (!button) return;
    const { do: what, title, add, row, index } = button.dataset;
    if (what === "in" || what === "out") this.#zoom(what === "in" ? ZOOM : 1 / ZOOM);
    else if (what === "fit") {
      this.scale = 0;
      this.#soon();
    } else if (title) store.choose(title);
    else if (add) this.#add(add);
    else if (row) {
      store.choose(row, Number(index));
      button.focus({ preventScroll: true });
    }
  }

  async #add(row) {
    const file = await chooseFile(row, this.store);
    if (file !== null) this.store.add(row, file);
    this.dispatchEvent(new CustomEvent("added", { detail: { row } }));
  }

  #grasp(event) {
    if (event.button) return;
    const item = event.target.closest(".item");
    if (item && event.pointerType === "mouse") this.store.choose(item.dataset.row, Number(item.dataset.index));
    if (item && (event.pointerType === "mouse" || item.ariaPressed === "true")) return drag(event, item, this.store, this.scale);
    if (event.target.closest(".wave")) this.#scrub(event);
  }

  /** The play head follows a mouse while its button is down; a finger goes there by a tap, and scrolls otherwise. */
  #scrub(event) {
    const goTo = ({ clientX }) => this.store.seek((clientX - this.wave.getBoundingClientRect().left) / this.scale), { wave } = this;
    if (event.pointerType !== "mouse") return wave.addEventListener("click", goTo, { once: true });
    this.isScrubbing = true;
    goTo(event);
    wave.setPointerCapture(event.pointerId);
    const stop = () => {
      this.isScrubbing = false;
      wave.removeEventListener("pointermove", goTo);
    };
    wave.addEventListener("pointermove", goTo);
    for (const kind of ["pointerup", "pointercancel"]) wave.addEventListener(kind, stop, { once: true });
  }

  #typed(event) {
    const { store } = this, { target, key } = event, { time, at_s } = store;
    if (event.ctrlKey || event.metaKey) return;
    if (target.matches(".item")) {
      if (!press(event, target, store)) return;
    } else if (target === this.wave) {
      const way = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageUp: 5, PageDown: -5 }[key];
      if (way) store.seek(at_s + (Math.abs(way) > 1 ? way : event.shiftKey ? way : way / time.rate));
      else if (key === "Home") store.seek(0);
      else if (key === "End") store.seek(time.last_s);
      else return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

const frame = () => html`<div class="row tools" role="toolbar" aria-label="Zoom of the timeline">
    <button type="button" class="button small" data-do="out" aria-label="Show more time"><span aria-hidden="true">−</span></button>
    <button type="button" class="button small" data-do="in" aria-label="Show less time"><span aria-hidden="true">+</span></button>
    <button type="button" class="button small" data-do="fit">All</button>
    <span class="quiet small legend"><i class="silence"></i> silence <i class="cut"></i> cut</span>
  </div>
  <div class="scroller" data-own><div class="inside">
    <div class="line-row wave-row"><div class="name head"><span class="title">Sound</span></div>
      <div class="wave" role="slider" tabindex="0" aria-label="Play head" aria-valuemin="0" aria-valuemax="0" aria-valuenow="0"><canvas></canvas></div></div>
    ${ROWS.map(({ name, title }) => html`<div class="line-row" role="group" aria-label="${title}" data-lane="${name}"><div class="name head"></div><div class="items"></div></div>`)}
    <div class="play-head" aria-hidden="true"><i></i></div>
  </div></div>
  <p class="quiet small" id="film-line-help">Drag what is in a row, or one of its ends. With the keyboard: left and right move it by a frame, with Shift by a second, with Alt its end; up and down go to the next one; Delete takes it away.</p>`;

customElements.define("reshoot-film-line", FilmLine);
