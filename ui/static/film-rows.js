// The rows of a film's timeline: what of a plan lies in each, as items with times of the clip, and how they are moved,
// added and taken away. A plan is never changed, each function gives a new one.
import { placeFor, read, withCues } from "./film-cues.js";
import { BY_HAND, withOwnCuts } from "./film-kept.js";

const LEAST_S = 0.04, ALWAYS_S = 86400, SOUND_S = 1;
const cutText = ({ why }) => why || BY_HAND;
const seconds = (value) => Math.round(1000 * Math.max(0, value)) / 1000;

/** Rows whose items are a list of the plan with `from_s` and `to_s`: where it lies, and what an item says. */
const BETWEEN = {
  cut: { label: cutText },
  punches: { inside: "zoom", label: ({ scale = 1.15 }) => `${scale}×` },
  looks: { label: ({ look }) => look },
  pictures: { label: ({ file, prompt }, nameOf) => (file ? nameOf(file) : prompt) },
  titles: { label: ({ text }) => text },
};
export const ROWS = [
  { name: "cut", title: "Cuts", one: "cut", add: "Cut a second here" },
  { name: "punches", title: "Zoom", one: "highlight", part: "zoom", add: "Show three seconds larger" },
  { name: "broll", title: "B-roll", one: "b-roll", add: "Add b-roll here" },
  { name: "looks", title: "Looks", one: "look", add: "Draw three seconds in a look", needs: "looks" },
  { name: "pictures", title: "Pictures", one: "picture", add: "Add a picture here" },
  { name: "titles", title: "Titles", one: "title", add: "Add a title here" },
  { name: "subtitles", title: "Subtitles", one: "subtitle", part: "subtitles", add: "Add a subtitle here" },
  { name: "music", title: "Music", one: "music", part: "music", add: "Choose music" },
  { name: "effects", title: "Sounds", one: "sound", add: "Add a sound here" },
  { name: "fades", title: "Fades", one: "fade", part: "fades", add: "Fade in and out" },
];
export const rowOf = (name) => ROWS.find((each) => each.name === name);

const listOf = (plan, row) => (BETWEEN[row]?.inside ? plan[BETWEEN[row].inside]?.[row] : plan[row]) ?? [];
function withList(plan, row, list) {
  const inside = BETWEEN[row]?.inside;
  return inside ? { ...plan, [inside]: { on: true, ...plan[inside], [row]: list } } : { ...plan, [row]: list };
}

/** Whether there is such a row: where plans of this server have its layer. */
export const isKnown = (plan, row) => !rowOf(row).needs || Array.isArray(plan[rowOf(row).needs]);

/** Whether a row is shown in the film; null where the plan has no switch for it. */
export function isOn(plan, row) {
  const { part } = rowOf(row);
  return part && plan[part] ? plan[part].on !== false : null;
}
export const switched = (plan, row, on) => ({ ...plan, [rowOf(row).part]: { ...plan[rowOf(row).part], on } });

/**
 * The items of a row: {index, from_s, to_s, label, isFixed, ends}; `ends` says which of its ends can be dragged. `about` knows
 * the film's time, and what files are called and how long they are.
 */
export function itemsOf(plan, row, about) {
  const { time, nameOf, lengthOf } = about, end_s = time.clip_s;
  if (row === "broll") return listOf(plan, row).map((each, index) => ({ index, from_s: each.at_s, to_s: each.at_s + (each.seconds ?? 3), label: nameOf(each.file), ends: [true, true] }));
  if (row === "effects") return listOf(plan, row).map((each, index) => ({ index, from_s: each.at_s, to_s: each.at_s + (lengthOf(each.file) ?? SOUND_S), label: nameOf(each.file), ends: [false, false] }));
  if (row === "subtitles") return (read(plan)?.cues ?? []).map((each, index) => ({ index, from_s: each.start_ms / 1000, to_s: each.end_ms / 1000, label: each.text, ends: [true, true] }));
  if (row === "music") return plan.music ? [{ index: 0, from_s: 0, to_s: end_s, label: nameOf(plan.music.file), isFixed: true, ends: [false, false] }] : [];
  if (row === "fades") return fades(plan, time);
  return listOf(plan, row).map((each, index) => ({
    index, from_s: each.from_s ?? 0, to_s: Math.min(each.to_s ?? ALWAYS_S, end_s), label: BETWEEN[row].label(each, nameOf), ends: [true, true],
  }));
}

function fades({ fades: wanted }, time) {
  if (!wanted) return [];
  const into = time.clipTime(Math.round(wanted.in_s * time.rate)), out = time.clipTime(Math.max(0, time.frames - Math.round(wanted.out_s * time.rate)));
  const first = time.clipTime(0), last = time.clipTime(time.frames - 1) + 1 / time.rate;
  return [
    { index: 0, from_s: first, to_s: into, label: `in ${wanted.in_s ?? 0} s`, isFixed: true, ends: [false, true] },
    { index: 1, from_s: out, to_s: last, label: `out ${wanted.out_s ?? 0} s`, isFixed: true, ends: [true, false] },
  ].filter(({ from_s, to_s }) => to_s > from_s);
}

