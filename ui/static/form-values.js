// What is chosen in a form: a preset and the values of its settings. It knows nothing of the page.

const same = (one, other) => one === other || ((one ?? "") === "" && (other ?? "") === "");

export class Values {
  /** `form` describes the fields; `kept` is what `keep` returned, of this version or of one with other settings. */
  constructor(form, kept = {}) {
    this.form = form;
    this.fields = new Map(form.fields.map((field) => [field.name, field]));
    this.preset = form.presets.some(({ name }) => name === kept.preset) ? kept.preset : form.preset;
    this.values = new Map(form.fields.map(({ name }) => [name, this.usual(name)]));
    for (const [name, value] of Object.entries(kept.settings ?? {})) if (this.#takes(name, value)) this.set(name, value);
  }

  /** What the preset says. */
  usual(name) {
    const { values = {} } = this.form.presets.find((each) => each.name === this.preset) ?? {};
    return name in values ? values[name] : this.fields.get(name).default;
  }

  get(name) {
    return this.values.get(name);
  }

  set(name, value) {
    this.values.set(name, value);
  }

  /** Choose a preset; it changes the settings in which presets differ, whose names are returned, and leaves the others. */
  choose(preset) {
    this.preset = preset;
    const names = Object.keys(this.form.presets.find((each) => each.name === preset).values);
    for (const name of names) this.set(name, this.usual(name));
    return names;
  }

  isChanged(name) {
    return !same(this.get(name), this.usual(name));
  }

  /** The settings that differ from the preset. */
  changed() {
    return Object.fromEntries([...this.values].filter(([name]) => this.isChanged(name)));
  }

  /** What survives a reload. */
  keep() {
    return { preset: this.preset, settings: this.changed() };
  }

  /** Whether there is such a setting still, with such a choice. */
  #takes(name, value) {
    const field = this.fields.get(name);
    if (!field) return false;
    return field.kind === "choice" ? field.choices.some((each) => each.value === value) : value === null || typeof value !== "object";
  }
}
