// Renders the card of a job or a batch.
import { asks, firstPart, keptText } from "./jobs-first.js";
import { bytesText, cardText, html, percentText, secondsText } from "./shared.js";

const STATES = {
  queued: ["In line", ""], running: ["Running", "busy"], paused: ["Paused", "warn"], waiting: ["Waiting for room", "warn"],
  done: ["Done", "good"], failed: ["Failed", "bad"], cancelled: ["Cancelled", ""],
};
const MIB = 2 ** 20;
const WISHES = { cancel: "Cancelling…", pause: "Pausing…" };
const ACTS = {
  show: ["Show result", "main"], pause: ["Pause"], resume: ["Resume", "main"], retry: ["Retry"], again: ["Edit and run again"],
  cancel: ["Cancel"], remove: ["Remove"], keep: ["Keep going", "main"], change: ["Stop and change"], up: ["↑"], down: ["↓"], yes: ["Yes", "bad"], no: ["No"],
};
const BY_STATE = {
  running: ["pause", "cancel"], queued: ["up", "down", "pause", "cancel"], paused: ["up", "down", "resume", "cancel"],
  waiting: ["up", "down", "pause", "cancel"], done: ["show", "again", "remove"], failed: ["retry", "again", "remove"],
  cancelled: ["retry", "again", "remove"],
};
const QUESTIONS = {
  remove: "Remove this job and its result?", cancel: "Cancel it?", pause: "Pause it?", resume: "Resume it?", retry: "Retry it?",
  up: "Move it?", down: "Move it?", drop: "Move it?", save: "Change its settings?", change: "Stop it and change its settings?",
};

export const EMPTY = html`<div class="empty stack"><h2 tabindex="-1">Nothing here yet</h2>
  <p>Add a clip of somebody who walks up, choose a look, and press Restyle.<br>The work goes on here, also when this page is closed.</p>
  <p><button type="button" class="button main" data-create>Create something</button></p></div>`;

export const stateText = (job) => (job.wish ? WISHES[job.wish] : STATES[job.state][0]);
export const hasEnded = (job) => ["done", "failed", "cancelled"].includes(job.state);
export const waits = (job) => !hasEnded(job) && job.state !== "running";

/** A button of a job; its accessible name includes the job's title. */
function button(job, act, { label, disabled, all } = {}) {
  const [name, kind = ""] = ACTS[act], text = all ? `${name} all` : name;
  return html`<button type="button" class="button small ${kind}" data-key="${act}" data-act="${act}"
    aria-label="${`${label ?? text}: ${job.title}`}" ${disabled ? html`disabled` : ""}>${text}</button>`;
}

/** The card of a job: `asking` is the action to confirm, `place` whether it is first or last in the queue. */
export function card(job, { asking = "", place = null, batch = "" } = {}) {
  const chip = STATES[job.state][1];
  return html`<li class="card job ${job.state}" data-key="${job.id}" data-job="${job.id}" tabindex="-1">
    <div class="row head" data-key="head">
      ${place ? handle(job) : ""}
      ${job.picture && html`<img class="still" src="${job.picture}" alt="" loading="lazy" width="64" height="36">`}
      <h3 title="${job.title}">${job.title}</h3>
      <span class="chip ${job.wish ? "warn" : chip}">${stateText(job)}</span>
      ${batch ? html`<span class="chip">${batch}</span>` : ""}
      ${job.mine ? "" : html`<span class="chip">${job.ask_first ? "Other browser" : "Command line"}</span>`}
      <span class="quiet small look">${[job.kind !== "restyle" && job.kind, job.preset, job.look].filter(Boolean).join(" · ")}</span>
    </div>
    ${progress(job)} ${trouble(job)} ${outcome(job)} ${cost(job)} ${when(job)}
    ${asking ? question(job, asking) : html`<div class="row acts" data-key="acts">${buttons(job, place)}</div>`}
    ${!asking && asks(job) ? firstPart(job, [button(job, "keep"), button(job, "change")]) : job.windows.length ? films(job) : ""}
    <details data-key="more" data-open="more"><summary>Details<span class="hidden"> of ${job.title}</span></summary>
      <div class="more" data-own></div></details>
  </li>`;
}

