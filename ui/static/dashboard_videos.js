// Renders the dashboard's table of finished videos: measures, their meaning, and the time of each stage.
import { bytesText, html, percentText, secondsText } from "./shared.js";
import { bar, timeText } from "./dashboard_cards.js";

export const START = { by: "finished_at", down: true };
const MARKS = { good: ["●", "good"], look: ["▲", "worth a look"] };
const STATES = { done: "finished", running: "running", queued: "in line", waiting: "waiting for room", paused: "paused", failed: "failed", cancelled: "cancelled" };

/** The sort order after a click on a column header. */
export function turned({ by, down }, wanted) {
  return { by: wanted, down: by === wanted ? !down : wanted === "finished_at" };
}

const valueOf = (video, by) => (by in video ? video[by] : video.numbers[by]?.value) ?? null;
function sorted(videos, { by, down }) {
  const after = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b) * (down ? -1 : 1);
  return [...videos].sort((one, other) => {
    const [a, b] = [valueOf(one, by), valueOf(other, by)];
    return a === null || b === null ? (a === null) - (b === null) : after(a, b);
  });
}

export function videosCard({ videos, measures, states }, sort, open) {
  const columns = measures.filter(({ name }) => videos.some((video) => name in video.numbers));
  const count = Object.keys(STATES).filter((state) => states[state]).map((state) => `${states[state]} ${STATES[state]}`);
  return html`<section class="card stack whole" aria-labelledby="dashboard-videos" data-key="videos">
    <div class="row between"><h3 id="dashboard-videos">Videos</h3><p class="quiet small">${count.join(", ")}</p></div>
    ${videos.length === 0 ? html`<p class="empty">No video is finished yet. What comes out is measured here.</p>` : html`
    <div class="scroll" role="region" aria-labelledby="dashboard-videos" tabindex="0"><table>
      <thead><tr>${head("title", "Video", sort)} ${columns.map(({ name, title }) => head(name, title, sort, true))}
        ${head("seconds", "Time", sort, true)} ${head("finished_at", "Finished", sort, true)}</tr></thead>
      <tbody>${sorted(videos, sort).map((video) => row(video, columns, open.has(video.job)))}</tbody>
    </table></div>
    ${columns.length > 0 && meanings(columns)}`}
  </section>`;
}

function head(name, title, { by, down }, end = false) {
  const order = by === name ? (down ? "descending" : "ascending") : "none";
  return html`<th aria-sort="${order}" class="${end ? "end" : ""}"><button type="button" class="sort" data-act="sort" data-by="${name}">
    ${title}<span aria-hidden="true">${{ none: "", ascending: " ↑", descending: " ↓" }[order]}</span></button></th>`;
}

function row(video, columns, open) {
  const { job, title, preset, look, warnings } = video;
  const notes = [look, preset, warnings > 0 && `${warnings} ${warnings === 1 ? "warning" : "warnings"}`].filter(Boolean);
  return html`<tr data-key="${job}">
    <th scope="row"><button type="button" class="plain-link" data-act="result" data-job="${job}">${title}</button>
      <span class="quiet small">${notes.join(", ")}</span></th>
    ${columns.map((measure) => cell(measure, video.numbers[measure.name]))}
    <td class="end number">${time(video, open)}</td><td class="end number">${whenText(video.finished_at)}</td></tr>
  ${open && html`<tr data-key="${job}-stages" class="inner"><td colspan="${3 + columns.length}">${timeline(video)}${spent(video)}</td></tr>`}`;
}

function time({ job, seconds, stages, title }, open) {
  if (seconds === null) return "–";
  if (stages.length === 0) return secondsText(seconds);
  return html`<button type="button" class="button small" data-act="stages" data-job="${job}" aria-expanded="${open}">
    ${secondsText(seconds)}<span class="hidden"> for ${title}: steps</span> <span aria-hidden="true">${open ? "▴" : "▾"}</span></button>`;
}

function cell({ unit }, told) {
  if (!told) return html`<td class="end quiet">–</td>`;
  const [sign, word] = MARKS[told.mark] ?? ["", ""];
  return html`<td class="end number">${told.value.toFixed(2)} ${unit}
    <span class="mark ${told.mark}" aria-hidden="true">${sign}</span><span class="hidden">${word}</span></td>`;
}

/** Sums the stages of one kind into one line, because a video has many windows. */
function timeline({ stages, cached }) {
  const kinds = new Map();
  for (const { title: kind, seconds, hit } of stages) {
    const { seconds: before = 0, hits = 0, all = 0 } = kinds.get(kind) ?? {};
    kinds.set(kind, { seconds: before + (seconds ?? 0), hits: hits + hit, all: all + 1 });
  }
  const top = Math.max(...[...kinds.values()].map(({ seconds }) => seconds), 1e-9);
  return html`<table class="sizes"><caption class="quiet small">Steps of this run${cached > 0 && `; ${cached} came from the cache`}</caption>
    <thead class="hidden"><tr><th>Step</th><th>Share</th><th>Time</th></tr></thead>
    <tbody>${[...kinds].map(([kind, { seconds, hits, all }]) => html`<tr><th scope="row">${kind}</th>
      <td class="long">${bar(seconds / top, hits === all ? "cached" : "")}</td>
      <td class="end number">${timeText(seconds)}${hits > 0 && html` <span class="quiet small">${hits === all ? "cached" : `${hits} of ${all} cached`}</span>`}</td></tr>`)}</tbody></table>`;
}

/** What making a video took: seconds with and without the cache, what was not made again, memory and graphics card. */
function spent({ spent: { computed_s, found_s, saved_s, saved_bytes, peak_rss_mb }, card }) {
  const parts = [
    computed_s !== null && `Computed in ${timeText(computed_s)}`,
    saved_bytes > 0 && `found in ${timeText(found_s)} what had taken ${timeText(saved_s)}, ${bytesText(saved_bytes)} not made again`,
    peak_rss_mb !== null && `${bytesText(peak_rss_mb * 1e6)} of memory at most`,
    card ? `${card.name} ${percentText(card.busy)} busy, ${bytesText(card.peak_mb * 1e6)} of its memory at most` : "no graphics card used",
  ].filter(Boolean);
  return html`<p class="quiet small spent">${parts.join("; ")}.</p>`;
}

function meanings(columns) {
  return html`<details class="meanings"><summary>What the numbers mean</summary>
    <p class="quiet small"><span class="mark good" aria-hidden="true">●</span> good
      <span class="mark look" aria-hidden="true">▲</span> worth a look; no sign: in between, or neither.</p>
    <dl>${columns.map(({ title, unit, meaning }) => html`<dt>${title} <span class="quiet">${unit}</span></dt><dd>${meaning}</dd>`)}</dl></details>`;
}

function whenText(seconds) {
  return seconds ? new Date(1000 * seconds).toLocaleString([], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }) : "–";
}
