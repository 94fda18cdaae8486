// Actions on jobs: sent to the server, shown optimistically at once, and reverted if the server refuses.
import { hasEnded, waits } from "./jobs-card.js";
import { editAgain, keepGoing } from "./jobs-first.js";
import { ask, openTab, tell } from "./shared.js";

const MOVES = ["up", "down", "drop"];
const ROUTES = { change: "cancel" };

/** Run the action of a card's button. */
export function act(page, job, what) {
  if (what === "show") return showResult(job);
  if (what === "again") return editAgain(job);
  if (what === "keep") return goOn(page, job);
  if (what === "no") return confirm(page, null);
  if (what === "yes") return sure(page, job);
  if (what === "up" || what === "down") return step(page, job, what);
  change(page, job, what, {});
}

function showResult(job) {
  window.dispatchEvent(new CustomEvent("reshoot:show", { detail: { job: job.id } }));
  openTab("result");
}

/** The first part was approved: the card stops asking, and the focus stays in it. */
function goOn(page, job) {
  keepGoing(job);
  page.show();
  page.say(`${job.title} goes on.`);
  page.querySelector(`[data-job="${job.id}"]`)?.focus();
}

/** Run an action, after a confirmation if it loses something or the job belongs to another browser. */
export function change(page, job, what, said) {
  if (what === "remove" || job.ask_first) confirm(page, { id: job.id, act: what, said });
  else send(page, job, what, said);
}

function sure(page, job) {
  const { act: what, said } = page.asking;
  page.asking = null;
  page.show();
  send(page, job, what, { ...said, sure: true });
}

/** Show or hide a confirmation in the card, and move the focus there. */
export function confirm(page, asking) {
  const was = page.asking;
  page.asking = asking;
  page.show();
  const card = page.querySelector(`[data-job="${(asking ?? was)?.id}"]`);
  (asking ? card?.querySelector("[data-act=no]") : (card?.querySelector(`[data-act="${was?.act}"]`) ?? card))?.focus();
}

/** Move a job one place up or down in the queue. */
export function step(page, job, way) {
  const line = page.state.jobs.filter(waits), at = line.findIndex((each) => each.id === job.id);
  if (way === "up" ? at <= 0 : at >= line.length - (page.moreInLine() ? 2 : 1)) return;
  const before = way === "up" ? line[at - 1] : line[at + 2];
  change(page, job, way, { before: before?.id ?? null });
}

async function send(page, job, what, said) {
  const moves = MOVES.includes(what);
  hope(page, job, what, said);
  try {
    if (what === "save") await ask(`jobs/${job.id}`, { method: "PATCH", json: said });
    else await ask(`jobs/${job.id}/${moves ? "move" : (ROUTES[what] ?? what)}`, { method: "POST", json: said });
    if (what === "change") editAgain(job);
    if (moves) page.say(`${job.title} is at place ${placeOf(page, job)} in line.`);
    if (what === "remove") page.say(`${job.title} was removed.`);
    if (what === "save") page.say(`The settings of ${job.title} were changed.`);
  } catch (problem) {
    tell(problem.message, "bad");
  }
  await page.refresh();
  page.hopes.delete(job.id);
  page.show();
}

/** Show the requested state at once, until the server's answer comes. */
function hope(page, job, what, { before }) {
  if (MOVES.includes(what)) reorder(page, job, before);
  if (what === "remove") page.hopes.set(job.id, { gone: true });
  const stops = ROUTES[what] ?? what;
  if (stops === "cancel" || stops === "pause")
    page.hopes.set(job.id, job.state === "running" ? { wish: stops } : { state: stops === "cancel" ? "cancelled" : "paused" });
  if (what === "resume" || what === "retry") page.hopes.set(job.id, { state: "queued", problem: "", windows: [] });
  page.show();
}

function reorder(page, job, before) {
  const jobs = page.state.jobs.filter((each) => each.id !== job.id);
  const at = before ? jobs.findIndex((each) => each.id === before) : jobs.findIndex(hasEnded);
  jobs.splice(at < 0 ? jobs.length : at, 0, job);
  page.state = { ...page.state, jobs };
}

function placeOf(page, job) {
  return page.state.jobs.filter(waits).findIndex((each) => each.id === job.id) + 1;
}

/** Run an action on all jobs of a batch that have not ended. */
export async function actOnBatch(page, batch, what) {
  if (what === "no") return confirm(page, null);
  const members = page.state.jobs.filter((job) => job.batch === batch);
  if (what !== "yes" && (what === "cancel" || members.some((job) => job.ask_first))) return confirm(page, { id: batch, act: what });
  const asked = what === "yes" ? page.asking.act : what;
  page.asking = null;
  try {
    await ask(`batches/${batch}/${asked}`, { method: "POST", json: { sure: what === "yes" } });
  } catch (problem) {
    tell(problem.message, "bad");
  }
  await page.refresh();
}
