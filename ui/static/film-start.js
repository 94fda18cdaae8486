// <reshoot-film-start>: has a clip looked into. What is wanted of its film, a transcript if there is one, and how far it is.
import { ask, draw, html, percentText, remember, remembered, secondsText, tell } from "./shared.js";

const WISHES = [
  ["silences", "Cut pauses", "A breath stays at either end."], ["takes", "Cut what is said again", "The last time counts."],
  ["fillers", "Cut filler words", "Um, and the like."], ["subtitles", "Subtitles", "What is said, as text."],
  ["karaoke", "Mark each word while it is said", ""], ["zoom", "Slow zoom", "To the face, and back."], ["highlights", "Show what stands out larger", "For a moment."],
];
const ABOUT = "Pauses, words, what was said again, filler words and faces are found; you get a film that you can change in every part.";
const ABOUT_AGAIN = "Words that you struck out or corrected stay so, what you put back is not cut again, and what you placed yourself stays where it is.";
/** What each wish is called in the settings of the job. */
const wanted = ({ silences, takes, fillers, subtitles, karaoke, zoom, highlights }) => ({
  "wanted.silences": silences ? "cut" : "keep", "wanted.takes": takes ? "cut" : "keep", "wanted.fillers": fillers ? "cut" : "keep",
  "wanted.subtitles": !subtitles ? "none" : karaoke ? "marked" : "plain", "wanted.zoom": zoom ? "slow" : "none", "wanted.highlights": highlights ? "larger" : "same",
});
const MORE = ["silence.least_s", "silence.breath_s", "speech.language", "retakes.fillers"], OFF = ["karaoke"], MOST_TRANSCRIPT_BYTES = 16e6, ENDED = ["done", "failed", "cancelled"], LOOK_MS = 700, LAST = "reshoot.film.wishes";

class FilmStart extends HTMLElement {
  connectedCallback() {
    if (this.wishes) return;
    Object.assign(this, { job: null, problem: "" });
    this.#forget();
    this.addEventListener("change", (event) => this.#typed(event));
    this.addEventListener("click", ({ target }) => this.#do(target.closest("[data-do]")?.dataset.do));
  }

  disconnectedCallback() {
    this.watched = null;
  }

  /**
   * Offer it for a clip, or follow the job that does it; `again` where a film is edited already, and `before` is the job by
   * which it was made.
   */
  show(clip, { job = null, again = false, before = null } = {}) {
    if (this.clip?.id !== clip.id) this.#forget();
    Object.assign(this, { clip, again, problem: "", told: null });
    if (before ?? job) this.#takeUp(before ?? job);
    this.#watch(job);
    this.#draw();
  }

  /** What was wanted of the last clip is offered for the next one: workers look ahead into it by that. */
  #forget() {
    const usual = Object.fromEntries(WISHES.map(([name]) => [name, !OFF.includes(name)])), { wishes, more } = remembered(LAST, {});
    Object.assign(this, { wishes: { ...usual, ...wishes }, transcript: null, more: { ...more }, taken: null });
  }

  /** Take up what was wanted of a job before; until that is known, nothing can be chosen. */
  async #takeUp(job) {
    if (this.taken === job) return;
    const { clip } = this;
    this.isWaiting = true;
    const { settings } = await ask(`jobs/${job}`).catch(() => ({}));
    this.isWaiting = false;
    if (settings && this.clip === clip) this.#remember(settings);
    this.taken = job;
    this.#draw();
  }

