// <reshoot-form>: the settings of a job, drawn from the server's description of each kind of job (GET /studio/forms). It
// previews a frame, submits jobs, and is filled again from a result or a job.
import { ClipOwn, KEYS, ON_ITS_WAY, OWN, STROKES, settle } from "./clip-own.js";
import { fieldPart, isOwn, isTooLong, mark, read, tellEngine, tellWrong, write } from "./form-fields.js";
import { Values } from "./form-values.js";
import { meantNotes } from "./meant.js";
import { previewed } from "./previewed.js";
import { ask, draw, html, openTab, Problem, randomSeed, remember, remembered, resolved, tell } from "./shared.js";

const FORM = "form", LOOK = "generate.look", SEED = "generate.seed", CLIPS = { "generate.guide": "guide", "pair.background": "background" }, KEPT = "reshoot.form", VERSION = 1, AGAIN_MS = 2000;
const OTHERS = "The settings are in the form, but not the brush strokes and what else belongs to another clip.";
const UNPAINTED = "No frame is painted yet. Paint at least one of each shot.";
const clipNow = () => previewed()?.id ?? "";

class Form extends HTMLElement {
  connectedCallback() {
    if (this.isReady) return;
    this.classList.add("studio");
    this.own = new ClipOwn();
    this.isReady = this.#load();
    this.addEventListener("input", ({ target }) => this.#typed(target));
    this.addEventListener("change", ({ target }) => isOwn(target) && this.#typed(target));
    this.addEventListener("click", ({ target }) => this.#clicked(target.closest("button")));
    this.addEventListener("submit", (event) => event.preventDefault());
    document.addEventListener("change", ({ target }) => target.localName === "reshoot-clips" && this.#follow());
    window.addEventListener("reshoot:previewed", () => this.#follow());
    window.addEventListener("reshoot:models", () => this.#describe());
    window.addEventListener("reshoot:choose", ({ detail }) => this.#choose(detail));
    for (const kind of ["use", "edit"]) window.addEventListener(`reshoot:${kind}`, ({ detail }) => this.#fill(kind, detail));
  }

  /** What a preview needs to know: kind, preset and settings, look and seed, and the looks of the engine, if it has any. */
  get choice() {
    if (!this.form?.preview || !this.values.fields.has(LOOK)) return null;
    const settings = this.#changes, values = Object.values(settings), field = this.values.fields.get(LOOK);
    const isComplete = !values.includes(ON_ITS_WAY) && ![...this.values.fields.values()].some((each) => isTooLong(each, this.values.get(each.name)));
    const waits = this.#isUnpainted ? UNPAINTED : "";
    const looks = this.#isRead(field) ? field.choices.filter(({ ready }) => ready !== false) : [];
    return { kind: this.form.name, preset: this.values.preset || undefined, settings, look: this.values.get(LOOK), seed: this.values.get(SEED), hasSeed: this.reads(SEED), looks, isComplete: isComplete && !waits, waits };
  }

  /** Whether the chosen engine reads a setting. */
  #isRead({ engines }) {
    return !engines || engines.includes(this.values.get(this.form.engine));
  }

  /** Whether this kind of job has a setting that the chosen engine reads. */
  reads(name) {
    const field = this.values?.fields.get(name);
    return Boolean(field) && this.#isRead(field);
  }

  /** The settings that differ from the preset; painted frames are left out where the engine has no use for them. */
  get #changes() {
    const { [KEYS]: keys, ...others } = this.values.changed();
    return keys && this.reads(KEYS) ? { ...others, [KEYS]: keys } : others;
  }

  /** Whether the chosen engine makes what lies between painted frames, and there is none. */
  get #isUnpainted() {
    return this.reads(KEYS) && !this.values.get(KEYS);
  }

  /** The values of settings, as they are now; those that this kind of job has not are left out. */
  chosenOf(names) {
    return Object.fromEntries(names.filter((name) => this.values?.fields.has(name)).map((name) => [name, this.values.get(name)]));
  }

  /** Preview what is chosen, and show at its field what is wrong with it. */
  async preview() {
    await this.isReady;
    const problem = this.#asked() && (await document.querySelector("reshoot-look").again());
    if (problem) this.#showWrong(problem);
  }

  /** Fetch the descriptions, again and again while the server is away. */
  async #load() {
    for (;;) {
      try {
        this.forms = (await ask("forms")).forms;
        break;
      } catch (error) {
        draw(this, html`<p class="alert warn" role="status">${error.message}</p>`);
        await new Promise((done) => setTimeout(done, AGAIN_MS));
      }
    }
    const kept = remembered(KEPT, {}), chosen = kept.version === VERSION ? kept.chosen ?? {} : {};
    this.chosen = new Map(this.forms.map((form) => [form.name, new Values(form, chosen[form.name])]));
    this.#settle();
    this.#show(this.chosen.has(kept.kind) ? kept.kind : this.forms[0].name);
  }

  /** Describe everything anew, for a model came or went: what is chosen stays. */
  async #describe() {
    if (!this.values) return;
    const { forms } = await ask("forms").catch(() => ({ forms: [] }));
    const kept = (form) => this.chosen.get(form.name)?.keep();
    if (!forms.length) return;
    this.chosen = new Map(forms.map((form) => [form.name, new Values(form, kept(form))]));
    this.forms = forms;
    this.#settle();
    this.#show(this.form.name);
  }

  /** Another clip is in the list, or previewed. */
  #follow() {
    resolved(FORM);
    if (this.#settle()) this.#changed();
  }

  /** Let each kind of job have what belongs to the previewed clip alone; returns whether that changes what is shown. */
  #settle() {
    const clip = clipNow();
    this.own.hand(clip);
    const changed = new Map([...(this.chosen?.values() ?? [])].map((each) => [each, settle(each, this.own.of(clip))]));
    const names = changed.get(this.values) ?? [];
    names.forEach((name) => this.#write(name));
    return names.length > 0;
  }

  /** Set a value; one that belongs to a clip alone is kept for the clip. */
  #set(name, value, clip = clipNow()) {
    if (clip === clipNow() && this.values.fields.has(name)) this.values.set(name, value);
    if (!OWN.includes(name)) return;
    this.own.set(clip, name, value);
    this.#settle();
  }

  /** Show the form of a kind of job. */
  #show(kind) {
    this.values = this.chosen.get(kind);
    this.form = this.values.form;
    draw(this, frame(this.form, this.forms));
    this.parts = new Map([...this.querySelectorAll("[data-field]")].map((part) => [part.dataset.field, part]));
    for (const name of this.parts.keys()) this.#write(name);
    for (const each of this.querySelectorAll("[name=preset]")) each.checked = each.value === this.values.preset;
    for (const each of this.querySelectorAll("[name=kind]")) each.checked = each.value === kind;
    this.#changed();
  }

  #write(name, moved = null) {
    const part = this.parts?.get(name), field = this.values.fields.get(name);
    if (!part) return;
    write(part, field, this.#shown(field), moved);
    tellWrong(part, "");
  }

  /** What a control shows: the value of its setting, or those of all settings that share it. */
  #shown({ name, settings }) {
    return settings ? settings.map((each) => this.values.get(each)) : this.values.get(name);
  }

