// <reshoot-look>: the preview, one finished frame before and after. It follows the clip, the moment and the settings that
// are chosen, and says so when it shows others; again() asks anew. It can make the frame in all looks or from several seeds. For
// jobs without looks it offers the moment alone, for those who point and paint.
import { STROKES } from "./clip-own.js";
import { BETWEEN, compared, comparison } from "./look-compare.js";
import "./moment.js";
import { timeText } from "./moment.js";
import { choosePreviewed, isIn, momentOf, partOf, previewed } from "./previewed.js";
import { Problem, ask, draw, html } from "./shared.js";

const LONG_S = 15, FOLLOW_MS = 250, MOST_KEPT = 60;

class Look extends HTMLElement {
  connectedCallback() {
    if (this.kept) return;
    this.classList.add("studio");
    this.kept = new Map(); // finished previews by what they show
    this.failed = new Map(); // errors by what could not be shown
    this.waiting = new Map(); // who waits for a preview by what it is to show
    this.share = null; // where the divider was put; it goes through the person until then
    this.addEventListener("input", ({ target }) => target.matches(".divide") && this.divide(Number(target.value)));
    this.addEventListener("change", ({ target }) => target.matches(".which select") && choosePreviewed(target.value));
    this.addEventListener("click", ({ target }) => this.#clicked(target.closest("button")));
    this.addEventListener("reshoot:moment", () => this.#follow());
    window.addEventListener("reshoot:chosen", () => this.#follow());
    window.addEventListener("reshoot:previewed", () => this.#follow(0));
    document.addEventListener("change", ({ target }) => target.localName === "reshoot-clips" && this.#follow());
    this.#follow(0);
  }

  disconnectedCallback() {
    this.asking?.abort.abort();
    clearInterval(this.clock);
  }

  /** Preview what is chosen now, also if that was done or failed before. Returns the error, if any. */
  async again() {
    const { key } = this.wanted() ?? {};
    if (!key) return null;
    this.kept.delete(key);
    this.stopped = null;
    const answer = new Promise((settle) => this.waiting.set(key, settle));
    this.#follow(0);
    return answer;
  }

  /**
   * What is chosen, or what would be with another value {name, value, title} of a setting: clip, part, frame and settings, a
   * `key` that differs where one of them does, `others` without that setting, and the frames `between` painted ones; null
   * without a clip. In place of a setting, {frame} is another moment.
   */
  wanted(other = null) {
    const choice = document.querySelector("reshoot-form")?.choice, clip = previewed();
    if (!choice || !clip) return null;
    const part = partOf(clip), index = other?.frame ?? (this.#moment?.clip?.id === clip.id ? this.#moment.frame : null);
    const frame = index !== null && isIn(part, index) ? index : null;
    const now = { "generate.look": choice.look, "generate.seed": choice.seed }, chosen = { ...now, ...(other && other.name !== BETWEEN && { [other.name]: other.value }) };
    const asked = { kind: choice.kind, preset: choice.preset, settings: { ...choice.settings, ...chosen } };
    const place = [clip.id, part, frame, asked.kind, asked.preset], key = JSON.stringify([...place, sorted(asked.settings)]);
    const title = other?.title ?? choice.looks.find(({ value }) => value === choice.look)?.title ?? (choice.hasSeed ? `Seed ${choice.seed}` : "Painted frames");
    const others = (name) => (name === BETWEEN ? JSON.stringify([clip.id, part, place.slice(3), sorted(asked.settings)]) : JSON.stringify([...place, sorted({ ...asked.settings, [name]: null })]));
    const between = document.querySelector("reshoot-keys")?.between?.(frame ?? this.look?.at ?? part.from) ?? [];
    return { clip, part, frame, asked, chosen, title, key, others, name: other?.name, value: other?.value, hasLooks: choice.looks.length > 0, hasSeed: choice.hasSeed, isComplete: choice.isComplete, waits: choice.waits, between };
  }

  get #moment() {
    return this.querySelector("reshoot-moment");
  }

  #clicked(button) {
    const what = button?.dataset.do;
    if (what === "stop") this.#stop();
    else if (what === "again") this.again();
    else if (what === "compare") this.#compare(button.dataset.name);
    else if (what === "choose") {
      const { name, value } = button.dataset;
      if (name === BETWEEN) return this.#moment.go(Number(value));
      const { value: chosen } = this.compared.find((each) => String(each.value) === value);
      window.dispatchEvent(new CustomEvent("reshoot:choose", { detail: { name, value: chosen } }));
    }
  }

  /** Show what is chosen now if it is there; ask for it otherwise, once the choice has come to rest. */
  #follow(rest_ms = FOLLOW_MS) {
    const clip = previewed();
    if (!this.#moment) this.render();
    this.#moment.show(clip, clip && partOf(clip));
    const wanted = this.wanted();
    if (wanted?.key !== this.stopped) this.stopped = null;
    for (const [key, settle] of this.waiting) if (key !== wanted?.key) this.#settle(key, null, settle);
    if (this.asking && !this.#needs(this.asking.key)) this.asking.abort.abort();
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.#rested(), rest_ms);
    this.render();
  }

  #rested() {
    this.rest = null;
    this.#go();
  }

  #settle(key, error = null, settle = this.waiting.get(key)) {
    this.waiting.delete(key);
    settle?.(error);
  }

  /** Ask for one preview after the other until nothing is missing. */
  async #go() {
    const next = !this.asking && this.#next();
    if (!next) return this.render();
    const asking = (this.asking = { ...next, abort: new AbortController(), started: performance.now() });
    this.clock = setInterval(() => this.tick(), 250);
    this.render();
    try {
      const look = await ask(`clips/${next.clip.id}/look`, {
        method: "POST", signal: asking.abort.signal, json: { ...next.asked, ...momentOf(next.clip, next.frame) },
      });
      await Promise.all([look.before, look.after].map(loaded));
      this.#keep(next, look);
    } catch (error) {
      if (error.name !== "AbortError") this.failed.set(next.key, error);
    }
    clearInterval(this.clock);
    this.asking = null;
    this.#settle(next.key, this.failed.get(next.key));
    this.#go();
  }

  /** The preview that is missing: the one that is chosen, or else the next one of a comparison. */
  #next() {
    const wanted = this.wanted();
    if (!wanted) return null;
    if (wanted.isComplete && !this.kept.has(wanted.key) && wanted.key !== this.stopped) {
      if (this.waiting.has(wanted.key)) this.failed.delete(wanted.key);
      if (!this.failed.has(wanted.key)) return wanted;
    }
    return this.compared?.find((each) => isLike(each, wanted) && !this.kept.has(each.key) && !this.failed.has(each.key));
  }

  #needs(key) {
    const wanted = this.wanted();
    return wanted?.key === key || this.compared?.some((each) => each.key === key && wanted && isLike(each, wanted));
  }

