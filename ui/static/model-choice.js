// <reshoot-model-choice engine="vace">: the checkpoints of an engine with size, licence and what each is good for, to choose
// one, or to fetch one that is not here; parts of others are only fetched. Its value is a name; "" for the usual one.
import { CHIPS, Fetching, progress } from "./fetching.js";
import { bytesText, draw, html } from "./shared.js";

const USUAL = { name: "", title: "Usual", good_for: "The one that the effort means, or another one if only that is here." };

class ModelChoice extends Fetching {
  static observedAttributes = ["engine"];
  value = "";

  connectedCallback() {
    super.connectedCallback();
    this.oninput = (event) => {
      event.stopPropagation(); // the element's own `change` is about its value
      this.value = event.target.value;
      this.dispatchEvent(new CustomEvent("change", { bubbles: true }));
    };
    this.onchange = (event) => event.target !== this && event.stopPropagation();
  }

  attributeChangedCallback(_, before, now) {
    if (this.board && before !== now) this.show();
  }

  /** Choose a model from outside. */
  take(name) {
    this.value = name ?? "";
    if (this.board) this.show();
  }

  show() {
    const models = (this.told?.models ?? []).filter(({ engines }) => engines.includes(this.getAttribute("engine")))
      .sort((one, other) => one.is_part - other.is_part);
    draw(this.board, html`<div class="options" role="radiogroup" aria-label="Model">
      ${this.told && [USUAL, ...models].map((model) => this.row(model))}
      ${!this.told && html`<p class="quiet small">${this.problem || "Looking which models are here…"}</p>`}</div>`);
    for (const each of this.board.querySelectorAll("input")) each.checked = each.value === this.value;
  }

  row(model) {
    const { name, title, good_for, state } = model, mine = name && this.told.fetching?.name === name ? this.told.fetching : null;
    const id = `model-${name || "usual"}`, isRunning = mine?.state === "running";
    const said = html`<b id="${id}">${title ?? name}</b><span class="quiet small" id="${id}-about">${good_for}</span>`;
    return html`<div class="model" data-key="${id}">${model.is_part ? html`<div class="option">${said}</div>` : html`<label class="option">
        <input type="radio" name="model-choice" value="${name}" aria-labelledby="${id}" aria-describedby="${id}-about">${said}</label>`}
      ${name && html`<div class="row small quiet number"><span>${model.estimated && "about "}${bytesText(model.bytes)}</span>
        <span>${model.card_gb ? `${model.card_gb} GB card` : "no card needed"}</span>
        <a href="${model.licence_url}" target="_blank" rel="noreferrer">${model.licence}</a>
        <span class="chip ${isRunning ? "busy" : CHIPS[state]}">${isRunning ? "fetching" : state}</span>
        ${(state !== "here" || isRunning) && this.fetchButton(model, mine)}</div>`}
      ${mine && html`<div aria-live="polite">${progress(mine)}</div>`}</div>`;
  }
}
customElements.define("reshoot-model-choice", ModelChoice);
