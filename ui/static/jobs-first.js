// The first finished part of a running job, played on its card: keep going, or stop and change the settings. Stopping keeps
// what is made.
import { draw, html, openTab, remember, remembered } from "./shared.js";

const KEPT = "reshoot.keepgoing", MOST = 100;

/** Whether the card asks: the job runs, its first part is there, and nobody has answered in this browser. */
export const asks = (job) =>
  job.state === "running" && !job.wish && job.windows.length > 0 && !remembered(KEPT, []).includes(job.id);

/** Remember that a job is to go on, so that its card does not ask again. */
export function keepGoing(job) {
  remember(KEPT, [...remembered(KEPT, []), job.id].slice(-MOST));
}

/** The part of the card that asks; `buttons` are drawn by the card. */
export function firstPart(job, buttons) {
  const [first] = job.windows;
  return html`<section class="first" data-key="first" aria-label="${`First finished part of ${job.title}`}">
    <div class="film" data-first="${first.url}" data-own></div>
    <div class="stack"><p><b>The first part is finished.</b> <span class="quiet">Is it what you want?</span></p>
      <p class="quiet small">Stopping keeps all that is made so far. Settings that come after it, such as the compression, go on
        from there; a new look only makes the person again.</p>
      <div class="row">${buttons}</div></div>
  </section>`;
}

/** Put the film into its place; one that plays already stays. */
export function fillFirst(card) {
  const place = card.querySelector("[data-first]");
  if (!place || place.film === place.dataset.first) return;
  place.film = place.dataset.first;
  draw(place, html`<video src="${place.film}" loop controls muted playsinline preload="auto" aria-label="First finished part"></video>`);
  const video = place.querySelector("video");
  video.muted = true;
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) video.play().catch(() => {}); // a browser may refuse to play by itself
}

/** Lead to the form with the clip and the settings of a job. */
export function editAgain(job) {
  window.dispatchEvent(new CustomEvent("reshoot:edit", { detail: { job: job.id } }));
  openTab("create");
}

/** What a job that was stopped has left behind. */
export function keptText({ state, share, windows }) {
  if (!["cancelled", "failed"].includes(state) || !share) return "";
  const parts = windows.length ? `, ${windows.length} finished ${windows.length > 1 ? "parts" : "part"} among it` : "";
  return `What was made is kept${parts}. Retry goes on from there; with other settings, work begins at the first step that they change.`;
}
