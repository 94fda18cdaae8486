// Which clip of the list is previewed, and how a moment of it is asked for: as a share of the part of it that is used.

let chosen = null; // the id of the clip

/** The clip that is previewed: the one that was chosen as long as it is in the list, or else the first; null without one. */
export function previewed() {
  const clips = document.querySelector("reshoot-clips")?.value ?? [];
  const clip = clips.find(({ id }) => id === chosen) ?? clips[0] ?? null;
  if (clip) chosen = clip.id; // it stays, also when another one becomes the first
  return clip;
}

/** Preview another clip of the list. */
export function choosePreviewed(id) {
  chosen = id;
  window.dispatchEvent(new CustomEvent("reshoot:previewed"));
}

/** The part of a clip that is used, in frames: {from, to}, where `to` is the first frame after it. */
export const partOf = (clip) => document.querySelector("reshoot-trim")?.partFor?.(clip) ?? { from: 0, to: clip.frames };

export const isIn = ({ from, to }, frame) => frame >= from && frame < to;

/** What a request for a preview says of the moment and the part; no moment if that is left to the server. */
export function momentOf(clip, frame) {
  const { from, to } = partOf(clip);
  const at = frame === null ? undefined : (frame - from) / Math.max(1, to - from - 1);
  return { at, parts: document.querySelector("reshoot-trim")?.value };
}
