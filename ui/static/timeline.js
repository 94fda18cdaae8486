// <reshoot-timeline>: which structure video leads which frames of a guide, and which frames are pictures: as blocks on a line,
// which can be dragged, and as rows of numbers. The form keeps it, in the settings `timeline.*`; here only the first clip is known.
import "./guide-frame.js";
import { partOf, previewed } from "./previewed.js";
import { ask, draw, html, remember, remembered, tell } from "./shared.js";
import { ANCHORS, CLIPS, FILES, PLACES, STRUCTURES, clipsOf, freeOf, lengthOf, problemOf, read, spansOf, written } from "./timeline-text.js";

const FIRST = "reshoot.timeline.first", EDGE_PX = 10, SNAP = 0.012, PICTURES = "image/png,image/jpeg,image/webp,image/tiff,image/bmp";
const USUAL = { type: "structure.type", treatment: "structure.treatment", strength: "structure.strength" };
const SHAPE = ["guide.frames", "guide.fps"], TYPES = { flow: "Motion", pose: "Pose", edge: "Edges", depth: "Depth", raw: "The picture" };
const TREATMENTS = { adjust: "Stretched to fit", clip: "At its own pace" };

class Timeline extends HTMLElement {
  connectedCallback() {
    if (this.isReady) return;
    this.isReady = true;
    this.classList.add("studio");
    for (const kind of ["chosen", "previewed"]) window.addEventListener(`reshoot:${kind}`, () => this.#draw());
    document.addEventListener("change", ({ target }) => target.localName === "reshoot-clips" && this.#draw());
    this.addEventListener("change", (event) => this.#typed(event));
    this.addEventListener("click", ({ target }) => this.#clicked(target.closest("button[data-do]")));
    this.addEventListener("pointerdown", (event) => this.#grasp(event));
    this.#draw();
  }

  /** The id of the clip of a job whose structure videos are placed here; null where each clip leads a guide of its own. */
  get clip() {
    const { structures } = this.#now() ?? { structures: [] };
    return structures.length ? this.#clipOf(structures[0].clip)?.id ?? structures[0].clip : null;
  }

  /** What has to be mended before a job can start; empty if nothing. */
  get problem() {
    return this.#shown?.problem ?? "";
  }

  /** Take the clip that the role "clip" of a job's settings means. */
  take(digest) {
    remember(FIRST, digest);
    this.#draw();
  }

  get #form() {
    return document.querySelector("reshoot-form");
  }

  get #clips() {
    return document.querySelector("reshoot-clips")?.value ?? [];
  }

  #clipOf(digest) {
    return this.#clips.find((each) => each.digest === digest) ?? null;
  }

  /** What is placed now; null for a kind of job without a timeline. */
  #now() {
    const names = [STRUCTURES, PLACES, ...FILES, ...Object.values(USUAL)], values = this.#form?.chosenOf?.(names) ?? {};
    if (!(STRUCTURES in values)) return null;
    const kept = remembered(FIRST, ""), first = this.#clipOf(kept) || !previewed() ? kept : previewed().digest;
    const { structures, anchors } = read(values, first), usual = Object.fromEntries(Object.entries(USUAL).map(([key, name]) => [key, values[name]]));
    return { structures: structures.map((each) => ({ ...each, ...Object.fromEntries(Object.keys(USUAL).map((key) => [key, each[key] ?? usual[key]])) })), anchors, usual };
  }

  /** Everything that is drawn: what is placed, the clips, and what follows from them; null if there is nothing to draw. */
  get #shown() {
    const now = this.#now();
    if (!now || !previewed()) return null;
    const { "guide.frames": frames, "guide.fps": fps } = this.#form.chosenOf(SHAPE), parts = document.querySelector("reshoot-trim")?.value;
    const clipOf = (digest) => (isImplied ? cut(this.#clipOf(digest)) : this.#clipOf(digest)), implied = [{ clip: previewed().digest, at: [null, null], from: [null, null], ...now.usual }], isImplied = !now.structures.length;
    const structures = isImplied ? implied : now.structures, lead = clipOf(structures[0].clip) ?? previewed();
    const rate = fps || lead.frames / lead.seconds, total = lengthOf({ ...now, structures }, clipOf, { frames, rate });
    const spans = structures.map((each) => spansOf(each, clipOf(each.clip), total, rate));
    const problem = problemOf(spans.map(({ at }) => at), now.anchors, total);
    return { ...now, structures, isImplied, parts, total, rate, spans, problem, free: freeOf(spans.map(({ led }) => led), total) };
  }

  /** Let the form keep what is placed. */
  #place({ structures, anchors }) {
    const before = this.#form.chosenOf([STRUCTURES, PLACES, ...FILES]);
    if (structures.length) remember(FIRST, structures[0].clip);
    for (const [name, value] of Object.entries(written({ structures, anchors }, before)))
      if ((before[name] ?? "") !== (value ?? "")) window.dispatchEvent(new CustomEvent("reshoot:choose", { detail: { name, value } }));
    this.#draw();
  }

  #typed(event) {
    const { target } = event, row = target.closest("[data-row]");
    if (target.type === "file") {
      event.stopPropagation();
      this.#add([...target.files]);
      target.value = "";
    } else if (row) {
      const shown = this.#shown, { structures, anchors } = shown, value = target.type === "number" ? (target.value === "" ? null : Math.max(0, Number(target.value))) : target.value;
      const { set, end } = target.dataset;
      if (row.dataset.row === "anchor") anchors[row.dataset.at].index = Math.round(value ?? 0);
      else if (end) structures[row.dataset.at][set][Number(end)] = value === null ? null : Math.round(value) + Number(end); // shown is the last frame
      else structures[row.dataset.at][set] = value ?? 1;
      if (set === "clip") structures[row.dataset.at].from = [null, null];
      this.#place({ structures: explicit(shown), anchors });
    }
  }

