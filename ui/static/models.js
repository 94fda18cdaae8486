// <reshoot-models>: the weights of models: which are here, fetching one, and removing it.
import { CHIPS, Fetching, progress } from "./fetching.js";
import { bytesText, draw, html } from "./shared.js";

class Models extends Fetching {
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

  button(model, mine) {
    const { name, state, fetched } = model;
    if (state !== "here" || mine?.state === "running") return this.fetchButton(model, mine);
    return fetched && html`<button type="button" class="button small bad" data-act="remove" data-name="${name}">Remove…<span class="hidden"> ${name}</span></button>`;
  }

  act(node) {
    super.act(node);
    if (node?.dataset.act === "remove") this.askToRemove(node.dataset.name);
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
    super.decided(value);
    if (value === "remove") this.call(`models/${this.offered.name}`, { method: "DELETE" });
  }
}

/** The models of each family together. */
function families(models) {
  const found = new Map();
  for (const model of models) found.set(model.family, [...(found.get(model.family) ?? []), model]);
  return [...found.values()];
}

function refusedOnes(refused) {
  return html`<details><summary>Refused: ${refused.length}, with the reasons</summary><ul>${refused.map((each) => html`
    <li class="refused" data-key="${each.name}"><div><p class="name">${each.name}</p><p class="quiet small">${each.good_for}</p></div>
      <p class="small licence"><a href="${each.licence_url}" target="_blank" rel="noreferrer">${each.licence}</a></p>
      <p class="small">Refused: ${each.reason}</p></li>`)}</ul></details>`;
}
customElements.define("reshoot-models", Models);
