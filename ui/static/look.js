// <reshoot-look>: a preview of one frame, before and after, with a divider; show(clip, asked), clear().
import { Problem, ask, draw, html } from "./shared.js";

const LONG_S = 15;

class Look extends HTMLElement {
  connectedCallback() {
    this.classList.add("studio");
    this.addEventListener("input", (event) => event.target.matches(".divide") && this.divide(Number(event.target.value)));
    this.addEventListener("click", (event) => event.target.closest(".stop") && this.stop());
    this.state ??= "empty";
    this.share ??= 50;
    this.render();
  }

  disconnectedCallback() {
    this.asking?.abort();
    clearInterval(this.clock);
  }

  /** Request a preview of a clip with this kind, preset and settings; cancels one under way. Returns the error, if any. */
  async show(clip, json) {
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    this.begin();
    try {
      const look = await ask(`clips/${clip}/look`, { method: "POST", json, signal: asking.signal });
      await Promise.all([look.before, look.after].map(loaded));
      if (this.asking === asking) this.end("done", { look });
      return null;
    } catch (error) {
      if (this.asking !== asking || error.name === "AbortError") return null;
      this.end("failed", { problem: sentence(error) });
      return error;
    }
  }

  /** Remove the preview, and cancel one that is under way. */
  clear() {
    this.asking?.abort();
    this.asking = null;
    this.end("empty", { look: null });
  }

  stop() {
    this.asking?.abort();
    this.asking = null;
    this.end(this.look ? "done" : "empty");
  }

  begin() {
    clearInterval(this.clock);
    Object.assign(this, { state: "busy", problem: "", started: performance.now() });
    this.render();
    this.clock = setInterval(() => this.tick(), 250);
  }

  end(state, more = {}) {
    clearInterval(this.clock);
    Object.assign(this, { state, ...more });
    this.render();
  }

  tick() {
    const seconds = Math.floor((performance.now() - this.started) / 1000);
    const counter = this.querySelector(".seconds");
    if (counter) counter.textContent = `${seconds} s`;
    const long = this.querySelector(".long");
    if (long && seconds >= LONG_S && !long.textContent)
      long.textContent = "This takes longer than usual: the machine is busy with other work.";
  }

  divide(share) {
    this.share = share;
    this.querySelector(".pictures").style.setProperty("--share", `${share}%`);
    this.querySelector(".divide").setAttribute("aria-valuetext", `${share} % before, ${100 - share} % after`);
  }

  render() {
    this.setAttribute("aria-busy", String(this.state === "busy"));
    draw(this, html`<section class="card stack" aria-label="Preview">
      <div class="row head"><h2>Preview</h2>${this.state === "busy" ? busy() : ""}</div>
      ${this.look ? pictures(this.look, this.share, this.state !== "done") : ""}
      <div role="status" aria-live="polite">${this.told()}</div>
      ${this.state === "busy" ? html`<p class="long quiet small" aria-live="polite"></p>` : ""}
      ${this.state === "failed" ? html`<p class="alert" role="alert">${this.problem}</p>` : ""}
    </section>`);
  }

  told() {
    if (this.state === "busy") return html`<p class="hidden">Looking at the clip.</p>`;
    if (this.state === "done") return facts(this.look);
    if (this.state === "empty")
      return html`<p class="quiet">See one finished frame within seconds, before you start the work.</p>`;
    return "";
  }
}
customElements.define("reshoot-look", Look);

const busy = () => html`<span class="chip busy" aria-hidden="true">Looking… <span class="seconds number">0 s</span></span>
  <button type="button" class="button small stop">Stop</button>`;

function pictures(look, share, old) {
  const { width, height } = look;
  return html`<div class="pictures${old ? " old" : ""}" style="--share: ${share}%; --ratio: ${width / height}">
    <img src="${look.before}" width="${width}" height="${height}" alt="The frame as it was filmed.">
    <img class="after" src="${look.after}" width="${width}" height="${height}" alt="The same frame, restyled.">
    <span class="name left" aria-hidden="true">Before</span><span class="name right" aria-hidden="true">After</span>
    <input class="divide" type="range" min="0" max="100" value="${share}" step="1" aria-label="Divider between before and after"
      aria-valuetext="${share} % before, ${100 - share} % after">
    <span class="line" aria-hidden="true"><i></i></span>
  </div>`;
}

function facts(look) {
  const { found_in: found, looked_at: total, at, seconds } = look;
  return html`<p><strong>${seen(found, total)}</strong> ${meaning(found, total)}</p>
    ${look.events.map((each) => html`<p class="alert warn">${each}</p>`)}
    <p class="quiet small number">Frame ${at}, made in ${seconds.toFixed(1)} s. In the finished clip it is a little softer.</p>`;
}

const seen = (found, total) =>
  found ? `Person found in ${found} of ${total} frames looked at.` : `No person found in the ${total} frames looked at.`;

function meaning(found, total) {
  if (!found) return "The work itself looks at every frame, and may still find somebody who is there for a moment.";
  if (found < total / 2) return "Where nobody is found, frames stay as they are.";
  return "";
}

async function loaded(url) {
  const picture = new Image();
  picture.src = url;
  try {
    await picture.decode();
  } catch {
    throw new Problem({ problem: "The picture did not arrive.", remedy: "Look again." });
  }
}

const sentence = (error) => (error instanceof Problem ? error.message : "Something in this page went wrong. Look again.");
