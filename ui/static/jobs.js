// The Jobs tab: running, queued and ended jobs. It polls the server, and recovers by itself after an outage.
import { act, actOnBatch, change, confirm, step } from "./jobs-acts.js";
import { EMPTY, batchCard, batchName, card, hasEnded, isOver, moment, stateText, waits } from "./jobs-card.js";
import { dragging } from "./jobs-drag.js";
import { fillFirst } from "./jobs-first.js";
import { fill } from "./jobs-more.js";
import { ask, bytesText, draw, html, openTab, tell, whileSeen } from "./shared.js";

const ACTIVE_S = 1, IDLE_S = 3, MORE = 100;
const PARTS = ["told", "running", "batches", "line", "over", "ended", "empty"];
const WAITING = ["queued", "paused", "waiting"], ENDED = ["done", "failed", "cancelled"];

class Jobs extends HTMLElement {
  connectedCallback() {
    if (!this.parts) this.build();
    this.heard = () => this.refresh();
    window.addEventListener("reshoot:submitted", this.heard);
    this.poll = whileSeen(() => this.look());
  }

  disconnectedCallback() {
    this.poll.stop();
    window.removeEventListener("reshoot:submitted", this.heard);
  }

  build() {
    this.classList.add("studio");
    Object.assign(this, { state: null, most: { line: MORE, ended: 20 }, asking: null, hopes: new Map(), drawn: {}, tag: "", lost: "" });
    draw(this, html`<p class="hidden" aria-live="polite" data-own></p>
      <div class="stack">${PARTS.map((name) => html`<div data-part="${name}"></div>`)}</div>`);
    this.parts = Object.fromEntries(PARTS.map((name) => [name, this.querySelector(`[data-part=${name}]`)]));
    this.addEventListener("click", (event) => this.clicked(event.target));
    this.addEventListener("keydown", (event) => this.typed(event));
    this.addEventListener("submit", (event) => this.edited(event));
    this.addEventListener("toggle", ({ target }) => target.open && this.fill(target), true);
    dragging(this, (id, before) => this.dropped(id, before));
  }

  /** Poll now; if a request is under way, once more after it. */
  async refresh() {
    this.tag = "";
    if (this.busy) this.again = true;
    else this.poll.now();
    await this.busy;
  }

  /** Fetch the board; returns the seconds until the next poll. */
  async look() {
    this.busy ??= this.load();
    await this.busy;
    const active = this.state?.jobs.some((job) => job.state === "running" || job.state === "queued");
    return active && !this.lost && this.isShown() ? ACTIVE_S : IDLE_S;
  }

  async load() {
    do {
      this.again = false;
      const { line, ended } = this.most;
      const headers = this.tag ? { "If-None-Match": this.tag } : {};
      try {
        this.take(await ask(`jobs?line=${line}&ended=${ended}`, { headers }));
      } catch (problem) {
        this.lost ||= `${problem.message} Below is how it stood at ${moment(Date.now() / 1000)}.`;
        this.show();
      }
    } while (this.again);
    this.busy = null;
  }

  /** The server's answer; nothing if it is unchanged (304). */
  take(found) {
    const before = new Map((this.state?.jobs ?? []).map((job) => [job.id, job.state]));
    const healed = this.lost;
    this.lost = "";
    if (found) Object.assign(this, { state: found, tag: found.tag });
    if (found) this.announce(found.jobs.filter((job) => before.has(job.id) && before.get(job.id) !== job.state));
    if (found || healed) this.show();
  }

  /** Announce changes of state once; the end of one's own jobs also while another tab is open. */
  announce(changed) {
    const said = changed.map((job) => `${job.title}: ${stateText(job)}.`);
    if (said.length) this.say(said.length > 3 ? `${said.slice(0, 2).join(" ")} ${said.length - 2} more jobs changed.` : said.join(" "));
    if (this.isShown()) return;
    for (const { title, state, problem } of changed.filter((job) => job.mine && (job.state === "done" || job.state === "failed")).slice(0, 3))
      tell(state === "done" ? `${title} is done.` : `${title} failed. ${problem}`, state === "done" ? "note" : "bad");
  }

  say(text) {
    this.querySelector("[aria-live]").textContent = text;
  }

  isShown() {
    return this.getClientRects().length > 0;
  }

  /** Render everything; only changed parts are updated, and the focus stays where it is. */
  show() {
    if (this.dragged) return;
    const focus = this.focused();
    const jobs = (this.state?.jobs ?? []).map((job) => ({ ...job, ...this.hopes.get(job.id) })).filter((job) => !job.gone);
    const line = jobs.filter(waits), running = jobs.filter((job) => job.state === "running"), ended = jobs.filter(hasEnded);
    this.part("told", this.banner(line.length + running.length));
    this.part("running", this.section("Running", running, running.length));
    this.part("batches", this.batches("Batches", (batch) => !isOver(batch)));
    this.part("over", this.batches("Ended batches", isOver));
    this.part("line", this.section("In line", line, this.count(WAITING), "line"));
    this.part("ended", this.section("Ended", ended, this.count(ENDED), "ended"));
    this.part("empty", this.state && !jobs.length ? EMPTY : "");
    for (const each of this.parts.running.querySelectorAll("[data-job]")) fillFirst(each);
    for (const open of this.querySelectorAll("details[open]")) this.fill(open);
    this.refocus(focus);
  }

