// <reshoot-presets>: presets that people saved under a name. One fills the form; the settings in the form can be saved as one.
import { ask, draw, html, tell } from "./shared.js";

class Presets extends HTMLElement {
  connectedCallback() {
    if (this.presets) return;
    this.classList.add("studio");
    Object.assign(this, { presets: [], naming: false, deleting: "" });
    this.addEventListener("click", ({ target }) => this.#clicked(target.closest("button")));
    this.addEventListener("submit", (event) => this.#save(event));
    this.addEventListener("keydown", ({ key }) => key === "Escape" && (this.naming || this.deleting) && this.#turn({ naming: false, deleting: "" }));
    this.#draw();
    this.#load();
  }

  async #load() {
    try {
      this.presets = (await ask("presets")).presets;
      this.#draw();
    } catch { /* the form beside this one says that the server is away; saving asks again */ }
  }

  #clicked(button) {
    const { act, name } = button?.dataset ?? {};
    if (act === "name") this.#turn({ naming: true, deleting: "" }, "input");
    else if (act === "leave") this.#turn({ naming: false, deleting: "" });
    else if (act === "ask") this.#turn({ deleting: name, naming: false }, "[data-act=leave]");
    else if (act === "delete") this.#delete(name);
    else if (act === "use") this.#use(this.presets.find((each) => each.name === name));
  }

  #turn(state, focus = "[data-act=name]") {
    Object.assign(this, state);
    this.#draw();
    this.querySelector(focus)?.focus();
  }

  #use({ name, kind, preset, settings }) {
    window.dispatchEvent(new CustomEvent("reshoot:use", { detail: { form: kind, preset, settings, title: name } }));
  }

  async #save(event) {
    event.preventDefault();
    const name = new FormData(event.target).get("name").trim();
    const form = document.querySelector("reshoot-form");
    if (!name || !form?.values) return;
    const { preset, settings } = form.values.keep();
    try {
      const saved = await ask("presets", { method: "POST", json: { name, kind: form.form.name, preset: preset || undefined, settings } });
      tell(`${saved.name} is saved.`);
    } catch (problem) {
      return tell(problem.message, "bad");
    }
    await this.#load();
    this.#turn({ naming: false });
  }

  async #delete(name) {
    try {
      await ask(`presets/${encodeURIComponent(name)}`, { method: "DELETE" });
      tell(`${name} was deleted.`);
    } catch (problem) {
      tell(problem.message, "bad");
    }
    await this.#load();
    this.#turn({ deleting: "" });
  }

  #draw() {
    const { presets, naming, deleting } = this;
    draw(this, html`<section class="card" aria-label="My presets"><div class="row">
      <h3>My presets</h3>
      ${presets.map(chip)}
      ${naming || deleting ? "" : html`<button type="button" class="button small" data-act="name">Save these settings…</button>`}</div>
      ${presets.length || naming ? "" : html`<p class="quiet small">Settings that you use often, under a name of yours: here and with --preset on the command line.</p>`}
      ${naming && saving(presets)} ${deleting && question(deleting)}</section>`);
  }
}

function chip({ name, kind, preset }) {
  const under = [kind !== "restyle" && kind, preset && `on top of ${preset}`].filter(Boolean).join(", ");
  return html`<span class="own" data-key="${name}"><button type="button" class="button small" data-act="use" data-name="${name}"
    title="${under}">${name}</button><button type="button" class="button small x" data-act="ask" data-name="${name}"
    aria-label="${`Delete the preset ${name}`}"><span aria-hidden="true">×</span></button></span>`;
}

function saving(presets) {
  return html`<form class="row" data-key="saving"><label class="small">Name <input name="name" maxlength="40" required autocomplete="off" list="own-presets"></label>
    <datalist id="own-presets">${presets.map(({ name }) => html`<option value="${name}"></option>`)}</datalist>
    <button class="button small main">Save</button><button type="button" class="button small" data-act="leave">Leave it</button>
    <p class="quiet small">Under a name that is there already, it replaces that one. The part of a clip is not saved.</p></form>`;
}

function question(name) {
  return html`<div class="row" data-key="question" role="group" aria-label="${`Confirm: delete ${name}`}"><span>Delete ${name}? Jobs that used it keep their settings.</span>
    <button type="button" class="button small bad" data-act="delete" data-name="${name}">Delete</button>
    <button type="button" class="button small" data-act="leave">Keep</button></div>`;
}

customElements.define("reshoot-presets", Presets);
