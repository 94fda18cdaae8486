// <reshoot-prompts>: prompts to begin with, and the last ones that jobs were started with, for the text field beside it. A
// click fills the field, so that Undo brings back what was there, and selects what the template has in brackets.
import { ask, draw, html, tell } from "./shared.js";

class Prompts extends HTMLElement {
  connectedCallback() {
    if (this.told) return;
    Object.assign(this, { told: { templates: [], last: [] }, open: "" });
    this.addEventListener("click", ({ target }) => this.#clicked(target.closest("button")));
    window.addEventListener("reshoot:submitted", () => this.#load());
    this.#load();
  }

  async #load() {
    try {
      this.told = await ask("prompts");
    } catch { /* the form around this says that the server is away; the next look at them asks again */ }
    this.#draw();
  }

  #clicked(button) {
    const { act, name, at } = button?.dataset ?? {};
    if (act === "open") {
      this.open = this.open === name ? "" : name;
      this.#load();
    } else if (act === "begin") this.#fill(this.told.templates[at].text);
    else if (act === "again") this.#fill(this.told.last[at].text);
    else if (act === "forget") this.#forget(this.told.last[at].digest);
  }

  #fill(text) {
    const [, before, part] = text.match(/^([^[]*)\[([^\]]*)\]/) ?? [], box = this.parentElement.querySelector("textarea");
    const plain = part === undefined ? text : text.replace(`[${part}]`, part);
    box.focus();
    box.select();
    // deprecated, and the one way to fill a field that Undo takes back
    if (!document.execCommand("insertText", false, plain)) {
      box.value = plain;
      box.dispatchEvent(new Event("input", { bubbles: true }));
    }
    if (part !== undefined) box.setSelectionRange(before.length, before.length + part.length);
    this.open = "";
    this.#draw();
  }

  async #forget(digest) {
    try {
      await ask(`prompts/${digest}`, { method: "DELETE" });
    } catch (error) {
      tell(error.message, "bad");
    }
    await this.#load();
    (this.querySelector("[data-act=forget]") ?? this.querySelector("[data-act=open]")).focus();
  }

  #draw() {
    const { templates, last } = this.told, kinds = [...new Set(templates.map(({ kind }) => kind))];
    draw(this, html`<div class="row">${opener("ideas", "Ideas", this.open)}${last.length > 0 && opener("last", `Last prompts (${last.length})`, this.open)}</div>
      ${this.open === "ideas" && html`<div class="panel" data-key="ideas">${kinds.map((kind) => html`<div role="group" aria-label="${kind}"><p class="small quiet">${kind}</p>
        <div class="row">${templates.map((each, at) => each.kind === kind && html`<button type="button" class="button small" data-act="begin" data-at="${at}"
          title="${each.text}">${each.title}</button>`)}</div></div>`)}</div>`}
      ${this.open === "last" && html`<ul class="panel" data-key="last" aria-label="Last prompts">${last.map(({ digest, text }, at) => html`<li data-key="${digest}">
        <button type="button" class="again small" data-act="again" data-at="${at}">${text}</button>
        <button type="button" class="button small" data-act="forget" data-at="${at}" aria-label="${`Forget the prompt: ${text.slice(0, 60)}`}"><span aria-hidden="true">×</span></button></li>`)}</ul>`}`);
  }
}

const opener = (name, title, open) => html`<button type="button" class="button small" data-act="open" data-name="${name}"
  aria-expanded="${String(open === name)}">${title}</button>`;

customElements.define("reshoot-prompts", Prompts);