  /** Set what a control says. */
  #take({ name, settings = [name] }, value) {
    settings.forEach((each, at) => this.#set(each, Array.isArray(value) ? value[at] ?? null : value));
    if (name !== this.form.engine) return;
    for (const field of this.values.fields.values()) {
      const chosen = field.choices.find((each) => each.value === this.values.get(field.name));
      if (!chosen?.engines || chosen.engines.includes(value)) continue;
      this.#set(field.name, this.values.usual(field.name)); // what was chosen is another engine's
      this.#write(field.name);
    }
  }

  #typed(control) {
    const name = control.closest("[data-field]")?.dataset.field;
    if (control.name === "kind") return this.#show(control.value);
    if (control.name === "preset") this.values.choose(control.value).forEach((each) => this.#write(each));
    else if (name) {
      const field = this.values.fields.get(name);
      this.#take(field, read(this.parts.get(name), field, control));
      this.#write(name, control);
    } else return;
    this.#changed();
  }

  #clicked(button) {
    const { back: name, roll } = button?.dataset ?? {};
    if (button?.dataset.do === "preview") this.preview();
    else if (button?.dataset.do === "submit") this.#submit();
    else if (roll) this.#choose({ name: roll, value: randomSeed() });
    else if (name) {
      for (const each of this.values.fields.get(name).settings ?? [name]) this.#set(each, this.values.usual(each));
      this.#write(name);
      this.#changed();
      this.parts.get(name).querySelector("input:checked, input[type=number], select, [data-text], button:not([hidden])")?.focus();
    }
  }

  /** Mark what differs from the preset, and keep all that is chosen for the next visit. */
  #changed() {
    const { values } = this, notes = meantNotes(this.form, values);
    for (const [name, part] of this.parts) {
      const field = values.fields.get(name);
      mark(part, field, this.#shown(field), values.usual(name), (field.settings ?? [name]).some((each) => values.isChanged(each)), notes[name]);
      part.hidden = !this.#isRead(field);
      tellEngine(part, field, values.get(this.form.engine), values.fields.has(LOOK) ? values.get(LOOK) : null);
    }
    for (const each of this.querySelectorAll("details:has(> summary .chip)")) {
      const count = each.querySelectorAll(".field.changed:not([hidden])").length;
      each.querySelector("summary .chip").textContent = count ? `${count} changed` : "";
      each.hidden = !each.querySelector(".field:not([hidden])");
    }
    const chosen = Object.fromEntries([...this.chosen].map(([kind, each]) => [kind, kept(each)]));
    remember(KEPT, { version: VERSION, kind: this.form.name, chosen });
    resolved(FORM);
    window.dispatchEvent(new CustomEvent("reshoot:chosen"));
  }

  /** Take the value of a setting that was chosen elsewhere on the page. */
  #choose({ name, value, clip }) {
    if (!this.values) return;
    this.#set(name, value, clip);
    this.#write(name);
    this.#changed();
  }

  /** What is asked of the server; null, after a notification, if something is missing. */
  #asked() {
    for (const part of this.parts.values()) tellWrong(part, "");
    const clips = document.querySelector("reshoot-clips")?.value ?? [], settings = this.#changes;
    const timeline = document.querySelector("reshoot-timeline"), placed = timeline?.clip;
    const missing = this.#missing(clips, settings) || timeline?.problem, parts = document.querySelector("reshoot-trim")?.value;
    if (missing) tell(missing, "bad", FORM);
    const chosen = placed ? { clips: [placed] } : { clips: clips.map(({ id }) => id), parts }; // on a timeline, clips have their own ranges
    return missing ? null : { kind: this.form.name, preset: this.values.preset || undefined, settings, ...chosen };
  }

  /** Why no job can start yet, in a sentence. */
  #missing(clips, { [STROKES]: strokes, ...settings }) {
    if (!clips.length) return "There is no clip yet. Add one, or try the example.";
    if (strokes === ON_ITS_WAY) return "The brush strokes are still being saved. Wait a moment.";
    if (this.reads(KEYS) && document.querySelector("reshoot-keys")?.isSending) return "Painted frames are still on their way. Wait until they are shown.";
    if (this.#isUnpainted) return `${UNPAINTED} They are under "Frames to paint".`;
    const coming = Object.keys(CLIPS).find((name) => settings[name] === ON_ITS_WAY);
    if (coming) return `The ${CLIPS[coming]} is still on its way. Wait until it is shown, or stop it.`;
    if (Object.values(settings).includes(ON_ITS_WAY)) return "A picture is still on its way. Wait until it is shown, or remove it.";
    return "";
  }

  /** Whether one of several clips has something of its own, which the others cannot be given; told if so. */
  #isOfSeveral() {
    const clips = document.querySelector("reshoot-clips").value;
    const alone = this.values.fields.has(STROKES) && clips.length > 1 && clips.find(({ id }) => this.own.has(id, this.reads(KEYS)));
    const [what, where] = alone && this.own.has(alone.id, false) ? ["a clicked person, a matte or brush strokes", "Person"] : ["painted frames", "Frames to paint"];
    if (alone) tell(`${alone.title} has ${what} of its own. Start it alone, or take them away under ${where}.`, "bad", FORM);
    return Boolean(alone);
  }

  async #submit() {
    const json = !this.sending && this.#asked();
    if (!json || this.#isOfSeveral()) return;
    this.sending = true;
    try {
      const { jobs } = await ask("jobs", { method: "POST", json });
      window.dispatchEvent(new CustomEvent("reshoot:submitted", { detail: { jobs } }));
    } catch (error) {
      if (!this.#showWrong(error)) tell(error.message, "bad", error.status ? FORM : undefined);
    }
    this.sending = false;
  }

  /** Show an error at the field that it names, and lead there; false if it names none. */
  #showWrong(error) {
    const part = error instanceof Problem && this.parts.get(error.body.settings?.find((name) => this.parts.has(name)));
    if (!part) return false;
    tellWrong(part, error.message);
    for (let each = part.closest("details"); each; each = each.parentElement.closest("details")) each.open = true;
    part.querySelector("input:checked, input[type=number], select, [data-text]")?.focus();
    part.scrollIntoView({ block: "center" });
    return true;
  }

  /** Fill the form from settings that are used again, or from a job that is to be edited. */
  async #fill(kind, { form, preset, settings, job }) {
    await this.isReady;
    try {
      const told = await ask("form", { method: "POST", json: { kind, form, preset, settings, job } });
      const isFit = kind === "edit" || (await fits(told.values[STROKES]));
      this.chosen.set(told.form, new Values(this.chosen.get(told.form).form, { preset: told.preset, settings: told.values }));
      const clip = told.clips ? told.clips[0]?.id ?? "" : clipNow();
      if (kind === "edit") this.own.forget(clip);
      if (isFit) this.own.take(clip, told.values);
      this.#settle();
      this.#show(told.form);
      openTab("create");
      if (told.clips) document.querySelector("reshoot-clips")?.take(told.clips);
      const [first] = told.clips ?? [];
      if (first) document.querySelector("reshoot-trim")?.take(first.id, told.values);
      if (first) document.querySelector("reshoot-timeline")?.take(first.id);
      const missing = told.missing || (isFit ? "" : OTHERS);
      tell(missing || "The settings are in the form.", missing ? "bad" : "note");
    } catch (error) {
      tell(error.message, "bad");
    }
  }
}