  #keep(made, look) {
    this.failed.delete(made.key);
    this.kept.set(made.key, { ...made, ...look });
    for (const old of [...this.kept.keys()].slice(0, Math.max(0, this.kept.size - MOST_KEPT))) this.kept.delete(old);
  }

  #stop() {
    this.stopped = this.wanted()?.key;
    this.compared = this.compared?.filter(({ key }) => this.kept.has(key));
    this.asking?.abort.abort();
  }

  /** Make the frame with several values of a setting, one after the other. */
  #compare(name) {
    const { choice } = document.querySelector("reshoot-form");
    this.compared = compared(name, choice, this.wanted().between).map((each) => this.wanted({ name, ...each }));
    this.compared.forEach(({ key }) => this.failed.delete(key));
    this.#follow(0);
  }

  tick() {
    const shown = this.querySelector(".seconds"), seconds = Math.floor((performance.now() - this.asking.started) / 1000);
    if (!shown) return; // another kind of job was chosen, which has no previews
    shown.textContent = `${seconds} s`;
    if (seconds >= LONG_S) this.querySelector(".long").textContent = "This takes longer than usual: the machine is busy with other work.";
  }

  divide(share) {
    this.share = share;
    this.querySelector(".pictures").style.setProperty("--share", `${share}%`);
    this.querySelector(".divide").setAttribute("aria-valuetext", `${share} % before, ${100 - share} % after`);
  }

  render() {
    const wanted = this.wanted(), clips = document.querySelector("reshoot-clips")?.value ?? [];
    const form = document.querySelector("reshoot-form"), isOfMoment = Boolean(form?.form) && !form.choice;
    this.hidden = isOfMoment && !(clips.length && STROKES in form.chosenOf([STROKES]));
    if (wanted && this.kept.has(wanted.key)) this.look = { ...this.kept.get(wanted.key), title: wanted.title };
    if (!wanted || (this.look && !clips.some(({ id }) => id === this.look.clip.id))) this.look = null;
    const isBusy = Boolean(this.asking), isNow = Boolean(this.look) && this.look.key === wanted?.key;
    const problem = wanted && this.failed.get(wanted.key);
    this.setAttribute("aria-busy", String(isBusy));
    draw(this, isOfMoment ? html`<section class="card stack" aria-label="Frame that is looked at">
      ${clips.length > 1 ? which(clips, previewed()) : ""}<reshoot-moment data-key="moment" data-own></reshoot-moment></section>` : html`<section class="card stack" aria-label="Preview">
      <div class="row head"><h2>Preview</h2>${clips.length > 1 ? which(clips, previewed()) : ""}${isBusy ? busy() : ""}</div>
      ${this.look ? pictures(this.look, this.share ?? middle(this.look), !isNow) : ""}
      <div role="status" aria-live="polite">${told(this.look, { isNow, isBusy: isBusy || Boolean(this.rest), wanted })}</div>
      ${isBusy ? html`<p class="long quiet small" aria-live="polite"></p>` : ""}
      ${problem ? html`<p class="alert" role="alert">${sentence(problem)}</p>` : ""}
      <reshoot-moment data-key="moment" data-own></reshoot-moment>
      ${wanted && !wanted.waits ? comparison(this.compared ?? [], { wanted, kept: this.kept, isBusy }) : ""}
    </section>`);
    if (isNow && wanted.frame === null) this.#moment.found(wanted.clip, this.look.at);
  }
}
customElements.define("reshoot-look", Look);

