// What people can change of an item or a row of a film, beside its times: the fields of the plan, and how each is asked for.
import { read, withCues } from "./film-cues.js";
import { html } from "./shared.js";

const number = (name, title, usual, min, max, step, unit = "") => ({ name, title, kind: "number", usual, min, max, step, unit });
const share = (name, title, usual, min = 0, max = 100) => ({ name, title, kind: "number", usual, min, max, step: 1, unit: "%", scale: 100 });
const choice = (name, title, usual, choices) => ({ name, title, kind: "choice", usual, choices });
const colour = (name, title, usual) => ({ name, title, kind: "colour", usual });
const check = (name, title, usual) => ({ name, title, kind: "check", usual });
const text = (name, title, lines = 1) => ({ name, title, kind: "text", lines, usual: "" });

const FADE = number("fade_s", "Fade", 0, 0, 10, 0.05, "s");
const place = (width) => [share("left", "From the left", 0), share("top", "From the top", 0), share("width", "Width", width, 1)];
const PLACES = { bottom: "Bottom", middle: "Middle", top: "Top" };
const style = (height, where) => [
  share("style.height", "Size", height, 1, 50), colour("style.colour", "Colour", "#ffffff"), choice("style.place", "Place", where, PLACES),
  share("style.margin", "Margin", 0.08, 0, 45), share("style.outline", "Outline", 0.08, 0, 50), share("style.box", "Box behind it", 0),
];

/** The fields of an item of each row. */
export const ITEM = {
  cut: [text("why", "Why")],
  punches: [number("scale", "Larger by", 1.15, 1, 4, 0.05, "×"), number("ease_s", "Comes within", 0.2, 0, 10, 0.05, "s")],
  broll: [
    { name: "file", title: "Clip", kind: "clip" }, number("from_s", "Begins in it at", 0, 0, 86400, 0.1, "s"), { ...FADE, usual: 0.25 },
    choice("sound", "Its sound", "mute", { mute: "Not heard", duck: "Heard under the speech" }),
    choice("fit", "Fits by", "cover", { cover: "Filling the place", contain: "Being seen as a whole" }), ...place(1), share("height", "Height", 1),
  ],
  looks: [{ name: "look", title: "Look", kind: "look" }, share("strength", "Strength", 1), FADE],
  pictures: [...place(0.15), share("opacity", "Opacity", 1), FADE],
  titles: [text("text", "Text", 2), { ...FADE, usual: 0.3 }, ...style(0.09, "middle")],
  subtitles: [text("text", "Text", 2)],
  effects: [number("gain_db", "Louder by", 0, -60, 20, 1, "dB")],
};
/** The fields of a row as a whole, in the part of the plan that it names. */
export const ROW = {
  punches: ["zoom", [share("most", "Slow zoom to", 1.06, 100, 200), number("cycle_s", "There and back within", 6, 0.5, 600, 0.5, "s")]],
  subtitles: ["subtitles", [check("karaoke", "Mark each word while it is said", false), ...style(0.05, "bottom"), colour("style.spoken_colour", "Colour of the word that is said", "#ffd640")]],
  music: ["music", [number("loudness_lufs", "Loudness", -26, -60, -5, 1, "LUFS"), number("duck_db", "Lower under speech by", 10, 0, 60, 1, "dB"), number("fade_out_s", "Fades out within", 2, 0, 60, 0.5, "s")]],
  fades: ["fades", [number("in_s", "Out of black within", 0, 0, 60, 0.1, "s"), number("out_s", "Into black within", 0, 0, 60, 0.1, "s")]],
};
const INSIDE = { punches: "zoom" };
const TITLE = { height: 0.09, place: "middle" }; // where a title has no style of its own

/** The part of a plan that is edited: an item, or with no index the row's own part. */
export function partOf(plan, row, index) {
  if (index === null) return plan[ROW[row]?.[0]] ?? null;
  if (row === "music" || row === "fades") return plan[row] ?? null;
  if (row === "subtitles") return read(plan)?.cues[index] ?? null;
  return (INSIDE[row] ? plan[INSIDE[row]]?.[row] : plan[row])?.[index] ?? null;
}

/** A plan with another value of a field. */
export function withField(plan, row, index, name, value) {
  const old = partOf(plan, row, index), part = put(row === "titles" ? { ...old, style: old.style ?? TITLE } : old, name.split("."), value);
  if (index === null) return { ...plan, [ROW[row][0]]: part };
  if (row === "music" || row === "fades") return { ...plan, [row]: part };
  if (row === "subtitles") return withCues(plan, read(plan).cues.with(index, part));
  if (INSIDE[row]) return { ...plan, [INSIDE[row]]: { ...plan[INSIDE[row]], [row]: plan[INSIDE[row]][row].with(index, part) } };
  return { ...plan, [row]: plan[row].with(index, part) };
}
function put(part, [name, ...rest], value) {
  return { ...part, [name]: rest.length ? put(part?.[name] ?? {}, rest, value) : value };
}

/** The fields that are asked for here. */
export const fieldsOf = (row, index) => (index !== null && !["music", "fades"].includes(row) ? ITEM[row] : ROW[row]?.[1]) ?? [];

/** A field's value, as its control has it. */
export function shown(part, { name, usual, scale = 1 }) {
  const value = name.split(".").reduce((inside, each) => inside?.[each], part) ?? usual;
  return typeof value === "number" ? Math.round(1e4 * value * scale) / 1e4 : value;
}

/** What a control says; null for what cannot be used. */
export function said(control, { kind, min, max, scale = 1 }) {
  if (kind === "check") return control.checked;
  if (kind !== "number") return control.required && !control.value.trim() ? null : control.value;
  const value = control.value === "" ? NaN : Number(control.value);
  return Number.isFinite(value) ? Math.round(1e4 * Math.min(max, Math.max(min, value))) / 1e4 / scale : null;
}

/** A field's control; `named` are the choices that are known only here: clips that b-roll may be of, and looks, {value, title}. */
export function control(field, value, named) {
  const { name, title, kind, unit } = field, about = html`data-name="${name}" aria-label="${unit ? `${title} (${unit})` : title}"`;
  const options = (choices) => html`<select ${about}>${choices.map(({ value: each, title: called }) => html`<option value="${each}">${called}</option>`)}</select>`;
  if (kind === "check") return html`<label class="field tick" data-key="${name}"><input type="checkbox" ${about} ${value ? html`checked` : ""}> ${title}</label>`;
  const inside = {
    number: () => html`<input type="number" ${about} min="${field.min}" max="${field.max}" step="${field.step}">`,
    colour: () => html`<input type="color" ${about}>`,
    text: () => (field.lines > 1 ? html`<textarea rows="${field.lines}" required ${about}></textarea>` : html`<input type="text" ${about}>`),
    choice: () => options(Object.entries(field.choices).map(([each, called]) => ({ value: each, title: called }))),
    clip: () => options(named.clips),
    look: () => options(named.looks),
  }[kind]();
  return html`<label class="field ${kind}" data-key="${name}"><span class="small">${title}${unit && html` <span class="quiet">${unit}</span>`}</span>${inside}</label>`;
}