/** A plan with an item at other times; `end` is 0 or 1 where only that end was moved, and null where all of it was. */
export function placed(plan, row, index, { from_s, to_s }, end, time) {
  from_s = seconds(Math.min(from_s, time.last_s));
  to_s = seconds(Math.max(to_s, from_s + LEAST_S));
  if (row === "fades") return faded(plan, index, { from_s, to_s }, time);
  if (row === "subtitles") return placedCue(plan, index, from_s, to_s, end);
  const list = listOf(plan, row), each = list[index];
  let next = { ...each, from_s, to_s: Math.min(to_s, time.clip_s) };
  if (row === "effects") next = { ...each, at_s: from_s };
  if (row === "broll") {
    const skipped = end === 0 ? Math.max(0, (each.from_s ?? 0) + from_s - each.at_s) : each.from_s ?? 0;
    next = { ...each, at_s: from_s, from_s: seconds(skipped), seconds: end === null ? each.seconds ?? 3 : seconds(to_s - from_s) };
  }
  return withList(plan, row, list.with(index, next));
}

function faded(plan, index, { from_s, to_s }, time) {
  const length = index ? time.frames - time.frameAt(from_s) : time.frameAt(to_s);
  const value = Math.min(60, seconds(length / time.rate));
  return { ...plan, fades: { ...plan.fades, [index ? "out_s" : "in_s"]: value } };
}

/** A cue that is moved takes its words along; where it is made longer or shorter they stay. */
function placedCue(plan, index, from_s, to_s, end) {
  const { cues } = read(plan), cue = cues[index], [start_ms, end_ms] = [Math.round(1000 * from_s), Math.round(1000 * to_s)];
  const by = end === null ? start_ms - cue.start_ms : 0;
  const words = (cue.words ?? []).map((word) => ({ ...word, start_ms: Math.max(0, word.start_ms + by), end_ms: Math.max(0, word.end_ms + by) }));
  return withCues(plan, cues.with(index, { ...cue, start_ms, end_ms, words }));
}

/** A plan without an item. */
export function removed(plan, row, index) {
  if (row === "music") return { ...plan, music: null };
  if (row === "subtitles") return withCues(plan, read(plan).cues.toSpliced(index, 1));
  if (row === "fades") return { ...plan, fades: { ...plan.fades, [index ? "out_s" : "in_s"]: 0 } };
  return withList(plan, row, listOf(plan, row).toSpliced(index, 1));
}

/** A plan with a new item at a time, and where it is: {plan, index}. `file` is what was chosen for it: {digest, seconds}. */
export function added(plan, row, at_s, time, file = null) {
  const from_s = seconds(Math.min(at_s, Math.max(0, time.clip_s - 0.5))), to_s = (length) => seconds(Math.min(from_s + length, time.clip_s));
  if (row === "music") return { plan: { ...plan, music: { on: true, loudness_lufs: -26, duck_db: 10, fade_out_s: 2, ...plan.music, file: file.digest } }, index: 0 };
  if (row === "fades") return { plan: { ...plan, fades: { on: true, in_s: 0.5, out_s: 1 } }, index: null };
  if (row === "subtitles") {
    const cue = { text: "Text", start_ms: Math.round(1000 * from_s), end_ms: Math.round(1000 * to_s(2)), words: [] };
    const cues = read(plan)?.cues ?? [], index = placeFor(cues, cue.start_ms);
    return { plan: withCues(plan, cues.toSpliced(index, 0, cue)), index };
  }
  const made = {
    cut: () => ({ from_s, to_s: to_s(1), why: BY_HAND }),
    punches: () => ({ from_s, to_s: to_s(3), scale: 1.15, ease_s: 0.2 }),
    broll: () => ({ file: file.digest, at_s: from_s, seconds: Math.min(4, file.seconds ?? 4), from_s: 0, fade_s: 0.25, sound: "mute", fit: "cover" }),
    pictures: () => ({ file: file.digest, from_s, to_s: to_s(5), left: 0.7, top: 0.08, width: 0.25, opacity: 1, fade_s: 0.2 }),
    looks: () => ({ look: "ink", from_s, to_s: to_s(3), strength: 1, fade_s: 0.3 }),
    titles: () => ({ text: "Title", from_s, to_s: to_s(3), fade_s: 0.3, style: { height: 0.09, place: "middle" } }),
    effects: () => ({ file: file.digest, at_s: from_s, gain_db: 0 }),
  }[row]();
  const begin = (each) => each.at_s ?? each.from_s ?? 0, sorted = [...listOf(plan, row), made].sort((one, two) => begin(one) - begin(two));
  return { plan: withList(plan, row, sorted), index: sorted.indexOf(made) };
}

/** What was proposed anew, with what people placed themselves in another plan, which was first proposed as `old`. */
export function taken(draft, plan, old = null) {
  if (!plan) return draft;
  const subtitles = draft.subtitles && { ...draft.subtitles, style: plan.subtitles?.style ?? draft.subtitles.style };
  const { clip, speech, zoom } = draft, cut = withOwnCuts(draft, plan, old);
  return { ...plan, clip, speech, zoom: zoom && { ...zoom, most: plan.zoom?.most ?? zoom.most, cycle_s: plan.zoom?.cycle_s ?? zoom.cycle_s }, cut, subtitles: subtitles ?? null };
}
