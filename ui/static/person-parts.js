// The parts of <reshoot-person> as markup: its summary, the picture with the canvas, the tools and the files.
import { MATTE, POINTED, STROKES, SUBJECT } from "./clip-own.js";
import { html } from "./shared.js";

const KINDS = "video/*,.mkv,.mov,application/zip,.zip";
const TOOLS = { point: "Who is meant", add: "Add", remove: "Take away" };

/** What is chosen for the person, in a few words; `matte` is the name of its file, if that is known. */
export function summary(settings, painting, matte) {
  const who = settings[MATTE] ? `the matte ${matte ?? "that was given"}` : settings[SUBJECT] === POINTED ? "who was clicked on" : "";
  const count = painting.is(settings[STROKES]) ? painting.count : null;
  const strokes = count === null ? (settings[STROKES] ? "brush strokes" : "") : count ? `${count} stroke${count > 1 ? "s" : ""}` : "";
  return [who, strokes].filter(Boolean).join(", ") || "Who is meant, and their outline: look, click, paint.";
}

/** To which of several clips the point, the matte or the strokes belong. */
export function whose({ title }, settings) {
  if (settings[SUBJECT] !== POINTED && !settings[MATTE] && !settings[STROKES]) return html`<p class="quiet small">This is for ${title} alone.</p>`;
  return html`<p class="small">What is set here belongs to ${title} alone. To start several clips at once, take it away.</p>`;
}

export const picture = ({ after, width, height, frame }, tool, isOld) => html`<div class="shown${isOld ? " old" : ""}" style="--ratio: ${width / height}">
    <img src="${after}" width="${width}" height="${height}" alt="Frame ${frame}: the person in colour with an outline, all else grey.">
    <canvas data-own tabindex="0" role="application" aria-label="${tool === "point" ? "Click on who is meant" : "Paint on the picture"}.
      With the keyboard: arrow keys move the mark, Enter sets it."></canvas>
    <span class="chip busy" ${isOld ? "" : "hidden"}>Looking…</span>
  </div>`;

export const tools = (tool, radius, painting, settings) => html`<div class="row tools">
    <fieldset class="choices"><legend class="hidden">What a click on the picture does</legend>${Object.entries(TOOLS).map(([name, title]) => html`<label class="choice">
      <input type="radio" name="tool" value="${name}" ${name === tool ? "checked" : ""}><span>${title}</span></label>`)}</fieldset>
    ${tool !== "point" && html`<label class="brush">Brush <input type="range" name="radius" min="0.003" max="0.08" step="0.001" value="${radius}"></label>`}
    ${tool === "point" && settings[SUBJECT] === POINTED && html`<button type="button" class="button small" data-do="anybody">The largest person again</button>`}
    ${painting.count > 0 && html`<button type="button" class="button small" data-do="undo">Undo</button>
      <button type="button" class="button small" data-do="clear">Clear strokes</button>`}
  </div>
  <p class="quiet small">${tool === "point" ? "Click on the person who is meant." : `Paint over what is ${tool === "add" ? "missing" : "too much"}. A stroke is carried through the clip, up to a cut; paint again in another frame where it goes astray.`}</p>`;

export const files = (settings, painting, sending) => html`<div class="row">
    <button type="button" class="button small" data-do="check">See it in the whole clip</button>
    <button type="button" class="button small" data-do="matte">${settings[MATTE] ? "Use another matte" : "Use a matte of yours"}</button>
    ${settings[MATTE] && html`<button type="button" class="button small" data-do="no-matte">Remove the matte</button>`}
    ${painting.digest && html`<a class="small" href="/studio/strokes/${painting.digest}" download="strokes.json">Save the strokes</a>`}
    ${sending && html`<span class="chip busy">Reading ${sending}</span>`}
    <input type="file" hidden accept="${KINDS}" aria-label="A matte from another program">
  </div>
  <p class="quiet small">“See it in the whole clip” starts a job that also writes the matte for other programs. A matte of yours is a video in which the person is white, or a zip of PNG pictures, one for each frame.</p>`;
