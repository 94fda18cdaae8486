// The bar of trust of <reshoot-keys>: which frames of a clip are made from which painted ones, where none reaches, and where a
// finished job said so. Patterns and words tell it as well as colours.
import { html } from "./shared.js";

/** The frames that are made from each key, half-open: from the one before it to the one after it, within its shot. */
export function reaches(shots, keys) {
  const found = new Map();
  for (const [start, stop] of shots) {
    const inside = keys.filter((key) => key >= start && key < stop), edges = [start - 1, ...inside, stop];
    inside.forEach((key, at) => found.set(key, [edges[at] + 1, edges[at + 2]]));
  }
  return found;
}

const CLOSE = 2; // a proposed frame this near to a painted one needs no painting of its own

/** What is known of the frames of a clip before anything is made, in their order: {state, start, stop} each. */
export function trust({ shots, seen, span, proposed, most_apart: mostApart }, painted) {
  const open = proposed.filter((frame) => !painted.some((each) => Math.abs(each - frame) <= CLOSE));
  const state = (frame) => {
    if (!seen.some(([start, stop]) => frame >= start && frame < stop)) return "nobody";
    const [start, stop] = shots.find(([begin, end]) => frame >= begin && frame < end) ?? span;
    const [before, after] = beside(painted, frame, start, stop);
    if (before === null && after === null) return "none";
    if (before !== null && after !== null && after - before >= mostApart) return "none";
    const [openBefore, openAfter] = beside(open, frame, start, stop);
    const isHidden = (openBefore !== null && openBefore >= (before ?? start)) || (openAfter !== null && openAfter <= (after ?? stop));
    return isHidden ? "far" : "near";
  };
  const found = [];
  for (let frame = span[0]; frame < span[1]; frame++) {
    const now = state(frame), last = found.at(-1);
    if (last?.state === now) last.stop = frame + 1;
    else found.push({ state: now, start: frame, stop: frame + 1 });
  }
  return found;
}

/** The nearest of some frames on either side of one, itself counted, within its shot; null where there is none. */
function beside(frames, frame, start, stop) {
  const inside = frames.filter((each) => each >= start && each < stop);
  const before = inside.filter((each) => each <= frame), after = inside.filter((each) => each >= frame);
  return [before.length ? Math.max(...before) : null, after.length ? Math.min(...after) : null];
}

/** Three frames, or fewer where there are no more, between the painted ones beside a frame; up to its shot's ends where there is one alone. */
export function framesBetween({ shots, span }, painted, frame) {
  const [start, stop] = shots.find(([begin, end]) => frame >= begin && frame < end) ?? span;
  const [before] = beside(painted, frame, start, stop), [, after] = beside(painted, Math.max(frame, (before ?? -1) + 1), start, stop);
  if (before === null && after === null) return [];
  const from = before ?? start - 1, to = after ?? stop, shares = [1 / 4, 1 / 2, 3 / 4].map((share) => Math.round(from + share * (to - from)));
  return [...new Set(shares)].filter((each) => each > from && each < to);
}

/** What each state means, in words. */
const STATES = {
  near: "made from the painted frames beside them", far: "made from painted frames farther off than proposed",
  none: "reached by no painted frame", nobody: "nothing to paint",
};

/** "Frames 0 to 19 are made from ..., and 20 to 40 are reached by no painted frame." */
function inWords(runs) {
  const ranges = (state) => runs.filter((each) => each.state === state).map(({ start, stop }) => (stop - start > 1 ? `${start} to ${stop - 1}` : `${start}`));
  return Object.entries(STATES).map(([state, words]) => [ranges(state), words]).filter(([found]) => found.length)
    .map(([found, words]) => `Frames ${found.join(", ")}: ${words}.`).join(" ");
}

const share = (frame, [first, stop]) => ((100 * (frame - first)) / (stop - first)).toFixed(3);

export function bar(known, frames, { moment, unreached }) {
  const { span } = known, painted = frames.filter(({ painting }) => painting).map(({ frame }) => frame), runs = trust(known, painted);
  const place = ({ start, stop }) => `left: ${share(start, span)}%; width: ${share(span[0] + stop - start, span)}%`;
  const poor = unreached.map(({ start, stop, share: part, frame }) => ({ start, stop, frame, text: `${range(start, stop)} what no painted frame does, up to ${Math.round(100 * part)} % of it: paint frame ${frame} too.` }));
  const said = `${painted.length} of ${frames.length} frames are painted. ${inWords(runs)} ${poor.map(({ text }) => text).join(" ")}`;
  return html`<figure class="trust" data-key="trust"><div class="line" role="img" aria-label="${said}">
      ${runs.map((each) => html`<span class="run ${each.state}" data-key="run ${each.start}" style="${place(each)}"></span>`)}
      ${poor.map((each) => html`<span class="poor" data-key="poor ${each.start}" style="${place(each)}"></span>`)}
      ${frames.map(({ frame, painting }) => html`<i class="pin ${painting ? "set" : ""}" data-key="pin ${frame}" style="left: clamp(7px, ${share(frame + 0.5, span)}%, 100% - 7px)"></i>`)}
      ${moment === null ? "" : html`<i class="now" data-key="now" style="left: ${share(moment + 0.5, span)}%"></i>`}
    </div><div class="scale quiet small number" aria-hidden="true"><span>${span[0]}</span><span>${span[1] - 1}</span></div>
    <figcaption class="small"><ul>${Object.entries(STATES).map(([state, words]) => runs.some((each) => each.state === state) && html`<li><span class="run ${state}" aria-hidden="true"></span><span>
        <span class="number">${ranges(runs, state)}</span> <span class="quiet">${words}</span></span></li>`)}
      ${poor.map(({ text, frame }) => html`<li><span class="run poor" aria-hidden="true"></span><span>In the last result: ${text}
        ${!frames.some((each) => each.frame === frame) && html`<button type="button" class="link" data-do="add" data-frame="${frame}">Add frame ${frame}</button>`}</span></li>`)}</ul></figcaption></figure>`;
}

const range = (start, stop) => (stop - start > 1 ? `frames ${start} to ${stop - 1} show` : `frame ${start} shows`);

/** "0–19, 40–59" */
const ranges = (runs, state) => runs.filter((each) => each.state === state).map(({ start, stop }) => (stop - start > 1 ? `${start}–${stop - 1}` : start)).join(", ");
