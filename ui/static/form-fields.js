// The controls of <reshoot-form>, one for each setting: their markup, and their values in and out.
import "./guide-choice.js";
import "./loras.js";
import "./model-choice.js";
import "./prompts.js";
import "./reference.js";
import { html, raw } from "./shared.js";

const MOST_RADIOS = 4, LARGEST_RANGE = 1000, LONGEST_LINE = 100;
/** Controls that are elements of their own, which have a `value`, `take` one, and tell a `change`. */
const ELEMENTS = { references: "reshoot-reference", models: "reshoot-model-choice", loras: "reshoot-loras", guide: "reshoot-guide" };
export const isOwn = ({ localName }) => Object.values(ELEMENTS).includes(localName);

/** Which control a setting has: the one that the server names, or one for its kind. */
function controlOf({ control, kind, choices, minimum, maximum }) {
  if (control) return control;
  if (kind === "text") return maximum > LONGEST_LINE ? "paragraph" : "line";
  if (kind === "choice") return choices.some((each) => each.picture) ? "pictures" : choices.length > MOST_RADIOS ? "select" : "radios";
  return minimum !== null && maximum !== null && maximum <= LARGEST_RANGE ? "range" : "number";
}

const NUMBERS = ["range", "number", "seed"];
const PARTS = {
  references, models: element, loras: element, guide: element, engines, pictures: radios, radios, select, range: number, number, seed: number,
  line: text, paragraph: text, prompt: text,
};

/** A setting with its title, control, help, and room for what is wrong with its value. */
export function fieldPart(field) {
  const control = controlOf(field), id = idOf(field.name);
  const about = `${id}-help ${id}-note ${id}-wrong`;
  return html`<div class="field ${control}" data-key="${field.name}" data-field="${field.name}">
    ${PARTS[control](field, id, about, control)}
    <p class="quiet small help" id="${id}-help">${control === "references" ? "" : field.help}</p>
    <p class="small note" id="${id}-note">${field.note}</p>
    <p class="alert small wrong" id="${id}-wrong" hidden></p>
  </div>`;
}

/** The button that sets a setting back to what its preset says; hidden while it is that already. */
const back = ({ name }) => html`<button type="button" class="back small" data-back="${name}" hidden></button>`;
const named = ({ title, unit }) => html`${title}${unit ? html` <span class="unit">(${unit})</span>` : ""}`;
const plain = ({ title, unit }) => (unit ? `${title} (${unit})` : title);
const idOf = (name) => `setting-${name.replaceAll(".", "-")}`;

function radios(field, id, about, control) {
  return html`<fieldset aria-labelledby="${id}-title" aria-describedby="${about}"><legend><span class="title" id="${id}-title">${named(field)}</span>${back(field)}</legend>
    <div class="choices">${field.choices.map((each, i) => html`<label class="choice">
      <input type="radio" name="${field.name}" value="${i}" ${control === "pictures" ? html`aria-describedby="${id}-note"` : ""}>
      ${each.picture ? html`<img src="${each.picture}" alt="" width="96" height="96">` : ""}<span>${each.title}</span></label>`)}</div></fieldset>`;
}

/** Engines as cards: what each is good for, and whether it can run here. */
function engines(field, id, about) {
  return html`<fieldset class="options" aria-labelledby="${id}-title" aria-describedby="${about}"><legend><span class="title" id="${id}-title">${named(field)}</span>${back(field)}</legend>
    ${field.choices.map((each, i) => html`<label class="option"><input type="radio" name="${field.name}" value="${i}" aria-labelledby="${id}-${each.value}" aria-describedby="${id}-${each.value}-about">
      <span class="row"><b id="${id}-${each.value}">${each.title}</b><span class="chip ${each.ready ? "good" : "warn"}">${each.ready ? "ready" : "not ready"}</span></span>
      <span class="quiet small" id="${id}-${each.value}-about">${each.good_for}</span></label>`)}</fieldset>`;
}

function select(field, id, about) {
  return html`<div class="top"><label class="title" for="${id}">${named(field)}</label>${back(field)}</div>
    <select id="${id}" aria-describedby="${about}">${field.choices.map((each, i) => html`<option value="${i}">${each.title}</option>`)}</select>`;
}

function number(field, id, about, control) {
  const limits = ["minimum", "maximum"].map((each) => (field[each] === null ? "" : `${each.slice(0, 3)}="${Number(field[each])}"`));
  const steps = raw(`${limits.join(" ")} step="${Number(field.step) || "any"}"`);
  return html`<div class="top"><label class="title" for="${id}">${named(field)}</label>${back(field)}</div>
    <div class="row numbers">
      ${control === "range" ? html`<input type="range" ${steps} aria-label="${`${plain(field)}, slider`}" aria-describedby="${about}">` : ""}
      <input type="number" id="${id}" ${steps} inputmode="decimal" aria-describedby="${about}">
      ${control === "seed" ? html`<button type="button" class="button small die" data-roll="${field.name}"><span aria-hidden="true">⚄</span> Roll</button>` : ""}
    </div>`;
}

