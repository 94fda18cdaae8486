// The parts of <reshoot-keys> as markup: how far the look through the clip is, and the strip of frames to paint.
import { timeText } from "./moment.js";
import { html, percentText, secondsText } from "./shared.js";

const KINDS = "image/png,image/jpeg,image/webp,image/tiff,application/zip,.zip,.json";

export function progress({ share, stage, left_s }) {
  return html`<div class="far stack"><div class="bar" role="progressbar" aria-label="Looking for the frames to paint" aria-valuemin="0" aria-valuemax="100"
      aria-valuenow="${Math.floor(100 * share)}" aria-valuetext="${percentText(share)}, ${stage}"><i style="width: ${(100 * share).toFixed(1)}%"></i></div>
    <p class="row small"><b class="number">${percentText(share)}</b><span role="status">${stage}</span>${left_s ? html`<span class="quiet number">about ${secondsText(left_s)} left</span>` : ""}
      <button type="button" class="button small" data-do="stop">Stop</button></p>
    <p class="quiet small">It goes on when this page is closed; the work itself does not look again.</p></div>`;
}

/** The frames in order; each with what it is for, and what was painted on it. */
export const strip = (frames, about) => html`<ol class="frames" tabindex="0" aria-label="Frames to paint, in order of time">${frames.map((each) => tile(each, about))}</ol>`;

function tile({ frame, reason, small, url, reach, painting }, { clip, moment }) {
  const called = `frame ${frame}`, isPainted = Boolean(painting);
  return html`<li data-key="frame ${frame}" class="${isPainted ? "painted" : "unpainted"}">
    <button type="button" class="shown" data-do="show" data-frame="${frame}" aria-current="${String(frame === moment)}" aria-label="${`Show ${called} in the preview`}">
      <img src="${small}" alt="" loading="lazy">${painting ? html`<span class="painting" style="${painting.style}"></span>` : ""}
      <span class="state" aria-hidden="true">${isPainted ? "✓ painted" : "to paint"}</span></button>
    <p class="row head"><b class="number">Frame ${frame}</b><span class="quiet small number">${timeText(clip, frame)}</span><span class="hidden">${isPainted ? "painted" : "to paint"}</span></p>
    <p class="small number">${reachText(reach, isPainted)}</p>
    <p class="quiet small why">${isPainted && painting.note ? painting.note : sentence(reason)}</p>
    <div class="row acts"><a class="button small" href="${url}" download aria-label="${`Download the picture of ${called}`}">Download</a>
      ${isPainted ? html`<button type="button" class="button small" data-do="unpaint" data-frame="${frame}" aria-label="${`Take the painting of ${called} away`}">Take away</button>`
        : html`<button type="button" class="button small" data-do="out" data-frame="${frame}" aria-label="${`Leave ${called} out`}">Leave out</button>`}</div>
  </li>`;
}

const sentence = (reason) => `${reason[0].toUpperCase()}${reason.slice(1)}.`;
const reachText = (reach, isPainted) => (reach ? `${isPainted ? "Makes" : "Will make"} frame${reach[1] - reach[0] > 1 ? `s ${reach[0]}–${reach[1] - 1}` : ` ${reach[0]}`}` : "");

/** What can be done with all of them. */
export function acts({ frames, archive, moment, canAdd, isChanged, out }) {
  const listed = frames.map(({ frame }) => frame).join(",");
  return html`<div class="row">
    <a class="button" data-key="all" href="${archive}?frames=${listed}" download>Download all ${frames.length}</a>
    <button type="button" class="button" data-key="drop" data-do="choose">Add painted pictures</button><span class="quiet small">or drop them here</span>
    <input type="file" multiple hidden accept="${KINDS}" aria-label="Painted pictures">
    ${moment === null ? "" : html`<button type="button" class="button small" data-key="add" data-do="add" data-frame="${moment}" ${canAdd ? "" : html`disabled`}>Add frame ${moment}, the one at the slider</button>`}
    ${isChanged && html`<button type="button" class="button small" data-key="back" data-do="back">The proposed frames again</button>`}
  </div>
  ${out.length > 0 && html`<p class="quiet small">Left out: ${out.map((frame, at) => html`${at ? ", " : ""}<button type="button" class="link" data-do="add" data-frame="${frame}" aria-label="${`Put frame ${frame} back`}">frame ${frame}</button>`)}.</p>`}`;
}

/** What is on its way, and why something was not taken. */
export const told = (sending, refused) => html`${sending > 0 && html`<p class="row small"><span class="chip busy">Recognising ${sending === 1 ? "a file" : `${sending} files`}…</span></p>`}
  ${refused.length > 0 && html`<ul class="refused alert small" role="alert">${refused.map(({ text }) => html`<li>${text}</li>`)}
    <li><button type="button" class="button small" data-do="read">Close</button></li></ul>`}`;
