// The words of a clip, and what people change of them: which are cut and why, striking out, putting back, correcting. The
// times of words stay. A state is {plan, changes}; none is ever changed, each function gives a new one.
import { follow, joined } from "./film-cues.js";

export const STRUCK = "struck out", MOST_GAP_MS = 150, SHORTEST_S = 0.06, NEAR_MS = 500, SHOWN = 48;
const ESTIMATED = ["srt", "vtt"];
const bare = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

/** What a change does to its word: "struck" out, "kept" in whatever is found, or another "text". */
const kindOf = ({ struck, kept }) => (struck ? "struck" : kept ? "kept" : "text");

/** Whether a change of a kind is about a word, as it was understood or as it is by now. */
export function isOf(change, word, kind) {
  if (kindOf(change) !== kind) return false;
  if (change.at_ms === word.start_ms) return true;
  return Math.abs(change.at_ms - word.start_ms) <= NEAR_MS && [bare(change.was), bare(change.text ?? "")].includes(bare(word.text));
}

/** The words of a transcript in order, as people changed them: `was` is what was understood, `cue` where it is said. */
export function wordsOf(known, changes) {
  const said = changes?.words ?? [];
  const all = (known?.transcript?.cues ?? []).flatMap(({ words = [] }, cue) => words.map((word) => ({ ...word, cue, was: word.text, isStruck: false })));
  const taken = new Map();
  for (const change of said.filter((each) => kindOf(each) !== "kept")) {
    const near = all.filter((word) => isOf(change, word, kindOf(change))).sort((one, two) => Math.abs(one.start_ms - change.at_ms) - Math.abs(two.start_ms - change.at_ms));
    if (near.length) taken.set(change, near[0]);
  }
  for (const [change, word] of taken) {
    word.was = change.was;
    if (change.struck) word.isStruck = true;
    else word.text = change.text;
  }
  return all.map((word, index) => ({ ...word, index }));
}

/** Why each word is not heard, by the cut in which its middle lies; "" for those that are. */
export function whysOf(words, cuts) {
  const sorted = [...cuts].sort((one, two) => one.from_s - two.from_s), order = [...words].sort((one, two) => middleOf(one) - middleOf(two)), whys = Array(words.length).fill("");
  let open = [], next = 0;
  for (const word of order) {
    const at_s = middleOf(word);
    while (next < sorted.length && sorted[next].from_s <= at_s) open.push(sorted[next++]);
    open = open.filter(({ to_s }) => to_s > at_s);
    if (open.length) whys[word.index] = (open.find(({ why }) => !isSilence(why)) ?? open[0]).why || "cut";
  }
  return whys;
}
const middleOf = ({ start_ms, end_ms }) => (start_ms + end_ms) / 2000;
const isSilence = (why) => why === "silence";
/** The reason of a cut in a word or two. */
export const shortWhy = (why) => (why || "cut").split(":")[0];

/** The stretch that words take, with half of the gap at either side, in seconds. */
function around(words, first, last, length_s) {
  const begin = words[first].start_ms, end = words[last].end_ms;
  const before = begin - (words[first - 1]?.end_ms ?? 0), after = (words[last + 1]?.start_ms ?? 1000 * length_s) - end;
  const part = (gap) => Math.max(0, Math.min(MOST_GAP_MS, Math.floor(gap / 2)));
  return { from_s: (begin - part(before)) / 1000, to_s: Math.min(1000 * length_s, end + part(after)) / 1000 };
}

function whyStruck(words) {
  const text = joined(words.map((word) => word.text));
  return `${STRUCK}: ${text.length <= SHOWN ? text : `${text.slice(0, SHOWN - 4)} ...`}`;
}
const isStruckCut = ({ why }) => (why ?? "").startsWith(STRUCK);
const ordered = (cuts) => [...cuts].sort((one, two) => one.from_s - two.from_s || two.to_s - one.to_s);

