// Renders the cards of <reshoot-clips>: a file that is uploading, and a stored clip with its facts.
import { bytesText, estimateText, html, percentText, secondsText } from "./shared.js";

const PRESETS = { fast: "Fast", balanced: "Balanced", quality: "Quality" };

export function uploadCard(upload) {
  const { key, have, state } = upload;
  const title = upload.title ?? upload.file.name, size = upload.size ?? upload.file.size;
  const goes = ["sending", "retrying", "waiting"].includes(state);
  const share = size ? have / size : 0;
  return html`<li class="card clip" data-key="${key}">
    <div class="what">
      <h3>${title}</h3>
      <div class="bar" role="progressbar" aria-label="${upload.address === undefined ? "Upload" : "Fetch"} of ${title}" aria-valuemin="0" aria-valuemax="100"
        aria-valuenow="${Math.floor(100 * share)}"><i style="width:${(100 * share).toFixed(1)}%"></i></div>
      <p class="small quiet number">${progressText(upload, share, size)}</p>
      ${upload.problem && html`<p class="alert ${state === "retrying" ? "warn" : ""}">${upload.problem}</p>`}
    </div>
    <div class="row acts">
      ${goes && html`<button type="button" class="button small" data-do="pause" aria-label="Pause ${title}">Pause</button>`}
      ${!goes && html`<button type="button" class="button small main" data-do="resume"
        aria-label="${goOn(upload)}: ${title}">${goOn(upload)}</button>`}
      <button type="button" class="button small" data-do="remove" aria-label="Remove ${title}">Remove</button>
    </div>
  </li>`;
}

const goOn = ({ file, state }) => (!file ? "Choose the file again" : state === "stopped" ? "Try again" : "Resume");

function progressText({ state, have, speed, left_s, file }, share, size) {
  const far = size ? `${percentText(share)} of ${bytesText(size)}` : have ? `${bytesText(have)} are here` : "Nothing is here yet";
  if (!file) return `${far} is here from an earlier visit. Choose the same file and it goes on.`;
  if (state === "waiting") return size ? `Waiting for its turn · ${bytesText(size)}` : "Waiting for its turn";
  if (state === "retrying") return `${far} · trying again`;
  if (state !== "sending") return `${far} · ${state === "paused" ? "paused" : "stopped"}`;
  if (size && have === size) return "Finishing";
  return speed ? `${far} · ${bytesText(speed)}/s${left_s === null ? "" : ` · ${secondsText(left_s)} left`}` : far;
}

export function clipCard(clip, others) {
  const { id, title, told } = clip;
  const state = told?.state ?? "looking";
  return html`<li class="card clip ${state}" data-key="${id}">
    ${state !== "refused" && html`<div class="poster">${told?.poster && html`<img src="${told.poster}" alt="" loading="lazy">`}</div>`}
    <div class="what">
      <h3>${title}</h3>
      ${told?.address && html`<p class="small quiet">From ${told.address}</p>`}
      ${state === "looking" && html`<p class="quiet">Looking at it…</p>`}
      ${state === "refused" && html`<p class="alert"><strong>${told.problem}</strong> ${told.remedy}</p>`}
      ${state === "ready" && readyPart(told, sameAs(clip, others))}
    </div>
    <div class="row acts">
      ${told?.settings && html`<button type="button" class="button small" data-do="use"
        aria-label="Use the settings of ${title}">Use its settings</button>`}
      <button type="button" class="button small" data-do="remove" aria-label="Remove ${title}">Remove</button>
    </div>
  </li>`;
}

function readyPart({ facts, estimates, bytes }, same) {
  const rows = Object.entries(estimates).flatMap(([kind, presets]) => Object.entries(presets).map(
    ([preset, it]) => ({ it, title: PRESETS[preset] ?? (preset || kind[0].toUpperCase() + kind.slice(1)) })));
  return html`<p class="small quiet number">${factsText(facts, bytes)}</p>
    ${same && html`<p class="small quiet">The same clip as ${same}.</p>`}
    ${facts.notes.map((note) => html`<p class="small quiet">${note}</p>`)}
    ${rows.length > 0 && html`<p class="small quiet">On this machine (${rows[0].it.device}), time and memory:</p><dl class="estimates small">
      ${rows.map(({ title, it }) => html`<div><dt>${title}</dt>
        <dd class="number">${estimateText(it)}</dd></div>`)}</dl>`}`;
}

/** "1920 × 1080 · 29.97 frames/s · 12.4 s · with sound · 48 MB" */
export function factsText({ width, height, fps, seconds, sound, constant_rate }, bytes) {
  const rate = `${constant_rate ? "" : "about "}${Math.round(100 * fps) / 100} frames/s`;
  const length = seconds < 90 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return [`${width} × ${height}`, rate, length, sound ? "with sound" : "no sound", bytesText(bytes)].join(" · ");
}

const sameAs = (clip, others) =>
  others.find((each) => each !== clip && each.told?.facts && each.told.facts.digest === clip.told.facts.digest)?.title;