  #remember(settings) {
    const said = (name) => settings[`wanted.${name}`], isCut = (name) => (said(name) ?? "cut") === "cut";
    this.wishes = {
      silences: isCut("silences"), takes: isCut("takes"), fillers: isCut("fillers"), zoom: said("zoom") !== "none", highlights: said("highlights") !== "same",
      subtitles: said("subtitles") !== "none", karaoke: said("subtitles") === "marked",
    };
    this.more = Object.fromEntries(MORE.filter((name) => name in settings).map((name) => [name, settings[name]]));
    const digest = settings["given.transcript"];
    this.transcript ??= digest ? { name: "the one that you gave", digest } : null;
  }

  async #typed({ target }) {
    const { wish, more } = target.dataset;
    if (wish) this.wishes[wish] = target.checked;
    else if (more) this.more[more] = target.type === "number" ? (target.value === "" ? undefined : Number(target.value)) : target.value.trim() || undefined;
    else if (target.type === "file") await (this.sending = this.#take(target.files[0]));
    this.#draw();
  }

  /** Send a transcript, which the server reads before it is used. */
  async #take(file) {
    if (!file) return;
    this.problem = "";
    try {
      if (file.size > MOST_TRANSCRIPT_BYTES) throw new Error("It is too large for a transcript.");
      const { digest } = await ask(`transcripts?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
      this.transcript = { name: file.name, digest };
    } catch (error) {
      this.problem = `${file.name}: ${error.message}`;
    }
    this.sending = null;
  }

  #do(what) {
    if (what === "look") this.#look();
    else if (what === "stop") this.#stop();
    else if (what === "transcript") this.querySelector("[type=file]").click();
    else if (what === "without") {
      this.transcript = null;
      this.#draw();
    } else if (what === "back") this.dispatchEvent(new CustomEvent("back"));
  }

  /** The settings of the job: what is wanted, and by its digest what people changed before. */
  #settings(changes) {
    const more = Object.entries(this.more).filter(([, value]) => value !== undefined);
    const given = { "given.transcript": this.transcript?.digest, "given.changes": changes };
    return { ...wanted(this.wishes), ...Object.fromEntries([...more, ...Object.entries(given).filter(([, digest]) => digest)]) };
  }

  async #look() {
    if (this.isAsking) return;
    this.isAsking = true;
    const isSending = Boolean(this.sending);
    await this.sending; // a transcript that is on its way counts
    try {
      if (isSending && this.problem) throw new Error(this.problem);
      this.problem = "";
      const detail = { changes: null };
      this.dispatchEvent(new CustomEvent("asking", { detail }));
      const changes = await detail.changes;
      const { jobs: [job] } = await ask("jobs", { method: "POST", json: { kind: "analyse", clips: [this.clip.id], settings: this.#settings(changes) } });
      remember(LAST, { wishes: this.wishes, more: this.more });
      this.dispatchEvent(new CustomEvent("begun", { detail: { job } }));
      this.#watch(job);
    } catch (error) {
      this.problem = error.message;
    }
    this.isAsking = false;
    this.#draw();
    this.querySelector(".far [data-do=stop]")?.focus();
  }

  async #stop() {
    try {
      await ask(`jobs/${this.job}/cancel`, { method: "POST", json: { sure: true } });
    } catch (error) {
      tell(error.message, "bad");
    }
  }

  /** Follow a job until it ends. */
  async #watch(job) {
    const mine = (this.watched = {});
    Object.assign(this, { job, told: null });
    while (job && this.watched === mine && this.isConnected) {
      try {
        this.told = await ask(`jobs/${job}`);
      } catch (error) {
        this.told = error.status === 404 ? { state: "failed", problem: "What was found about this clip is not there any more.", remedy: "Have it looked into again." } : this.told;
      }
      if (this.watched !== mine) return;
      if (ENDED.includes(this.told?.state)) return this.#ended();
      this.#draw();
      await new Promise((done) => setTimeout(done, LOOK_MS));
    }
  }

  #ended() {
    const { state, problem, remedy } = this.told, { job } = this;
    this.job = null;
    this.problem = state === "failed" ? `${problem} ${remedy}`.trim() : state === "cancelled" ? "It was stopped." : "";
    this.#draw();
    this.dispatchEvent(new CustomEvent(state === "done" ? "found" : "failed", { detail: { job } }));
  }

  #draw() {
    draw(this, this.job ? this.#progress() : this.#offer());
    for (const each of this.querySelectorAll("[data-wish]")) each.checked = this.wishes[each.dataset.wish];
    for (const each of this.querySelectorAll("[data-more]")) if (each !== document.activeElement) each.value = this.more[each.dataset.more] ?? "";
  }

  #progress() {
    const { told } = this, share = told?.share ?? 0, waits = told && told.state !== "running";
    const stage = !told ? "Asking…" : waits ? "It waits for its turn." : told.stage || "It begins.";
    return html`<section class="card stack" data-key="far" aria-label="Looking into the clip"><h2>Looking into the clip</h2>
      <div class="far stack"><div class="bar" role="progressbar" aria-label="How far it is" aria-valuemin="0" aria-valuemax="100" aria-valuenow="${Math.floor(100 * share)}"
        aria-valuetext="${percentText(share)}, ${stage}"><i style="width: ${(100 * share).toFixed(1)}%"></i></div>
        <p class="row small"><b class="number">${percentText(share)}</b><span role="status">${stage}</span>${told?.left_s && html`<span class="quiet number">about ${secondsText(told.left_s)} left</span>`}</p>
        <p class="quiet small">It goes on when this page is closed.</p>
        <div class="row"><button type="button" class="button" data-do="stop">Stop</button>
        ${this.again && html`<button type="button" class="button" data-do="back">Back to the film</button>`}</div></div></section>`;
  }

  #offer() {
    const { again, problem, transcript } = this, set = Object.values(this.more).filter((value) => value !== undefined).length, named = (text) => html`<span class="name">${text}</span>`;
    return html`<section class="card stack" data-key="offer" aria-label="${again ? "Look into it again" : "Look into the clip"}"><h2>${again ? "Look into it again" : "Make a film of it"}</h2>
      <p class="quiet">${again ? ABOUT_AGAIN : ABOUT}</p>
      ${problem && html`<p class="alert" role="alert">${problem}</p>`}
      <fieldset class="wishes" ${this.isWaiting ? html`disabled` : ""}><legend>What the film should have</legend>${WISHES.map(wish)}</fieldset>
      <div class="row given">${transcript ? html`<span class="small">Transcript: ${named(transcript.name)}</span><button type="button" class="button small" data-do="without">Take it away</button>`
        : html`<button type="button" class="button small" data-do="transcript">I have a transcript</button><span class="quiet small">SRT, VTT or JSON, in place of writing down what is said</span>`}
        <input type="file" hidden aria-label="Transcript" accept=".srt,.vtt,.json,application/json,text/vtt,application/x-subrip"></div>
      <details data-key="more"><summary>More${set ? ` (${set} set)` : ""}</summary><div class="fields">
        <label class="field number"><span class="small">Shortest pause that is cut <span class="quiet">s</span></span><input type="number" data-more="silence.least_s" min="0.1" max="30" step="0.1" placeholder="0.5"></label>
        <label class="field number"><span class="small">Breath that stays <span class="quiet">s</span></span><input type="number" data-more="silence.breath_s" min="0" max="5" step="0.05" placeholder="0.15"></label>
        <label class="field text"><span class="small">Language</span><input type="text" data-more="speech.language" maxlength="8" placeholder="found by itself"></label>
        <label class="field text"><span class="small">Filler words, with commas</span><input type="text" data-more="retakes.fillers" placeholder="those of the language"></label></div></details>
      <div class="row"><button type="button" class="button main" data-do="look" ${this.isWaiting ? html`disabled` : ""}>${again ? "Look into it again" : "Look into it"}</button>
        ${again && html`<button type="button" class="button" data-do="back">Back to the film</button>`}</div></section>`;
  }
}

const wish = ([name, title, about]) => html`<label class="wish"><input type="checkbox" data-wish="${name}"><span><b>${title}</b> <span class="quiet small">${about}</span></span></label>`;

customElements.define("reshoot-film-start", FilmStart);