function text(field, id, about, control) {
  const isLine = control === "line", attributes = html`id="${id}" aria-describedby="${about}" spellcheck="${!isLine}" data-text`;
  return html`<div class="top"><label class="title" for="${id}">${named(field)}</label>${back(field)}</div>
    ${isLine ? html`<input type="text" maxlength="${field.maximum}" ${attributes}>`
             : html`<textarea rows="${control === "prompt" ? 3 : 2}" ${attributes}></textarea><p class="small quiet number count" aria-live="polite"></p>`}
    ${control === "prompt" ? html`<reshoot-prompts data-own></reshoot-prompts>` : ""}`;
}

function element(field, id, about, control) {
  const tag = raw(ELEMENTS[control]);
  return html`<fieldset aria-labelledby="${id}-title" aria-describedby="${about}"><legend><span class="title" id="${id}-title">${named(field)}</span>${back(field)}</legend>
    <${tag} data-own ${field.noun ? html`noun="${field.noun}"` : ""}></${tag}></fieldset>`;
}

function references(field) {
  return html`<reshoot-reference class="studio reference" heading="${field.heading ?? field.title}" noun="${field.noun ?? "picture"}" about="${field.about ?? field.help}"
    most-bytes="${field.most_bytes}" styles="${JSON.stringify(field.styles ?? [])}" data-own></reshoot-reference><span class="top">${back(field)}</span>`;
}

const isFor = ({ engines }, engine) => !engines || engines.includes(engine);

/** Let the controls of a part know which engine is chosen, and which look. */
export function tellEngine(part, field, engine, look) {
  const several = field.several_for?.[engine], most = several && !several.includes(look) ? 1 : field.most?.[engine] ?? 1;
  part.querySelector("reshoot-reference")?.setAttribute("most", most);
  part.querySelector("reshoot-model-choice")?.setAttribute("engine", engine);
  for (const [at, each] of [...part.querySelectorAll(":scope > select option")].entries()) each.hidden = each.disabled = !isFor(field.choices[at], engine);
}

/** The value of a setting's control, a list where it is that of several settings; of the slider if that is what was moved, else of the number beside it. */
export function read(part, field, moved = null) {
  const control = controlOf(field);
  if (control in ELEMENTS) return part.querySelector(ELEMENTS[control]).value;
  if (control === "select") return field.choices[part.querySelector("select").value].value;
  if (field.kind === "text") return part.querySelector("[data-text]").value;
  if (!NUMBERS.includes(control)) return field.choices[part.querySelector("input:checked").value].value;
  const text = (moved?.type === "range" ? moved : part.querySelector("[type=number]")).value;
  return text === "" ? null : Number(text);
}

/** Show a value in a setting's control, except in the part of it that is being moved. */
export function write(part, field, value, moved = null) {
  const control = controlOf(field), at = String(field.choices.findIndex((each) => each.value === value));
  if (control in ELEMENTS) part.querySelector(ELEMENTS[control]).take?.(value);
  else if (control === "select") part.querySelector("select").value = at;
  else if (field.kind === "text") {
    const box = part.querySelector("[data-text]");
    if (box !== moved) box.value = value ?? "";
  }
  else if (NUMBERS.includes(control)) {
    for (const each of part.querySelectorAll("input")) if (each !== moved) each.value = value ?? "";
  } else for (const each of part.querySelectorAll("input")) each.checked = each.value === at;
}

/** Mark a setting as changed or not, and explain what is chosen: with a sentence of its own, or the one of the choice. */
export function mark(part, field, value, usual, isChanged, note) {
  const button = part.querySelector("[data-back]"), about = field.choices.find((each) => each.value === value)?.about;
  const said = valueText(field, usual);
  part.classList.toggle("changed", isChanged);
  button.hidden = !isChanged;
  button.textContent = `Back to ${said}`;
  button.setAttribute("aria-label", `Back to ${said}: ${plain(field)} was changed`);
  part.querySelector(".note").textContent = note || (about ?? field.note);
  const count = part.querySelector(".count");
  if (count) count.textContent = countText(field, value ?? "");
  count?.classList.toggle("beyond", isTooLong(field, value));
}

/** Whether a text has more characters than its setting takes; they stay, for whoever typed them shortens them best. */
export const isTooLong = ({ kind, maximum }, value) => kind === "text" && (value?.length ?? 0) > maximum;

function countText(field, value) {
  const [length, most] = [value.length, field.maximum].map((each) => each.toLocaleString("en"));
  if (!isTooLong(field, value)) return value && `${length} of ${most} characters`;
  return `${length} characters; ${most} are the most. Shorten it by ${(value.length - field.maximum).toLocaleString("en")}.`;
}

function valueText(field, value) {
  if (value === null || value === "" || Array.isArray(value)) return "none";
  return field.kind === "choice" ? (field.choices.find((each) => each.value === value)?.title ?? value) : `${value} ${field.unit}`.trim();
}

/** Show what is wrong with a setting's value, or that nothing is. */
export function tellWrong(part, text) {
  const told = part.querySelector(".wrong");
  told.textContent = text;
  told.hidden = !text;
  for (const each of part.querySelectorAll("input, select, textarea")) each.ariaInvalid = text ? "true" : null;
}