  /** Remove obsolete cards first, so that the others need not be moved and videos in them continue to play. */
  part(name, markup) {
    const text = String(markup);
    if (this.drawn[name] === text) return;
    this.drawn[name] = text;
    const kept = new Set([...text.matchAll(/data-job="(\w+)"/g)].map((found) => found[1]));
    for (const old of this.parts[name].querySelectorAll("[data-job]")) if (!kept.has(old.dataset.job)) old.remove();
    draw(this.parts[name], text);
  }

  count(states) {
    return states.reduce((sum, state) => sum + (this.state?.counts[state] ?? 0), 0);
  }

  moreInLine() {
    return this.count(WAITING) > this.state.jobs.filter(waits).length;
  }

  banner(going) {
    if (this.lost) return html`<p class="alert warn" role="status">${this.lost}</p>`;
    if (!this.state) return html`<p class="quiet">Looking for jobs…</p>`;
    if (going && !this.state.worker.alive)
      return html`<p class="alert warn" role="status"><b>No worker is running, so nothing moves at the moment.</b> The app starts one
        within seconds by itself; if this stays, run <code>python -m pipeline worker</code> on its machine. Nothing is lost.</p>`;
    return html`<p class="quiet small number">${bytesText(this.state.disk.free_bytes)} free on the disk</p>`;
  }

  section(title, jobs, total, kind = "") {
    if (!jobs.length) return "";
    const end = jobs.length - (kind === "line" && this.moreInLine() ? 2 : 1);
    const drawn = jobs.map((job, i) => card(job, {
      asking: this.asking?.id === job.id ? this.asking.act : "",
      place: kind === "line" ? { first: i === 0, last: i >= end } : null,
      batch: job.batch && (job.batch_name || `Batch ${batchName(job.batch)}`),
    }));
    return html`<section class="stack" aria-label="${title}"><h2 tabindex="-1">${title} <span class="quiet number">${total}</span></h2>
      <ol class="jobs">${drawn}</ol>
      ${kind && total > jobs.length ? html`<button type="button" class="button more-jobs" data-more="${kind}">Show more (${total - jobs.length})</button>` : ""}</section>`;
  }

  batches(title, wanted) {
    const found = Object.entries(this.state?.batches ?? {}).filter(([, batch]) => wanted(batch));
    const drawn = found.map(([id, batch]) => batchCard(id, batch, this.asking?.id === id ? this.asking.act : ""));
    return found.length ? html`<section class="stack" aria-label="${title}"><h2 tabindex="-1">${title}</h2><ol class="jobs">${drawn}</ol></section>` : "";
  }

  clicked(target) {
    const more = target.closest("[data-more]")?.dataset.more;
    if (more) {
      this.most[more] += MORE;
      this.refresh();
    } else if (target.closest("[data-create]")) openTab("create");
    const what = target.closest("[data-act]")?.dataset.act, batch = target.closest("[data-batch]")?.dataset.batch;
    if (what && batch) actOnBatch(this, batch, what);
    else if (what && what !== "handle" && this.jobOf(target)) act(this, this.jobOf(target), what);
  }

  typed(event) {
    if (event.key === "Escape" && this.asking) return confirm(this, null);
    const way = { ArrowUp: "up", ArrowDown: "down" }[event.key];
    if (!way || !event.target.matches("[data-act=handle]")) return;
    event.preventDefault();
    step(this, this.jobOf(event.target), way);
  }

  edited(event) {
    event.preventDefault();
    const { preset, ...chosen } = Object.fromEntries(new FormData(event.target));
    const settings = { ...event.target.closest(".more").told.settings, ...chosen };
    change(this, this.jobOf(event.target), "save", { ...(preset && { preset }), settings });
  }

  dropped(id, before) {
    const line = this.state.jobs.filter(waits);
    change(this, line.find((job) => job.id === id), "drop", { before: before ?? (this.moreInLine() ? line.at(-1).id : null) });
  }

  fill(details) {
    const job = this.jobOf(details);
    if (job && details.dataset.open) fill(details, job);
  }

  jobOf(node) {
    const id = node.closest("[data-job]")?.dataset.job;
    return this.state?.jobs.find((job) => job.id === id);
  }

  focused() {
    const at = this.contains(document.activeElement) ? document.activeElement : null;
    return at && { at, job: at.closest("[data-job]")?.dataset.job, act: at.dataset.act, part: at.closest("[data-part]")?.dataset.part };
  }

  /** When the focused button vanishes, move the focus to the same button of its card, the card, or a heading. */
  refocus(focus) {
    if (!focus || (focus.at.isConnected && !focus.at.disabled && document.activeElement === focus.at)) return;
    if (focus.at.isConnected && !focus.at.disabled) return focus.at.focus();
    const card = focus.job && this.querySelector(`[data-job="${focus.job}"]`);
    const like = card?.querySelector(`[data-act="${focus.act}"]:not(:disabled), [data-act=handle]`);
    (like ?? card ?? this.parts[focus.part]?.querySelector("h2") ?? this.querySelector("h2"))?.focus({ preventScroll: true });
  }
}

customElements.define("reshoot-jobs", Jobs);
