// Fetching: what the list of models and the choice of a checkpoint share: the models as they are now, and fetching one after
// its licence and size were shown. The window hears "reshoot:models" when a model came or went.
import { Polled } from "./polled.js";
import { ask, bytesText, draw, html, percentText, secondsText, tell } from "./shared.js";

const REST_S = 10, BUSY_S = 0.7;
const LONG_COMMIT = /\b([0-9a-f]{12})[0-9a-f]{28,52}\b/g;
export const CHIPS = { here: "good", "partly here": "warn", "not here": "" };

export class Fetching extends Polled {
  path = "models";
  asking = "";

  connectedCallback() {
    super.connectedCallback();
    this.dialog.className = "studio models-dialog";
    document.body.append(this.dialog); // a form in a form would send both
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.dialog.remove();
  }

  get busy() {
    return this.told?.fetching?.state === "running";
  }

  get rest_s() {
    return this.busy ? BUSY_S : REST_S;
  }

  /** The names of the models that are here; null before that is known. */
  get #here() {
    return this.told && this.told.models.filter(({ state }) => state === "here").map(({ name }) => name).join(" ");
  }

  async look() {
    const before = this.#here, rest_s = await super.look();
    if (before !== null && before !== this.#here) window.dispatchEvent(new Event("reshoot:models"));
    return rest_s;
  }

  /** The button that offers a model or stops its fetch. */
  fetchButton({ name }, mine) {
    const waits = this.busy || this.asking;
    if (mine?.state === "running") return html`<button type="button" class="button small" data-act="stop">Stop<span class="hidden"> the fetch of ${name}</span></button>`;
    return html`<button type="button" class="button small" data-act="offer" data-name="${name}" ${waits && html`aria-disabled="true"`}>${
      this.asking === name ? "Asking…" : html`Fetch…<span class="hidden"> ${name}</span>`}</button>`;
  }

  act(node) {
    if (!node || node.ariaDisabled) return;
    const { act, name } = node.dataset;
    if (act === "offer") this.offer(name);
    if (act === "stop") this.call("models/stop");
  }

  /** Ask the hub what a fetch would bring, then ask the user. */
  async offer(name) {
    this.asking = name;
    this.show();
    try {
      this.offered = await ask(`models/${name}/offer`, { method: "POST" });
      this.confirm(html`<form method="dialog" class="stack"><h3>Fetch ${name}?</h3>
        <dl class="facts small">${facts(this.offered)}</dl>
        <div class="row"><button class="button" value="" autofocus>Not now</button>
          <button class="button main" value="fetch">Fetch ${bytesText(this.offered.to_come)}</button></div></form>`, "Fetch this model?");
    } catch (error) {
      tell(error.message, "bad");
    } finally {
      this.asking = "";
      this.show();
    }
  }

  decided(value) {
    const { name, commit } = this.offered ?? {};
    if (value === "fetch") this.call(`models/${name}/fetch`, { method: "POST", json: { commit } });
  }

  async call(path, options = { method: "POST" }) {
    try {
      await ask(path, options);
    } catch (error) {
      tell(error.message, "bad");
    }
    this.turn.now();
  }
}

function facts({ facts, to_come, bytes, free }) {
  const rows = {
    From: facts.from.replace(LONG_COMMIT, "$1"),
    Size: `${facts.size}${to_come < bytes ? `; ${bytesText(bytes - to_come)} of it are here` : ""}`,
    Licence: facts.licence,
    "Goes to": facts["goes to"],
    Room: `${bytesText(free)} are free there`,
  };
  return Object.entries(rows).map(([title, text]) => html`<dt>${title}</dt><dd>${text}</dd>`);
}

/** How far a fetch is, or how it ended. */
export function progress({ state, done, total, note, left_s, sentence }) {
  if (state !== "running") return html`<p class="${state === "failed" ? "alert" : "done small"}">${sentence}</p>`;
  const share = total ? done / total : 0;
  return html`<div class="bar" role="progressbar" aria-label="Fetched" aria-valuenow="${Math.floor(100 * share)}">
      <i style="width: ${(100 * share).toFixed(1)}%"></i></div>
    <p class="row between small quiet number"><span>${bytesText(done)} of ${bytesText(total)}, ${percentText(share)}${left_s !== null && `, ${secondsText(left_s)} left`}</span>
      <span>${note}</span></p>`;
}
