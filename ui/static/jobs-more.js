// Fills the disclosures of a job's card: its finished windows, its settings and its events.
import { clock, moment } from "./jobs-card.js";
import { ask, draw, estimateText, html } from "./shared.js";

const LATELY_MS = 3000;

/** Fill an open disclosure, and refresh it when its content may have changed. */
export function fill(details, job) {
  const inside = details.querySelector("[data-own]");
  if (details.dataset.open === "films") return fillFilms(inside, job.windows);
  const turn = job.state === "running" ? Math.floor(Date.now() / LATELY_MS) : 0;
  const mark = [job.state, job.wish, job.attempts, job.preset, job.look, turn].join();
  if (inside.mark === mark) return;
  inside.mark = mark;
  ask(`jobs/${job.id}`).then(
    (told) => fillMore(inside, told),
    (problem) => {
      inside.mark = "";
      if (!inside.told) draw(inside, html`<p class="quiet small">${problem.message}</p>`);
    },
  );
}

/** Show the finished windows; those shown already stay, so that they continue to play. */
function fillFilms(node, windows) {
  const there = new Map([...node.children].map((figure) => [figure.dataset.window, figure]));
  for (const [url, figure] of there) if (!windows.some((each) => each.url === url)) figure.remove();
  for (const each of windows.filter(({ url }) => !there.has(url))) {
    const figure = document.createElement("figure");
    const name = `${each.segment}, frames ${each.start + 1} to ${each.stop}`;
    figure.dataset.window = each.url;
    draw(figure, html`<video preload="none" controls muted playsinline src="${each.url}" aria-label="${name}"></video>
      <figcaption class="small quiet">${name}</figcaption>`);
    figure.querySelector("video").muted = true;
    node.append(figure);
  }
}

/** Show the answer of GET /jobs/{id} in the details of a card. */
function fillMore(node, told) {
  node.told = told;
  draw(node, html`
    <dl class="facts small">
      <dt>Kind</dt><dd>${told.kind}</dd>
      ${told.preset && html`<dt>Preset</dt><dd>${told.preset}</dd>`}
      ${told.differing.map((each) => html`<dt>${each.title}</dt><dd>${value(each.value)} ${each.unit}
        <span class="quiet">(${told.preset || "usually"}: ${value(each.usual)})</span></dd>`)}
      ${told.estimate && told.state !== "done" && html`<dt>Expected</dt><dd>${estimateText(told.estimate)}, on ${told.estimate.device}</dd>`}
      <dt>Asked</dt><dd>${moment(told.created)}</dd>
      ${told.started ? html`<dt>Started</dt><dd>${moment(told.started)}</dd>` : ""}
      <dt>Attempts</dt><dd>${told.attempts}</dd>
    </dl>
    ${["queued", "paused", "waiting"].includes(told.state) ? editor(told) : ""}
    <h4>Diary</h4>
    ${told.diary.length ? html`<ol class="diary small">${told.diary.map(line)}</ol>` : html`<p class="quiet small">Nothing to note yet.</p>`}`);
}
function editor({ choices }) {
  if (!choices.length) return "";
  const choose = ({ name, title, choices, now }) => html`<label class="small">${title} <select name="${name}">${choices.map(
    (each) => html`<option value="${each}" ${each === now ? html`selected` : ""}>${each}</option>`)}</select></label>`;
  return html`<form class="row" data-key="editor" data-form="edit" data-own>${choices.map(choose)}<button class="button small">Change</button></form>`;
}
const line = (entry) =>
  html`<li class="${entry.level}"><time class="quiet number">${clock(entry.at)}</time> ${entry.sentence}</li>`;
const DIGEST = /^[0-9a-f]{64}$/;
function value(each) {
  if (each === null || each === undefined || each === "") return "none";
  return DIGEST.test(each) ? `a kept picture (${each.slice(0, 8)})` : String(each).split("/").pop();
}