  #clicked(button) {
    const { do: what, at } = button?.dataset ?? {};
    if (what === "picture") this.querySelector("[type=file]").click();
    if (!["add", "remove", "clear", "gone"].includes(what)) return;
    const shown = this.#shown, { structures, anchors, usual, spans, isImplied, total } = shown;
    if (what === "add") {
      if (isImplied) structures[0].at = spans[0].at;
      const end = Math.max(...spans.map((each) => each.at[1])), other = this.#clips.find(({ digest }) => !structures.some((each) => each.clip === digest));
      for (const [place, each] of structures.entries()) each.at = [...spans[place].at]; // the others stay where they are
      const length = this.#form.chosenOf(SHAPE)["guide.frames"], isFull = length && end >= length;
      if (isFull) structures.at(-1).at[1] = Math.max(spans.at(-1).at[0] + 1, Math.round((spans.at(-1).at[0] + total) / 2)); // makes room
      structures.push({ clip: (other ?? this.#clips[0]).digest, at: [isFull ? structures.at(-1).at[1] : end, isFull ? total : null], from: [null, null], ...usual });
    } else if (what === "remove") structures.splice(at, 1);
    else if (what === "clear") structures.length = 0;
    else anchors.splice(at, 1);
    this.#place({ structures: what === "add" ? structures : explicit(shown), anchors });
    this.querySelector("[data-do=add]")?.focus();
  }

  /** Send pictures to the server, and place each at the first frame that has none yet. */
  async #add(files) {
    for (const file of files) {
      try {
        const { digest } = await ask("references", { method: "POST", body: file });
        const shown = this.#shown, { anchors, total } = shown, taken = anchors.map(({ index }) => index);
        const free = [0, total - 1, Math.round(total / 2), ...Array(total).keys()].find((index) => !taken.includes(index));
        if (anchors.length < ANCHORS.length) anchors.push({ index: free ?? 0, picture: digest });
        this.#place({ structures: explicit(shown), anchors });
      } catch (error) {
        tell(`${file.name}: ${error.message}`, "bad");
      }
    }
  }

  /** Drag a block along the line, or one of its ends; it snaps to what is near. */
  #grasp(event) {
    const block = event.target.closest(".block[data-at]"), line = block?.closest(".line");
    if (!block || event.button) return;
    event.preventDefault();
    block.setPointerCapture(event.pointerId);
    const { structures, anchors, spans, total } = this.#shown, place = Number(block.dataset.at), box = block.getBoundingClientRect();
    const width_px = line.getBoundingClientRect().width, begun = [...spans[place].at];
    const end = event.clientX - box.left < EDGE_PX ? 0 : box.right - event.clientX < EDGE_PX ? 1 : null;
    const edges = [0, total, ...spans.flatMap(({ at }, other) => (other === place ? [] : at))];
    const move = ({ clientX }) => {
      const by = ((clientX - event.clientX) / width_px) * total, at = [...begun];
      if (end === null) {
        const start = snapped(begun[0] + by, edges), after = snapped(begun[1] + by, edges), length = begun[1] - begun[0];
        at[0] = Math.max(0, Math.abs(start - begun[0] - by) > 0.5 || !edges.includes(after) ? start : after - length);
        at[1] = at[0] + length;
      } else {
        at[end] = snapped(begun[end] + by, edges);
        at[end] = end ? Math.max(at[1], at[0] + 1) : Math.min(Math.max(0, at[0]), at[1] - 1);
      }
      structures[place].at = at;
      this.#place({ structures, anchors });
    };
    const snapped = (frame, near) => near.find((each) => Math.abs(each - frame) < total * SNAP) ?? Math.round(frame);
    const stop = () => ["pointermove", "pointerup", "pointercancel"].forEach((kind) => block.removeEventListener(kind, kind === "pointermove" ? move : stop));
    block.addEventListener("pointermove", move);
    block.addEventListener("pointerup", stop);
    block.addEventListener("pointercancel", stop);
  }

