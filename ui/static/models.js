// <reshoot-models>: the weights of models: which are here, fetching one after its licence and size were shown, and removing it.
import { Polled } from "./polled.js";
import { ask, bytesText, draw, html, percentText, secondsText, tell } from "./shared.js";

const REST_S = 10, BUSY_S = 0.7;
const CHIPS = { here: "good", "partly here": "warn", "not here": "" };
const LONG_COMMIT = /\b([0-9a-f]{12})[0-9a-f]{28,52}\b/g;

class Models extends Polled {
  path = "models";
  asking = "";

  get busy() {
    return this.told?.fetching?.state === "running";
  }

  get rest_s() {
    return this.busy ? BUSY_S : REST_S;
  }

  show() {
    draw(this.board, html`<section class="card stack" aria-labelledby="models-title">
      <div><h3 id="models-title">Models</h3>
        <p class="quiet small">Weights for engines with models. The built-in engine needs none. Nothing is fetched before you
          have seen its size and licence.</p></div>
      <div role="alert">${this.problem && html`<p class="alert warn">${this.problem}</p>`}</div>
      ${this.told ? html`${families(this.told.models).map((models) => this.family(models))}${refusedOnes(this.told.refused)}`
                  : !this.problem && html`<p class="quiet">Looking…</p>`}
    </section>`);
  }

  family(models) {
    const { family, family_good_for, licence, licence_url } = models[0];
    return html`<section data-key="${family}" aria-label="${family}"><p class="row between small"><span>${family_good_for}</span>
      <a href="${licence_url}" target="_blank" rel="noreferrer">${licence}</a></p><ul>${models.map((model) => this.row(model))}</ul></section>`;
  }

  row(model) {
    const { name, state, good_for, card_gb, path, reason } = model;
    const mine = this.told.fetching?.name === name ? this.told.fetching : null, running = mine?.state === "running";
    return html`<li data-key="${name}">
      <div><p class="name">${name}</p><p class="quiet small">${good_for}</p></div>
      <p class="small number about">${model.estimated && "about "}${bytesText(model.bytes)}<br>
        <span class="quiet">${card_gb ? `${card_gb} GB card` : "no card needed"}</span></p>
      <p><span class="chip ${running ? "busy" : CHIPS[state]}">${running ? "fetching" : state}</span></p>
      <p class="acts">${this.button(model, mine)}</p>
      ${(path || (state === "partly here" && !running)) && html`<p class="quiet small whole">${path ?? reason}</p>`}
      ${mine && html`<div class="whole" aria-live="polite">${progress(mine)}</div>`}
    </li>`;
  }

  button({ name, state, fetched }, mine) {
    const about = html`data-name="${name}"`;
    if (mine?.state === "running") return html`<button type="button" class="button small" data-act="stop">Stop<span class="hidden"> the fetch of ${name}</span></button>`;
    if (state === "here") return fetched && html`<button type="button" class="button small bad" data-act="remove" ${about}>Remove…<span class="hidden"> ${name}</span></button>`;
    const waits = this.busy || this.asking;
    return html`<button type="button" class="button small" data-act="offer" ${about} ${waits && html`aria-disabled="true"`}>${
      this.asking === name ? "Asking…" : html`Fetch…<span class="hidden"> ${name}</span>`}</button>`;
  }

  act(node) {
    if (!node || node.ariaDisabled) return;
    const { act, name } = node.dataset;
    if (act === "offer") this.offer(name);
    if (act === "stop") this.call("models/stop");
    if (act === "remove") this.askToRemove(name);
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

  askToRemove(name) {
    const { bytes } = this.told.models.find((model) => model.name === name);
    this.offered = { name };
    this.confirm(html`<form method="dialog" class="stack"><h3>Remove ${name}?</h3>
      <p>${bytesText(bytes)} become free. Videos that were made with it stay; to make others it has to be fetched again.</p>
      <div class="row"><button class="button" value="" autofocus>Keep it</button>
        <button class="button bad" value="remove">Remove</button></div></form>`, "Remove this model?");
  }

  decided(value) {
    const { name, commit } = this.offered ?? {};
    if (value === "fetch") this.call(`models/${name}/fetch`, { method: "POST", json: { commit } });
    if (value === "remove") this.call(`models/${name}`, { method: "DELETE" });
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

/** The models of each family together. */
function families(models) {
  const found = new Map();
  for (const model of models) found.set(model.family, [...(found.get(model.family) ?? []), model]);
  return [...found.values()];
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

function progress({ state, done, total, note, left_s, sentence }) {
  if (state !== "running") return html`<p class="${state === "failed" ? "alert" : "done small"}">${sentence}</p>`;
  const share = total ? done / total : 0;
  return html`<div class="bar" role="progressbar" aria-label="Fetched" aria-valuenow="${Math.floor(100 * share)}">
      <i style="width: ${(100 * share).toFixed(1)}%"></i></div>
    <p class="row between small quiet number"><span>${bytesText(done)} of ${bytesText(total)}, ${percentText(share)}${left_s !== null && `, ${secondsText(left_s)} left`}</span>
      <span>${note}</span></p>`;
}

function refusedOnes(refused) {
  return html`<details><summary>Refused: ${refused.length}, with the reasons</summary><ul>${refused.map((each) => html`
    <li class="refused" data-key="${each.name}"><div><p class="name">${each.name}</p><p class="quiet small">${each.good_for}</p></div>
      <p class="small licence"><a href="${each.licence_url}" target="_blank" rel="noreferrer">${each.licence}</a></p>
      <p class="small">Refused: ${each.reason}</p></li>`)}</ul></details>`;
}
customElements.define("reshoot-models", Models);
