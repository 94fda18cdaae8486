// What people put back of a film's cuts stays in it, whatever is found anew: stretches in ms, and marks of words, among their
// changes. A state is {plan, changes}; none is ever changed.
import { isOf } from "./film-words.js";

const LEAST_MS = 60, FOUND = /^(silence|said again|filler)\b/, PROPOSED = /^(silence|said again|filler|struck out)\b/;
export const BY_HAND = "cut by hand";

/** Whether a cut was found in the clip, and whether it was found or follows struck words. */
const isFound = ({ why }) => FOUND.test(why ?? "");
export const isProposed = ({ why }) => PROPOSED.test(why ?? "");

/** Stretches in order that neither overlap nor touch. */
function united(spans) {
  const all = [];
  for (const [first, last] of [...spans].sort(([one], [two]) => one - two)) {
    if (all.length && first <= all.at(-1)[1]) all[all.length - 1] = [all.at(-1)[0], Math.max(all.at(-1)[1], last)];
    else if (last > first) all.push([first, last]);
  }
  return all;
}

/** What other united stretches leave of united ones. */
function minus(spans, others) {
  return spans.flatMap(([first, last]) => {
    const rest = [];
    for (const [start, stop] of others) {
      if (stop <= first || start >= last) continue;
      if (start > first) rest.push([first, start]);
      first = Math.max(first, stop);
    }
    return last > first ? [...rest, [first, last]] : rest;
  });
}
const common = (spans, others) => minus(spans, minus(spans, others));
const spansOf = (cuts) => united((cuts ?? []).map(({ from_s, to_s }) => [Math.round(1000 * from_s), Math.round(1000 * to_s)]));
const isIn = ({ start_ms, end_ms }, spans) => spans.some(([first, last]) => first <= (start_ms + end_ms) / 2 && (start_ms + end_ms) / 2 < last);

/**
 * A state in which is kept what an edit put back of what was found, in the plan before or in the draft; what it cuts is not
 * kept any more. `words` are those before.
 */
export function withKept(before, after, words, draft) {
  const was = spansOf(before.plan.cut), now = spansOf(after.plan.cut), back = minus(was, now), gone = minus(now, was);
  if (!back.length && !gone.length) return after;
  const { changes } = after, found = common(back, spansOf([...(draft?.cut ?? []), ...(before.plan.cut ?? [])].filter(isFound)));
  const kept = minus(united([...(changes?.kept ?? []).map(({ from_ms, to_ms }) => [from_ms, to_ms]), ...found]), now);
  const shown = words.filter((word) => isIn(word, back)), cut = words.filter((word) => isIn(word, gone)), isAbout = (change, some, kind) => some.some((word) => isOf(change, word, kind));
  const rest = (changes?.words ?? []).filter((change) => !isAbout(change, shown, "struck") && !isAbout(change, shown, "kept") && !isAbout(change, cut, "kept"));
  const marks = shown.filter((word) => isIn(word, found)).map(({ start_ms, was: text }) => ({ at_ms: start_ms, was: text, text: "", kept: true }));
  return { ...after, changes: { cuts: [], focus: [], ...changes, words: [...rest, ...marks], kept: kept.map(([from_ms, to_ms]) => ({ from_ms, to_ms })) } };
}

/** The cuts of a new draft with people's own: by hand, and where they made those of the old draft longer, if that is known. */
export function withOwnCuts(draft, plan, old) {
  const cuts = plan.cut ?? [], grown = old ? minus(spansOf(cuts.filter(isFound)), spansOf(old.cut)) : [];
  const own = [...cuts.filter((cut) => !isProposed(cut)), ...grown.filter(([first, last]) => last - first >= LEAST_MS).map(([first, last]) => ({ from_s: first / 1000, to_s: last / 1000, why: BY_HAND }))];
  return [...(draft.cut ?? []), ...own].sort((one, two) => one.from_s - two.from_s);
}
