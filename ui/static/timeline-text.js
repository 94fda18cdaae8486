// The timeline of a guide as the settings `timeline.*` have it, read and written, and what follows from it. It knows nothing
// of the page. A structure video is {clip, at, from, type, treatment, strength}: `clip` is a digest, `at` and `from` are
// ranges of frames [first, after the last], whose ends may be null for "as far as it goes".

export const CLIPS = ["clip", "clip_2", "clip_3", "clip_4"], ANCHORS = ["anchor", ...[2, 3, 4, 5, 6].map((each) => `anchor_${each}`)];
export const STRUCTURES = "timeline.structures", PLACES = "timeline.anchors";
export const FIRST_PICTURE = "animate.anchor"; // where a kind of job has a picture that it cannot do without
export const FILES = [FIRST_PICTURE, ...[...CLIPS.slice(1), ...ANCHORS].map((role) => `timeline.${role}`)];
const MOST_FRAMES = 100000, DIGEST = /^[0-9a-f]{64}$/; // what is still being sent has none

const range = (text = ":") => text.split(":").map((each) => (each.trim() ? Number(each) : null));
const rangeText = ([begin, end]) => `${begin ?? ""}:${end ?? ""}`;

/** The structure videos and anchors of settings; `first` is the clip that the role "clip" means. */
export function read(values, first) {
  const fileOf = (role) => (role === CLIPS[0] ? first : values[settingOf(role, values)] ?? null);
  const lines = (values[STRUCTURES] ?? "").split("\n").map((line) => line.trim()).filter(Boolean);
  const structures = lines.map((line) => {
    const [role, ...parts] = line.split(","), said = Object.fromEntries(parts.map((part) => part.split("=")));
    const strength = said.strength === undefined ? null : Number(said.strength);
    return { clip: fileOf(role), at: range(said.at), from: range(said.from), type: said.type ?? null, treatment: said.treatment ?? null, strength };
  });
  const text = values[PLACES] || (values[FIRST_PICTURE] ? `0:${ANCHORS[0]}` : "");
  const places = text.split(/\s+/).filter(Boolean).map((each) => each.split(":"));
  return { structures, anchors: places.map(([index, role]) => ({ index: Number(index), picture: fileOf(role) })).filter(({ picture }) => DIGEST.test(picture)) };
}

/** The setting of a role's file, in a form with these values. */
const settingOf = (role, values) => (role === ANCHORS[0] && FIRST_PICTURE in values ? FIRST_PICTURE : `timeline.${role}`);

/** The settings of structure videos and anchors; the first structure video's clip is the one that the role "clip" means. */
export function written({ structures, anchors }, values) {
  const files = clipsOf(structures), roleOf = (clip) => CLIPS[files.indexOf(clip)];
  const lines = structures.map(({ clip, at, from, type, treatment, strength }) =>
    `${roleOf(clip)},at=${rangeText(at)},from=${rangeText(from)},type=${type},treatment=${treatment},strength=${strength}`);
  const settings = { [STRUCTURES]: lines.join("\n"), [PLACES]: anchors.map(({ index }, at) => `${index}:${ANCHORS[at]}`).join(" ") };
  CLIPS.slice(1).forEach((role, at) => { settings[settingOf(role, values)] = files[at + 1] ?? null; });
  ANCHORS.forEach((role, at) => { settings[settingOf(role, values)] = anchors[at]?.picture ?? null; });
  return settings;
}

/** The different clips of structure videos, the first one's first. */
export const clipsOf = (structures) => [...new Set(structures.map(({ clip }) => clip))];

/** How many frames of a timeline some frames of a clip fill at their own pace. */
const filled = ({ from }, clip, rate) => Math.floor((((from[1] ?? clip.frames) - (from[0] ?? 0) - 1) * rate * clip.seconds) / clip.frames + 1e-6) + 1;

/** How long the timeline is: as it was asked for, or as far as anything on it reaches. `clipOf` finds clips by digest. */
export function lengthOf({ structures, anchors }, clipOf, { frames, rate }) {
  if (frames) return frames;
  const ends = anchors.map(({ index }) => index + 1);
  for (const each of structures) {
    const clip = clipOf(each.clip);
    if (each.at[1] !== null) ends.push(each.at[1]);
    else if (clip) ends.push((each.at[0] ?? 0) + filled(each, clip, rate));
  }
  return Math.min(Math.max(1, ...ends), MOST_FRAMES);
}

/** The frames that a structure video is placed at, and those of them that it really leads: [first, after the last] each. */
export function spansOf(structure, clip, total, rate) {
  const begin = structure.at[0] ?? 0, end = structure.at[1] ?? total;
  const reach = structure.treatment === "clip" && clip ? begin + filled(structure, clip, rate) : end;
  return { at: [begin, end], led: [begin, Math.min(end, reach)] };
}

/** The stretches of a timeline that nothing leads; an anchor by itself leads nothing but its own frame. */
export function freeOf(leds, total) {
  const free = [], sorted = [...leds].sort(([one], [two]) => one - two);
  let reached = 0;
  for (const [begin, end] of sorted) {
    if (begin > reached) free.push([reached, begin]);
    reached = Math.max(reached, end);
  }
  return reached < total ? [...free, [reached, total]] : free;
}

/** What keeps a timeline from being made, in a sentence; empty if nothing does. `spans` are where structures are placed. */
export function problemOf(spans, anchors, total) {
  const empty = spans.find(([begin, end]) => begin >= end);
  if (empty) return `A structure video leads no frame: it begins at ${empty[0]} and ends before ${empty[1]}.`;
  const beyond = spans.find(([, end]) => end > total);
  if (beyond) return `A structure video reaches to frame ${beyond[1] - 1}, and the guide ends at ${total - 1}.`;
  const sorted = [...spans].sort(([one], [two]) => one - two), at = sorted.findIndex(([begin], place) => place && begin < sorted[place - 1][1]);
  if (at > 0) return `Two structure videos lead the frames ${sorted[at][0]} to ${Math.min(sorted[at][1], sorted[at - 1][1]) - 1}. They may meet, but not overlap.`;
  const indices = anchors.map(({ index }) => index), twice = indices.find((each, place) => indices.indexOf(each) < place);
  if (twice !== undefined) return `Two pictures are placed at frame ${twice}.`;
  const out = indices.find((each) => each >= total);
  return out === undefined ? "" : `A picture is placed at frame ${out}, and the last frame is ${total - 1}.`;
}