/** What survives a reload; a picture that is still uploading does not, and what belongs to a clip is kept with it. */
function kept(values) {
  const { preset, settings } = values.keep();
  return { preset, settings: Object.fromEntries(Object.entries(settings).filter(([name, value]) => value !== ON_ITS_WAY && !OWN.includes(name))) };
}

/** Whether strokes that settings name are of the clip that is previewed; there may be none of either. */
async function fits(strokes) {
  const clip = previewed();
  const told = strokes && clip ? await ask(`strokes/${strokes}`) : null;
  return !told?.clip || told.clip === clip.digest;
}

function frame(form, forms) {
  const inFront = form.front.map((name) => form.fields.find((field) => field.name === name)).filter(Boolean);
  const rest = form.fields.filter((field) => !inFront.includes(field) && !field.elsewhere);
  const groups = form.groups.map((group) => ({ ...group, fields: rest.filter((field) => field.group === group.name) }));
  return html`<form class="stack" novalidate autocomplete="off" aria-label="Settings">
    ${forms.length > 1 && html`<div class="card" data-key="kinds">${options("kind", "What to do", forms.filter((each) => !each.elsewhere || each === form))}</div>`}
    ${form.presets.length > 0 && html`<div class="card" data-key="presets ${form.name}">${options("preset", "Preset", form.presets)}</div>`}
    ${inFront.length > 0 && html`<div class="card fields" data-key="front ${form.name}">${inFront.map(fieldPart)}</div>`}
    <details class="card advanced" data-key="advanced ${form.name}"><summary><h3>Advanced</h3><span class="chip"></span></summary>
      ${groups.filter(({ fields }) => fields.length).map(({ name, title, fields }) => html`<details data-key="${name}">
        <summary><h4>${title}</h4><span class="chip"></span></summary><div class="fields">${fields.map(fieldPart)}</div></details>`)}
    </details>
    <div class="row actions" data-key="actions">
      ${form.preview && form.fields.some(({ name }) => name === LOOK) && html`<button type="button" class="button" data-key="preview" data-do="preview">Preview</button>`}
      <button type="button" class="button main" data-key="submit" data-do="submit">${form.title}</button>
    </div>
  </form>`;
}

/** Presets or kinds of jobs as radio buttons with their sentences. */
function options(name, title, choices) {
  return html`<fieldset class="options"><legend class="title">${title}</legend>${choices.map((each) => html`<label class="option">
    <input type="radio" name="${name}" value="${each.name}" aria-labelledby="${name}-${each.name}" aria-describedby="${name}-${each.name}-about">
    <b id="${name}-${each.name}">${each.title}</b><span class="quiet small" id="${name}-${each.name}-about">${each.about}</span></label>`)}</fieldset>`;
}

customElements.define("reshoot-form", Form);
