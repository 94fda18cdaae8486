// The settings that belong to one clip alone: the point where its person is, its matte, brush strokes and painted frames. They
// are kept for each clip, also over a reload, so that the form has those of the clip that is previewed and never another one's.
import { remember, remembered } from "./shared.js";

export const MATTE = "analysis.matte", STROKES = "analysis.strokes", SUBJECT = "analysis.subject", POINTED = "pointed";
export const KEYS = "generate.keys"; // painted frames
export const POINT = ["analysis.point_x", "analysis.point_y", "analysis.point_frame"], OWN = [SUBJECT, ...POINT, MATTE, STROKES, KEYS];
export const ON_ITS_WAY = "on its way"; // in place of the digest of what is still being sent
const KEPT = "reshoot.own", MOST_KEPT = 200, NONE = "";

export class ClipOwn {
  constructor() {
    this.kept = new Map(remembered(KEPT, [])); // by the clip's id; "" is for the next clip that comes
    this.sending = new Set(); // clips whose strokes are being sent
  }

  /** What was set for a clip: {name: value}, and nothing else. */
  of(clip) {
    return { ...this.kept.get(clip), ...(this.sending.has(clip) && { [STROKES]: ON_ITS_WAY }) };
  }

  /** Whether a clip has a point, a matte, strokes or, where they are read, painted frames, which no other clip can be given. */
  has(clip, areKeysRead = true) {
    const own = this.of(clip);
    return own[SUBJECT] === POINTED || Boolean(own[MATTE] || own[STROKES] || (areKeysRead && own[KEYS]));
  }

  set(clip, name, value) {
    if (name === STROKES) this.sending[value === ON_ITS_WAY ? "add" : "delete"](clip);
    if (value === ON_ITS_WAY) return;
    const { [name]: _, ...others } = this.kept.get(clip) ?? {};
    const isPointless = name === SUBJECT && value !== POINTED;
    const rest = isPointless ? Object.fromEntries(Object.entries(others).filter(([each]) => !POINT.includes(each))) : others;
    this.#keep(clip, isPointless || (!value && !POINT.includes(name)) ? rest : { ...rest, [name]: value });
  }

  /** Take what settings say of the point, the matte, the strokes and the painted frames; what they do not name stays. */
  take(clip, settings) {
    const names = [MATTE, STROKES, KEYS].filter((name) => settings[name]);
    if (settings[SUBJECT] === POINTED) names.push(SUBJECT, ...POINT);
    for (const name of names) this.set(clip, name, settings[name]);
  }

  forget(clip) {
    this.#keep(clip, {});
  }

  /** Give a clip what was set before there was a clip, unless it has something of its own. */
  hand(clip) {
    const waiting = this.kept.get(NONE);
    if (!waiting || !clip) return;
    if (!this.has(clip)) this.#keep(clip, waiting);
    this.forget(NONE);
  }

  #keep(clip, own) {
    this.kept.delete(clip);
    if (Object.keys(own).length) this.kept.set(clip, own); // at the end: those that were not touched for long go first
    remember(KEPT, [...this.kept].slice(-MOST_KEPT));
  }
}

/** Put what a clip has of its own into the values of a form, and nothing in place of what it has not; returns the names that changed. */
export function settle(values, own) {
  return OWN.filter((name) => {
    if (!values.fields.has(name)) return false;
    const before = values.get(name), isOfAll = name === SUBJECT && before !== POINTED;
    values.set(name, name in own ? own[name] : isOfAll ? before : values.usual(name));
    return values.get(name) !== before;
  });
}
