// The Result tab: a finished clip over its source, its measures, its files and its report.
import { ask, bytesText, draw, html, openTab, raw, tell, whileSeen } from "./shared.js";
import { reportFrame } from "./report.js";
import { askToDelete, deleteResult } from "./result-delete.js";
import "./aligned.js";
import "./wipe.js";

const REST_S = 15;
const EDITED = ["analyse", "finish"]; // kinds of jobs whose clip has a film that is edited
const MARKS = { good: ["good", "good"], look: ["warn", "worth a look"] };
const MONTH = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };

class Result extends HTMLElement {
  connectedCallback() {
    if (!this.parts) this.build();
    this.heard = ({ detail }) => this.wanted(detail.job);
    window.addEventListener("reshoot:show", this.heard);
    this.poll = whileSeen(() => this.look());
    const [tab, job] = location.hash.slice(1).split("=");
    if (tab === "result" && job) this.wanted(job);
  }
  disconnectedCallback() {
    window.removeEventListener("reshoot:show", this.heard);
    this.poll.stop();
  }

  build() {
    this.classList.add("studio");
    Object.assign(this, { list: null, job: null, facts: null });
    draw(this, html`<p class="hidden" aria-live="polite" data-own></p><div class="stack"><div data-part="head"></div>
      <reshoot-wipe data-own hidden></reshoot-wipe><reshoot-aligned data-own hidden></reshoot-aligned><div data-part="body" class="stack"></div></div>`);
    this.parts = Object.fromEntries([...this.querySelectorAll("[data-part]")].map((each) => [each.dataset.part, each]));
    this.wipe = this.querySelector("reshoot-wipe");
    this.aligned = this.querySelector("reshoot-aligned");
    this.addEventListener("change", ({ target }) => target.matches(".chooser select") && this.load(target.value));
    this.addEventListener("click", ({ target }) => this.clicked(target.closest("button")));
    this.addEventListener("toggle", ({ target }) => target.matches?.(".report") && target.open && this.report(target), true);
  }

  /** Open the tab with a job's result. */
  wanted(job) {
    if (!this.parts) this.build();
    openTab("result");
    this.load(job);
    this.poll?.now();
  }

  /** Fetch the list of results; polled while the tab is visible. */
  async look() {
    if (!this.getClientRects().length) return 1;
    try {
      const { results } = await ask("results");
      const same = JSON.stringify(results) === JSON.stringify(this.list);
      this.list = results;
      if (!this.job && results.length) await this.load(results[0].job);
      else if (!same) this.draw();
    } catch (error) {
      if (!this.list) this.draw(error);
    }
    return REST_S;
  }

  async load(job) {
    const shown = this.job === job ? JSON.stringify(this.facts) : "";
    Object.assign(this, { job, asking: false });
    let trouble = null, facts = null;
    try {
      facts = await ask(`results/${encodeURIComponent(job)}`);
    } catch (error) {
      trouble = error;
    }
    if (this.job !== job) return; // the user has chosen another one meanwhile
    if (facts && JSON.stringify(facts) === shown) return;
    this.facts = facts;
    this.wipe.hidden = !facts;
    this.aligned.show(facts);
    this.parts.body.replaceChildren();
    this.draw(trouble);
    if (!facts) return this.wipe.stop();
    this.wipe.show(facts);
    this.querySelector("p[aria-live]").textContent = `The result of ${facts.title} is shown.`;
  }

  draw(trouble = null) {
    const { facts, list } = this;
    draw(this.parts.head, head(facts, list ?? [], this.job));
    if (trouble) draw(this.parts.body, html`<p class="alert" role="alert">${trouble.message}</p>`);
    else if (facts) draw(this.parts.body, body(facts, this.asking));
    else if (list && !list.length) draw(this.parts.body, EMPTY);
  }

  clicked(button) {
    if (button?.matches(".again")) this.again();
    else if (button?.matches(".film")) this.film();
    else if (button?.matches(".delete, .keep")) this.asksToDelete(button.matches(".delete"));
    else if (button?.matches(".sure")) this.delete();
  }

  /** Show or hide the question whether to delete, and move the focus there. */
  asksToDelete(asking) {
    this.asking = asking;
    this.draw();
    this.querySelector(asking ? ".keep" : ".delete")?.focus();
  }