/** The cuts of a plan with those of struck words made anew around some of them. */
function restruck(cuts, words, first, last, length_s) {
  let [begin, end] = [first, last];
  while (words[begin - 1]?.isStruck) begin--;
  while (words[end + 1]?.isStruck) end++;
  const span = around(words, begin, end, length_s);
  const kept = cuts.filter((each) => !isStruckCut(each) || each.to_s <= span.from_s || each.from_s >= span.to_s);
  const made = [];
  for (let at = begin; at <= end; at++) {
    if (!words[at].isStruck) continue;
    const start = at;
    while (at < end && words[at + 1].isStruck) at++;
    made.push({ ...around(words, start, at, length_s), why: whyStruck(words.slice(start, at + 1)) });
  }
  return ordered([...kept, ...made]);
}

/** Cuts without the times of some words; of what is left of a cut, nothing stays in which no word lies, but silence. */
function without(cuts, words, first, last, length_s) {
  const span = around(words, first, last, length_s);
  const holds = ({ from_s, to_s }) => words.some((word) => (word.index < first || word.index > last) && from_s <= middleOf(word) && middleOf(word) < to_s);
  return cuts.flatMap((cut) => {
    if (cut.to_s <= span.from_s || cut.from_s >= span.to_s) return [cut];
    const parts = [{ ...cut, to_s: Math.min(cut.to_s, span.from_s) }, { ...cut, from_s: Math.max(cut.from_s, span.to_s) }];
    return parts.filter((each) => each.to_s - each.from_s >= SHORTEST_S && (isSilence(cut.why) || holds(each)));
  });
}

/** Strike words out, from the first to the last one. */
export function struck(state, words, first, last, length_s) {
  const said = words.map((word) => (word.index >= first && word.index <= last ? { ...word, isStruck: true } : word));
  const fresh = words.slice(first, last + 1).filter((word) => !word.isStruck).map(({ start_ms, was }) => ({ at_ms: start_ms, was, text: "", struck: true }));
  return { plan: { ...state.plan, cut: restruck(state.plan.cut ?? [], said, first, last, length_s) }, changes: withWords(state.changes, (all) => [...all, ...fresh]) };
}

/** Put words back, whatever cut them. */
export function putBack(state, words, first, last, length_s) {
  const chosen = words.slice(first, last + 1);
  const said = words.map((word) => (word.index >= first && word.index <= last ? { ...word, isStruck: false } : word));
  const others = without((state.plan.cut ?? []).filter((each) => !isStruckCut(each)), words, first, last, length_s);
  const cut = restruck(ordered([...others, ...(state.plan.cut ?? []).filter(isStruckCut)]), said, first, last, length_s);
  return { plan: { ...state.plan, cut }, changes: withWords(state.changes, (all) => all.filter((change) => !chosen.some((word) => isOf(change, word, "struck")))) };
}

/** Write a word otherwise; as it was understood, there is no change any more. */
export function corrected(state, word, text) {
  const now = text.trim().replace(/\s+/g, " ");
  if (!now || now === word.text) return state;
  const rest = (all) => all.filter((change) => !isOf(change, word, "text"));
  return { ...state, changes: withWords(state.changes, (all) => (now === word.was ? rest(all) : [...rest(all), { at_ms: word.start_ms, was: word.was, text: now, struck: false }])) };
}
const withWords = (changes, change) => ({ cuts: [], focus: [], kept: [], ...changes, words: change(changes?.words ?? []) });

/** What was said, cue by cue, with the words as they are in a state. */
function saidIn(state, known) {
  const words = wordsOf(known, state.changes), whys = whysOf(words, state.plan.cut ?? []);
  const cues = known.transcript.cues.map(({ start_ms, end_ms }) => ({ start_ms, end_ms, words: [] }));
  for (const word of words) cues[word.cue].words.push({ ...word, why: whys[word.index] });
  return cues;
}

/** A state whose subtitles follow what happened to words since another one. */
export function followed(before, after, known) {
  if (!known?.transcript?.cues?.length || (before.plan.cut === after.plan.cut && before.changes === after.changes)) return after;
  const isEstimated = ESTIMATED.includes(known.transcript.source);
  const plan = follow(after.plan, saidIn(before, known), saidIn(after, known), isEstimated);
  return plan === after.plan ? after : { ...after, plan };
}
