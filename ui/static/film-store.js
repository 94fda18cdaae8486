// A clip that becomes a film, as it is edited: what is known, the plan and people's changes with their history, the play head
// and what is chosen. Tells "changed" (plan or changes), "moved" (play head), "chosen" and "saved"; parts of the page listen.
import { History } from "./film-history.js";
import { FilmTime, rateOf } from "./film-time.js";
import { withKept } from "./film-kept.js";
import { followed, wordsOf, whysOf } from "./film-words.js";
import { added, taken } from "./film-rows.js";
import { remember, remembered } from "./shared.js";

const NAMES = "reshoot.film.names", MOST_NAMES = 400;
export const NO_CHANGES = { words: [], cuts: [], focus: [], kept: [] };

export class FilmStore extends EventTarget {
  /** `clip` is {id, title, facts}; `told` the answer of GET /studio/clips/{clip}/film. */
  constructor(clip, told) {
    super();
    const { known, draft, watch = null } = told, plan = told.plan ?? draft ?? {};
    Object.assign(this, { clip, known, draft, watch, at_s: 0, chosen: null, stored: null });
    this.history = new History({ plan, changes: told.changes ?? NO_CHANGES });
    this.#derive();
    this.at_s = this.time.clipTime(0);
  }

  get plan() {
    return this.history.now.plan;
  }

  get changes() {
    return this.history.now.changes;
  }

  /** What rows ask of: the film's time, and what files are called and how long they are. */
  get about() {
    return { time: this.time, nameOf: (digest) => fileOf(digest)?.name ?? "a file", lengthOf: (digest) => fileOf(digest)?.seconds ?? null };
  }

  /** What people should know of what was found. */
  get remarks() {
    return (this.known?.events ?? []).map(({ sentence }) => sentence);
  }

  /** The plan as previews take it: subtitles that the server stores by their digest are named by it. */
  get planText() {
    const { plan, stored } = this, said = plan.subtitles;
    return JSON.stringify(said?.cues && said.cues === stored?.cues ? { ...plan, subtitles: { ...said, file: stored.file, cues: "" } } : plan);
  }

  /** The server keeps a plan: `text` is how previews and jobs name it. */
  keep(plan, text) {
    const file = text && JSON.parse(text).subtitles?.file;
    if (file && plan?.subtitles?.cues) this.stored = { cues: plan.subtitles.cues, file };
    this.#tell("saved");
  }

  #derive() {
    const { plan, changes } = this, { facts } = this.clip, own = this.known?.clip?.rate ?? facts.rate ?? facts.frames / facts.seconds;
    const rate = rateOf(plan.rate ?? own), frames = plan.rate ? Math.round(facts.seconds * rate) : facts.frames;
    this.time = new FilmTime(plan.cut ?? [], rate, frames);
    if (this.wordsBy?.known !== this.known || this.wordsBy.changes !== changes) Object.assign(this, { words: wordsOf(this.known, changes), wordsBy: { known: this.known, changes } });
    this.whys = whysOf(this.words, plan.cut ?? []);
  }

  /** Change the plan, or plan and changes; changes with the same `merge` that follow each other are undone at once. */
  edit(change, merge = null) {
    const before = this.history.now, wanted = change(before);
    if (wanted === before) return;
    this.history.push(followed(before, withKept(before, wanted, this.words, this.draft), this.known), merge);
    this.#changed();
  }

  /** Change the plan alone. */
  editPlan(change, merge = null) {
    this.edit((state) => ({ ...state, plan: change(state.plan) }), merge);
  }

  undo() {
    if (this.history.undo()) this.#changed(true);
  }

  redo() {
    if (this.history.redo()) this.#changed(true);
  }

  #changed(isOther = false) {
    this.#derive();
    if (isOther) this.chosen = null;
    this.#tell("changed");
  }

  /** Take over what was found anew; one undo brings the film back as it was. */
  take({ known, draft, watch }) {
    const plan = taken(draft, this.plan, this.draft === draft ? null : this.draft);
    Object.assign(this, { known, draft, watch });
    this.history.push({ plan, changes: this.changes });
    this.#changed(true);
  }

  /** Add something at the play head and choose it. */
  add(row, file = null) {
    if (file?.name) nameFile(file);
    const { plan, index } = added(this.plan, row, this.at_s, this.time, file);
    this.editPlan(() => plan);
    this.choose(row, index);
  }

  /** Go to a time of the clip. */
  seek(seconds) {
    const at_s = Math.min(this.time.last_s, Math.max(0, this.time.snapped(seconds)));
    if (at_s === this.at_s) return;
    this.at_s = at_s;
    this.#tell("moved");
  }

  /** Choose an item, or with no index a row; nothing without a row. */
  choose(row, index = null) {
    const chosen = row ? { row, index } : null;
    if (JSON.stringify(chosen) === JSON.stringify(this.chosen)) return;
    this.history.settle();
    this.chosen = chosen;
    this.#tell("chosen");
  }

  #tell(what) {
    this.dispatchEvent(new CustomEvent(what));
  }
}

/** What is known here of a file that plans name by its digest: {name, seconds}. */
export const fileOf = (digest) => remembered(NAMES, {})[digest] ?? null;
export function nameFile({ digest, name, seconds = null }) {
  const rest = Object.entries(remembered(NAMES, {})).filter(([each]) => each !== digest).slice(1 - MOST_NAMES);
  remember(NAMES, Object.fromEntries([...rest, [digest, { name, seconds }]]));
}