  async delete() {
    const { facts } = this;
    this.asking = false;
    if (!(await deleteResult(facts))) return this.draw();
    this.list = (this.list ?? []).filter((each) => each.job !== facts.job);
    Object.assign(this, { job: null, facts: null });
    this.parts.body.replaceChildren();
    if (this.list.length) return this.load(this.list[0].job);
    this.aligned.show(null);
    this.wipe.hidden = true;
    this.wipe.stop();
    this.draw();
  }

  again() {
    const { kind, settings, preset, title } = this.facts;
    window.dispatchEvent(new CustomEvent("reshoot:use", { detail: { form: kind, settings, preset, title } }));
  }

  /** Edit the film of this result's clip. */
  async film() {
    try {
      const detail = await ask(`results/${this.facts.job}/clip`, { method: "POST" });
      window.dispatchEvent(new CustomEvent("reshoot:film", { detail }));
      openTab("finish");
    } catch (error) {
      tell(error.message, "bad");
    }
  }

  async report(place) {
    const room = place.querySelector(".page");
    if (room.firstChild) return;
    try {
      room.append(await reportFrame(this.facts.report, `Report of ${this.facts.title}`));
    } catch {
      tell("The report could not be read. It can still be downloaded.", "bad");
    }
  }
}
customElements.define("reshoot-result", Result);

const EMPTY = html`<div class="empty"><h3>Nothing is finished yet</h3>
  <p>Results appear here as soon as a job is done: before and after on top of each other, the numbers, and the files.</p></div>`;

function head(facts, list, job) {
  const known = list.some((each) => each.job === job);
  const title = (each) => `${each.title}${each.look ? `, ${each.look}` : ""} · ${new Date(1000 * each.finished).toLocaleString([], MONTH)}`;
  return html`<div class="row top">
    <h2>${facts?.title ?? "Results"}</h2>
    ${facts ? html`${facts.look ? html`<span class="chip busy look">${facts.look}</span>` : ""}<span class="chip">${facts.preset || facts.kind}</span>
      <span class="quiet small number">${facts.width} × ${facts.height}, ${round(facts.fps)} fps, ${facts.duration_s.toFixed(1)} s</span>` : ""}
    ${list.length ? html`<label class="chooser small"><span class="quiet">Finished clips</span> <select>
      ${known ? "" : html`<option value="${job ?? ""}" selected>${facts?.title ?? "Choose one"}</option>`}
      ${list.map((each) => html`<option value="${each.job}" ${each.job === job ? raw("selected") : ""}>${title(each)}</option>`)}
    </select></label>` : ""}
  </div>`;
}

function body(facts, asking) {
  const { job, kind, figures, files, warnings, notes, report, sureness } = facts;
  const [clip, ...others] = files;
  return html`${warnings.map((each) => html`<p class="alert warn">${each}</p>`)}
    <div class="row">
      ${clip ? html`<a class="button main" href="${clip.url}" download>Download the clip <span class="number">(${bytesText(clip.bytes)})</span></a>` : ""}
      <button type="button" class="button again">Use these settings again</button>
      <button type="button" class="button film">${EDITED.includes(kind) ? "Go on with the film" : "Make a film of it"}</button>
      ${asking ? "" : html`<button type="button" class="button bad delete">Delete…</button>`}
    </div>
    ${asking ? askToDelete(facts) : ""}
    <section aria-label="Numbers"><ul class="figures">${figures.map(figure)}</ul></section>
    ${sureness.length ? html`<section class="card"><h3>How sure the numbers are</h3><ul class="notes">${sureness.map(({ sentence }) => html`<li>${sentence}</li>`)}</ul></section>` : ""}
    ${notes.length ? html`<section class="card"><h3>Good to know</h3><ul class="notes">${notes.map((each) => html`<li>${each}</li>`)}</ul></section>` : ""}
    <section class="card"><h3>Files</h3><ul class="files">${others.map((file) => html`<li>
      <a href="${file.url}" download>${file.label}</a> <span class="quiet small number">${bytesText(file.bytes)}</span></li>`)}</ul></section>
    ${report ? html`<details class="card report" data-key="report ${job}"><summary>Report with plots</summary><div class="page" data-own></div></details>` : ""}`;
}

function figure({ label, value, hint, mark }) {
  const [kind, said] = MARKS[mark] ?? [];
  return html`<li class="card"><h3>${label} ${said ? html`<span class="chip ${kind}">${said}</span>` : ""}</h3>
    <p class="value number">${value}</p><p class="quiet small">${hint}</p></li>`;
}

const round = (value) => Number(value.toFixed(3));