  #draw() {
    const shown = this.#shown;
    this.hidden = !shown;
    if (!shown) return;
    draw(this, html`<section class="card stack" aria-label="Timeline">
      <div class="row head"><h2>Timeline</h2><span class="quiet small number">${shown.total} frames, ${(shown.total / shown.rate).toFixed(1)} s</span></div>
      ${line(shown, (digest) => this.#clipOf(digest)?.title ?? "a clip that is not in the list")}
      ${shown.parts && !shown.isImplied && html`<p class="alert warn small">What is chosen under "Use only a part" does not count here: each structure video has frames of its own.</p>`}
      <p class="alert small" role="alert" ${shown.problem ? "" : html`hidden`}>${shown.problem}</p>
      ${shown.isImplied ? html`<p class="quiet small">${this.#clips.length > 1 ? "Each clip leads a guide of its own." : "The clip leads all frames."} Add a structure video to place several on one timeline.</p>`
        : html`<ol class="rows">${shown.structures.map((each, at) => row(each, at, shown, this.#clips))}</ol>`}
      ${shown.anchors.length > 0 && html`<ul class="anchors" aria-label="Pictures">${shown.anchors.map(anchor)}</ul>`}
      <div class="row">
        <button type="button" class="button small" data-do="add" ${clipsOf(shown.structures).length < CLIPS.length || this.#clips.length <= CLIPS.length ? "" : html`disabled`}>Add a structure video</button>
        ${shown.anchors.length < ANCHORS.length && html`<button type="button" class="button small" data-do="picture">Add a picture</button>`}
        ${!shown.isImplied && html`<button type="button" class="button small" data-do="clear">Clear</button>`}
      </div>
      <input type="file" hidden multiple aria-label="Pictures for the timeline" accept="${PICTURES}">
      <reshoot-guide-frame data-key="frame" data-own></reshoot-guide-frame>
    </section>`);
    this.querySelector("reshoot-guide-frame").show({ clip: this.clip ?? previewed().id, total: shown.total, seconds: shown.total / shown.rate, isWhole: !shown.problem, parts: shown.isImplied ? shown.parts : undefined });
    this.#fill(shown);
  }

  /** Put the values into the rows; one that is being typed is left alone. */
  #fill({ structures, spans, anchors }) {
    for (const part of this.querySelectorAll("[data-row]")) {
      const at = Number(part.dataset.at), isAnchor = part.dataset.row === "anchor", each = structures[at];
      for (const control of part.querySelectorAll("input, select")) {
        if (control === document.activeElement && control.type === "number") continue;
        const { set, end } = control.dataset;
        if (isAnchor) control.value = anchors[at].index;
        else if (!end) control.value = each[set];
        else {
          const clip = this.#clipOf(each.clip), ends = set === "at" ? spans[at].at : [each.from[0] ?? 0, each.from[1] ?? clip?.frames ?? ""];
          control.value = ends[end] === "" ? "" : ends[end] - Number(end);
        }
      }
    }
  }
}

/** The structure videos that the form keeps: none where each clip leads a guide of its own. */
const explicit = ({ isImplied, structures }) => (isImplied ? [] : structures);

/** A clip as if the part of it that is used were all. */
function cut(clip) {
  if (!clip) return null;
  const { from, to } = partOf(clip), frames = to - from;
  return { ...clip, frames, seconds: (clip.seconds * frames) / clip.frames };
}

const share = (frame, total) => `${((100 * frame) / total).toFixed(3)}%`;

/** The line: a block for each structure video, hatched where nothing leads, and the pictures at their frames. */
function line({ structures, spans, anchors, free, total, isImplied }, titleOf) {
  const place = ([begin, end]) => `left: ${share(begin, total)}; width: ${share(end - begin, total)}`;
  const said = structures.map((each, at) => `frames ${spans[at].led[0]} to ${spans[at].led[1] - 1} are led by ${titleOf(each.clip)}`);
  const frees = free.map(([begin, end]) => `nothing leads frames ${begin} to ${end - 1}`);
  return html`<div class="line-and-scale"><div class="line" role="img" aria-label="${[...said, ...frees, ...anchors.map(({ index }) => `frame ${index} is a picture`)].join("; ")}">
      ${free.map((each, at) => html`<span class="free" data-key="free ${at}" style="${place(each)}" title="Nothing leads here: a generator is free."></span>`)}
      ${structures.map((each, at) => html`<span class="block kind-${each.type}" data-key="block ${at}" ${isImplied ? "" : html`data-at="${at}"`} style="${place(spans[at].led)}"
        title="${titleOf(each.clip)}"><b>${TYPES[each.type]}</b> <span>${titleOf(each.clip)}</span></span>`)}
      ${anchors.map(({ index, picture }, at) => html`<span class="pin" data-key="pin ${at}" style="left: ${share(index + 0.5, total)}" title="Frame ${index}"><img src="/studio/references/${picture}" alt=""></span>`)}
    </div><div class="scale quiet small number" aria-hidden="true"><span>0</span><span>${total - 1}</span></div></div>`;
}

const choices = (named) => Object.entries(named).map(([value, title]) => html`<option value="${value}">${title}</option>`);

function row(each, at, { structures }, clips) {
  const called = structures.length > 1 ? ` of structure video ${at + 1}` : "", missing = !clips.some(({ digest }) => digest === each.clip);
  const numbers = (set, title) => html`<span class="range"><span class="small">${title}</span>
    <input type="number" min="0" step="1" data-set="${set}" data-end="0" aria-label="${`${title}: first${called}`}"> to
    <input type="number" min="0" step="1" data-set="${set}" data-end="1" aria-label="${`${title}: last${called}`}"></span>`;
  return html`<li data-row="structure" data-at="${at}" data-key="row ${at}">
    <div class="row"><label class="grow"><span class="hidden">Structure video ${at + 1}</span><select data-set="clip">
        ${clips.map(({ digest, title }) => html`<option value="${digest}">${title}</option>`)}${missing && html`<option value="${each.clip}">A clip that is not in the list</option>`}</select></label>
      <button type="button" class="button small" data-do="remove" data-at="${at}">Remove<span class="hidden">${called || " structure video"}</span></button></div>
    <div class="row">${numbers("at", "Leads frames")}${numbers("from", "by its frames")}</div>
    <div class="row"><label class="small">Shows <select data-set="type" aria-label="${`Shows${called}`}">${choices(TYPES)}</select></label>
      <label class="small">Fit <select data-set="treatment" aria-label="${`Fit in time${called}`}">${choices(TREATMENTS)}</select></label>
      <label class="small">Strength <input type="number" min="0" max="4" step="0.1" data-set="strength" aria-label="${`Strength${called}`}"></label></div>
  </li>`;
}

const anchor = ({ picture, index }, at) => html`<li data-row="anchor" data-at="${at}" data-key="anchor ${at}"><img src="/studio/references/${picture}" alt="The picture at frame ${index}">
  <label class="small">Frame <input type="number" min="0" step="1" aria-label="Frame of picture ${at + 1}"></label>
  <button type="button" class="button small" data-do="gone" data-at="${at}">Remove<span class="hidden"> picture ${at + 1}</span></button></li>`;

customElements.define("reshoot-timeline", Timeline);