/** Settings in one order, so that their text can be compared. */
const sorted = (settings) => Object.entries(settings).sort(([one], [two]) => (one < two ? -1 : 1));

/** Whether a preview of a comparison differs from what is chosen in the compared setting alone. */
const isLike = (each, wanted) => each.others(each.name) === wanted.others(each.name);

const busy = () => html`<span class="chip busy" aria-hidden="true">Looking… <span class="seconds number">0 s</span></span>
  <button type="button" class="button small" data-do="stop">Stop</button>`;

const which = (clips, clip) => html`<label class="which"><span class="hidden">Clip that is previewed</span>
  <select>${clips.map(({ id, title }) => html`<option value="${id}" ${id === clip?.id ? "selected" : ""}>${title}</option>`)}</select></label>`;

/** Where the person is from left to right, in percent. */
const middle = ({ box, width }) => (box ? Math.round((50 * (box[0] + box[2])) / width) : 50);

function pictures(look, share, isOld) {
  const { width, height } = look;
  return html`<div class="pictures${isOld ? " old" : ""}" style="--share: ${share}%; --ratio: ${width / height}">
    <img src="${look.before}" width="${width}" height="${height}" alt="The frame as it was filmed.">
    <img class="after" src="${look.after}" width="${width}" height="${height}" alt="The same frame, restyled.">
    <span class="name left" aria-hidden="true">Before</span><span class="name right" aria-hidden="true">After</span>
    <input class="divide" type="range" min="0" max="100" value="${share}" step="1" aria-label="Divider between before and after"
      aria-valuetext="${share} % before, ${100 - share} % after">
    <span class="line" aria-hidden="true"><i></i></span>
  </div>`;
}

/** What is shown, and whether that is what is chosen. */
function told(look, { isNow, isBusy, wanted }) {
  if (wanted?.waits) return html`<p class="quiet">${wanted.waits}</p>`;
  if (!look && isBusy) return html`<p class="hidden">Looking at the clip.</p>`;
  if (!look) return html`<p class="quiet">See one finished frame within seconds, before you start the work.</p>`;
  const shown = `${look.title}, frame ${look.at} (${timeText(look.clip, look.at)})`;
  if (!isNow && isBusy) return html`<p class="quiet small number">Still shown: ${shown}.</p>`;
  if (!isNow) return html`<p class="alert warn stale">This shows ${shown}${differs(look, wanted)}.
    <button type="button" class="button small" data-do="again">Preview again</button></p>`;
  return html`<p><strong>${seen(look)}</strong> ${meaning(look)}</p>
    ${look.events.map((each) => html`<p class="alert warn">${each}</p>`)}
    <p class="quiet small number">${shown}, made in ${look.seconds.toFixed(1)} s. In the finished clip it is a little softer.</p>`;
}

function differs(look, wanted) {
  if (look.clip.id !== wanted.clip.id) return ` of ${look.clip.title}`;
  return look.chosen["generate.look"] === wanted.chosen["generate.look"] && look.frame === wanted.frame ? ", with other settings" : "";
}

const seen = ({ found_in: found, looked_at: total }) =>
  found ? `Person found in ${found} of ${total} frames looked at.` : `No person found in the ${total} frames looked at.`;

function meaning({ found_in: found, looked_at: total }) {
  if (!found) return "The work itself looks at every frame, and may still find somebody who is there for a moment.";
  if (found < total / 2) return "Where nobody is found, frames stay as they are.";
  return "";
}

async function loaded(url) {
  const picture = new Image();
  picture.src = url;
  try {
    await picture.decode();
  } catch {
    throw new Problem({ problem: "The picture did not arrive.", remedy: "Preview again." });
  }
}

const sentence = (error) => (error instanceof Problem ? error.message : "Something in this page went wrong. Preview again.");