function handle(job) {
  return html`<button type="button" class="handle" data-key="handle" data-act="handle"
    aria-label="${`Move ${job.title}: drag it, or use the arrow keys`}"><span aria-hidden="true">⠿</span></button>`;
}

function buttons(job, place) {
  const acts = BY_STATE[job.state].filter((act) => !(job.wish && (act === "pause" || job.wish === "cancel")));
  return acts.map((act) => {
    if (act === "up") return button(job, act, { label: "Move up", disabled: !place || place.first });
    if (act === "down") return button(job, act, { label: "Move down", disabled: !place || place.last });
    return button(job, act);
  });
}

function question(job, act) {
  const other = job.ask_first ? "This job was started in another browser. " : "";
  return html`<div class="row acts asking" data-key="asking" role="group" aria-label="${`Confirm: ${job.title}`}">
    <span>${other}${QUESTIONS[act]}</span>${button(job, "yes")}${button(job, "no")}</div>`;
}

function progress(job) {
  if (hasEnded(job) ? job.state === "done" || !job.share : job.state !== "running" && !job.share) return "";
  const percent = percentText(job.share);
  const left = job.state === "running" && !job.wish && job.left_s !== null ? `about ${secondsText(job.left_s)} left` : "";
  const words = job.state === "running" ? job.stage : hasEnded(job) ? "Came this far" : `Stopped at: ${job.stage}`;
  return html`<div class="far" data-key="far">
    <div class="bar" role="progressbar" aria-label="${`Progress of ${job.title}`}" aria-valuemin="0" aria-valuemax="100"
      aria-valuenow="${Math.floor(100 * job.share)}" aria-valuetext="${`${percent}, ${words}`}"><i style="width:${(100 * job.share).toFixed(1)}%"></i></div>
    <p class="row small"><b class="number">${percent}</b><span>${words}</span><span class="quiet number">${left}</span></p>
    ${job.card && html`<p class="quiet small number" data-key="card">Graphics card: ${cardText(job.card)}</p>`}</div>`;
}

const money = (value) => (value === null ? "" : ` for ${value >= 0.01 ? value.toFixed(2) : value.toPrecision(2)}`);

/** What a job took of cards, who made its windows, and what it would have taken on more of them. */
function cost({ cost: took }) {
  if (!took) return "";
  const makers = took.windows.map(({ worker, windows }) => `${worker} (${windows})`).join(", ");
  const plans = took.would_take.map(({ cards, seconds, money: price }) => `${cards} ${cards > 1 ? "cards" : "card"} ${secondsText(seconds)}${money(price)}`);
  return html`<p class="quiet small number" data-key="cost">Card time ${secondsText(took.seconds)}${money(took.money)}${makers && `, parts by ${makers}`}</p>
    ${plans.length > 0 && (makers || took.money !== null) && html`<p class="quiet small number" data-key="plans">Estimated by these times, for cards rented for it alone: ${plans.join(" · ")}</p>`}`;
}

/** When a job that has not ended was asked for or started, and what it is expected to take. */
function when(job) {
  if (hasEnded(job)) return "";
  const times = [
    job.started ? `started ${moment(job.started)}` : `asked ${moment(job.created)}`,
    job.expected_s !== null && `expected to take about ${secondsText(job.expected_s)}`,
  ];
  return html`<p class="quiet small number" data-key="when">${times.filter(Boolean).join(" · ")}</p>`;
}

