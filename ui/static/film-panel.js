// <reshoot-film-panel>: the chosen item or row of a film's timeline, with what people can change of it, in numbers and words.
import { control, fieldsOf, partOf, said, shown, withField } from "./film-fields.js";
import { namedClips } from "./film-files.js";
import { itemsOf, placed, removed, rowOf } from "./film-rows.js";
import { clockText } from "./film-time.js";
import { draw, html } from "./shared.js";

const FILM = { row: null, fields: [{ name: "loudness_lufs", title: "Loudness of the whole film", kind: "number", usual: "", min: -60, max: -5, step: 1, unit: "LUFS" }] };
const WHOLE = ["pictures", "looks"]; // what may stay from the first frame to the last

class FilmPanel extends HTMLElement {
  connectedCallback() {
    if (this.isReady) return;
    this.isReady = true;
    this.addEventListener("input", ({ target }) => this.#typed(target, false));
    this.addEventListener("change", ({ target }) => this.#typed(target, true));
    this.addEventListener("click", ({ target }) => this.#do(target.closest("[data-do]")?.dataset.do));
  }

  show(store) {
    this.heard?.abort();
    this.heard = new AbortController();
    this.store = store;
    for (const kind of ["changed", "chosen"]) store.addEventListener(kind, () => this.#draw(), { signal: this.heard.signal });
    this.#draw();
  }

  /** Lead to the first field, as after something was added. */
  lead() {
    const field = this.querySelector("textarea, [type=text]") ?? this.querySelector("input, select");
    field?.focus();
    field?.select?.();
  }

  /** What is chosen: {row, index, item, part, fields}; the film as a whole where nothing is. */
  #chosen() {
    const { plan, chosen, about } = this.store;
    if (!chosen) return { ...FILM, index: null, item: null, part: plan };
    const { row, index } = chosen, part = partOf(plan, row, index);
    const item = index === null ? null : itemsOf(plan, row, about).find((each) => each.index === index) ?? null;
    return { row, index, item, part, fields: part ? fieldsOf(row, index) : [] };
  }

  #typed(target, isDone) {
    const { row, index, item, fields } = this.#chosen(), { name, time: end } = target.dataset, { store } = this;
    if (end) return isDone && this.#place(item, Number(end), Number(target.value));
    const field = fields.find((each) => each.name === name);
    if (!field || (!isDone && !["text", "colour"].includes(field.kind))) return;
    const value = name === "loudness_lufs" && row === null && target.value === "" ? null : said(target, field);
    if (value === null && row !== null) return;
    store.editPlan((plan) => (row === null ? { ...plan, [name]: value } : withField(plan, row, index, name, value)), `field ${row} ${index} ${name}`);
  }

  /** Another begin, end or length was typed. */
  #place(item, end, value) {
    const { row, index } = this.#chosen(), { store } = this;
    if (!Number.isFinite(value)) return this.#draw();
    const times = end === 0 ? { from_s: value, to_s: value + item.to_s - item.from_s } : { from_s: item.from_s, to_s: value };
    store.editPlan((plan) => placed(plan, row, index, times, end || null, store.time));
  }

  #do(what) {
    const { row, index, item } = this.#chosen(), { store } = this;
    if (what === "remove") {
      store.editPlan((plan) => removed(plan, row, index));
      store.choose(null);
    } else if (what === "go") store.seek(item.from_s);
    else if (what === "close") store.choose(null);
    else if (what === "whole") store.editPlan((plan) => ({ ...plan, [row]: plan[row].with(index, { ...plan[row][index], from_s: 0, to_s: 86400 }) }));
  }

  #draw() {
    const { row, index, item, part, fields } = this.#chosen(), { plan, chosen } = this.store;
    const title = row === null ? "The film" : index === null ? rowOf(row).title : rowOf(row).one;
    draw(this, html`<div class="row head"><h3>${title}</h3>${item && html`<span class="quiet small number">${clockText(item.from_s)} to ${clockText(item.to_s)}</span>`}
        ${chosen && html`<button type="button" class="button small" data-key="close" data-do="close">Close</button>`}</div>
      ${row !== null && index === null && !part ? html`<p class="quiet small" data-key="none">Nothing is here yet. The + beside its name adds it.</p>` : ""}
      <div class="fields" data-key="${`${row} ${index}`}">
        ${item && !item.isFixed ? times(item, row) : ""}
        ${fields.map((field) => control(field, shown(part, field), { clips: namedClips(plan), looks: looksFor(part?.look) }))}
        ${row === "pictures" && index !== null && part?.file ? html`<img class="given" src="/studio/references/${part.file}" alt="${`The picture ${item?.label ?? ""}`}">` : ""}
      </div>
      ${index !== null && part ? html`<div class="row" data-key="acts">
        ${item && html`<button type="button" class="button small" data-key="go" data-do="go">Go there</button>`}
        ${WHOLE.includes(row) && html`<button type="button" class="button small" data-key="whole" data-do="whole">All of the film</button>`}
        <button type="button" class="button small bad" data-key="remove" data-do="remove">Remove</button></div>` : ""}`);
    this.#fill(part, fields, item);
  }

  /** Put the values in; what is being typed is left alone. */
  #fill(part, fields, item) {
    for (const each of this.querySelectorAll("[data-name], [data-time]")) {
      if (each === document.activeElement && each.type !== "checkbox" && each.localName !== "select") continue;
      const field = fields.find(({ name }) => name === each.dataset.name);
      if (each.dataset.time) each.value = (each.dataset.time === "0" ? item.from_s : item.to_s).toFixed(2);
      else if (each.type === "checkbox") each.checked = shown(part, field);
      else each.value = shown(part, field) ?? "";
    }
  }
}

/** The looks that the form of the Create tab offers, and the one that is chosen. */
function looksFor(look) {
  const forms = document.querySelector("reshoot-form")?.forms ?? [], fields = forms.flatMap((form) => form.fields);
  const known = fields.find(({ name }) => name === "generate.look")?.choices ?? [];
  return known.some(({ value }) => value === look) || !look ? known : [...known, { value: look, title: look }];
}

const time = (key, title, end) => html`<label class="field number" data-key="${key}"><span class="small">${title} <span class="quiet">s</span></span>
  <input type="number" data-time="${end}" min="0" step="0.04" aria-label="${title} (s of the clip)"></label>`;
const times = ({ ends }, row) => html`${time("from", "Begins", 0)}${ends[1] && row !== "effects" && time("to", "Ends", 1)}`;

customElements.define("reshoot-film-panel", FilmPanel);
