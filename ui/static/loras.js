// <reshoot-loras>: a list of LoRAs, each with a weight: those in the folder can be added, weighed and removed. Its value is
// the list as text, as the setting has it: "rain, style:0.6".
import { ask, draw, html } from "./shared.js";

const SLIDER_MOST = 2, NOTHING = { names: null, folder: "", most: 8, least_weight: -4, most_weight: 4 };

class Loras extends HTMLElement {
  connectedCallback() {
    if (this.told) return;
    this.told = NOTHING;
    this.rows ??= [];
    this.addEventListener("input", (event) => this.#moved(event));
    this.addEventListener("change", (event) => event.target !== this && this.#added(event));
    this.addEventListener("click", ({ target }) => this.#removed(target.closest("[data-act=remove]")));
    this.addEventListener("focusin", ({ target }) => target.matches("select") && this.#look());
    this.#look();
  }

  get value() {
    return (this.rows ?? []).map(({ name, weight }) => (Number(weight) === 1 ? name : `${name}:${weight}`)).join(", ");
  }

  /** Show a list from outside. */
  take(text) {
    if ((text ?? "") === this.value) return;
    this.rows = (text ?? "").split(",").map((part) => part.trim()).filter(Boolean).map((part) => {
      const [name, weight = "1"] = part.split(":").map((each) => each.trim());
      return { name: name.replace(/\.safetensors$/, ""), weight };
    });
    if (this.told) this.#draw();
  }

  async #look() {
    try {
      this.told = await ask("loras");
    } catch { /* the form around this says that the server is away */ }
    this.#draw();
  }

  #moved(event) {
    const { at, part } = event.target.dataset;
    if (part !== "weight") return event.stopPropagation();
    this.rows[at].weight = event.target.value;
    for (const each of this.querySelectorAll(`[data-at="${at}"][data-part=weight]`)) if (each !== event.target) each.value = event.target.value;
  }

  #added(event) {
    event.stopPropagation(); // the element's own `change` is about its value
    if (!event.target.matches("select") || !event.target.value) return;
    this.#changed([...this.rows, { name: event.target.value, weight: "1" }]);
    this.querySelector("li:last-child input")?.focus();
  }

  #removed(button) {
    if (!button) return;
    this.#changed(this.rows.filter((_, at) => at !== Number(button.dataset.at)));
    this.querySelector("select, button")?.focus();
  }

  #changed(rows) {
    this.rows = rows;
    this.#draw();
    this.dispatchEvent(new CustomEvent("change", { bubbles: true }));
  }

  #draw() {
    const { names, folder, most } = this.told, rest = (names ?? []).filter((name) => !this.rows.some((row) => row.name === name));
    draw(this, html`${this.rows.length > 0 && html`<ul>${this.rows.map((row, at) => this.#row(row, at))}</ul>`}
      ${rest.length > 0 && this.rows.length < most && html`<select aria-label="Add a LoRA"><option value="">Add a LoRA…</option>
        ${rest.map((name) => html`<option value="${name}">${name}</option>`)}</select>`}
      ${names && !names.length && html`<p class="small quiet">None is here yet: put .safetensors files into <span class="path">${folder}</span>.</p>`}`);
    for (const input of this.querySelectorAll("[data-part=weight]")) input.value = this.rows[input.dataset.at].weight;
    const select = this.querySelector("select");
    if (select) select.value = "";
  }

  #row({ name }, at) {
    const { names, folder, least_weight, most_weight } = this.told, isGone = names && !names.includes(name);
    const about = html`data-at="${at}" data-part="weight" step="0.05"`;
    return html`<li data-key="${name}"><span class="name">${name}</span>
      <span class="row numbers"><input type="range" min="${-SLIDER_MOST}" max="${SLIDER_MOST}" ${about} aria-label="${`Weight of ${name}, slider`}">
        <input type="number" min="${least_weight}" max="${most_weight}" ${about} inputmode="decimal" aria-label="${`Weight of ${name}`}"></span>
      <button type="button" class="button small" data-act="remove" data-at="${at}" aria-label="${`Remove ${name}`}"><span aria-hidden="true">×</span></button>
      ${isGone && html`<p class="small gone">${name} is not here: put ${name}.safetensors into <span class="path">${folder}</span>, or remove it.</p>`}</li>`;
  }
}
customElements.define("reshoot-loras", Loras);