function trouble(job) {
  if (job.state === "waiting") {
    const need = job.needs_bytes ? `Waiting for ${bytesText(job.needs_bytes)} of room on the disk.` : "Waiting for room.";
    return html`<p class="alert warn small" data-key="trouble">${need} It goes on by itself when there is enough; removing results makes room.</p>`;
  }
  if (job.state !== "failed") return "";
  return html`<div class="alert small" data-key="trouble"><p><b>${job.problem}</b></p><p>${job.remedy}</p></div>`;
}

function outcome(job) {
  if (!hasEnded(job)) return "";
  const { frames, bytes, warnings = [], card } = job.result ?? {};
  const facts = [
    frames && `${frames} frames`, bytes && bytesText(bytes),
    job.took_s && `took ${secondsText(job.took_s)}`, job.started && `started ${moment(job.started)}`,
    job.finished && `ended ${moment(job.finished)}`,
    card && `graphics card ${percentText(card.busy)} busy while it was made, ${bytesText(card.peak_mb * MIB)} taken at most`,
  ];
  const kept = keptText(job);
  return html`<p class="quiet small" data-key="facts">${facts.filter(Boolean).join(" · ")}</p>
    ${kept && html`<p class="quiet small" data-key="kept">${kept}</p>`}
    ${warnings.map((each) => html`<p class="alert warn small">${each}</p>`)}`;
}

function films(job) {
  const count = job.windows.length;
  return html`<details data-key="films" data-open="films"><summary>Finished so far: ${count} ${count > 1 ? "parts" : "part"} to watch<span
    class="hidden"> of ${job.title}</span></summary><div class="films" data-own></div></details>`;
}

export const clock = (at) => new Date(1000 * at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
export function moment(at) {
  const then = new Date(1000 * at);
  const time = then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return then.toDateString() === new Date().toDateString() ? time : `${then.toLocaleDateString()} ${time}`;
}

/** The summary card of a batch. */
export function batchCard(id, { name, share, counts }, asking) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const ended = (counts.done ?? 0) + (counts.failed ?? 0) + (counts.cancelled ?? 0);
  const parts = Object.keys(BY_STATE).filter((state) => counts[state]).map((state) => `${counts[state]} ${STATES[state][0].toLowerCase()}`);
  const it = { title: `batch of ${total}`, ask_first: false };
  const acts = [counts.paused && "resume", (counts.queued || counts.running) && "pause", ended < total && "cancel"].filter(Boolean);
  return html`<li class="card job batch" data-key="${id}" data-job="${id}" data-batch="${id}" tabindex="-1">
    <div class="row head" data-key="head"><h3 title="${name}">${name || `Batch ${batchName(id)}: ${total} clips`}</h3><span class="quiet small">${parts.join(" · ")}</span></div>
    <div class="far" data-key="far"><div class="bar" role="progressbar" aria-label="${`Progress of the ${it.title}`}" aria-valuemin="0"
      aria-valuemax="100" aria-valuenow="${Math.floor(100 * share)}"><i style="width:${(100 * share).toFixed(1)}%"></i></div>
      <p class="row small"><b class="number">${percentText(share)}</b><span>${ended} of ${total} ended</span></p></div>
    ${asking ? html`<div class="row acts asking" data-key="asking" role="group" aria-label="${`Confirm: ${it.title}`}">
      <span>${ACTS[asking][0]} all that is left of this batch?</span>${button(it, "yes")}${button(it, "no")}</div>`
    : html`<div class="row acts" data-key="acts">${counts.done ? zip(id, counts.done) : ""}${acts.map((act) => button(it, act, { all: true }))}</div>`}
  </li>`;
}
const zip = (id, done) => html`<a class="button small main" href="/studio/batches/${id}.zip" download>Download ${done > 1 ? `all ${done} clips` : "the clip"} (zip)</a>`;
/** Whether all jobs of a batch have ended. */
export const isOver = ({ counts }) => Object.keys(counts).every((state) => hasEnded({ state }));
/** The name of a batch of an earlier version: the first letters of its id. */
export const batchName = (id) => id.slice(0, 4).toUpperCase();
