// Which frames of a clip people want to paint beside the proposed ones, and which of those they do not. Kept over a reload.
import { remember, remembered } from "./shared.js";

const KEPT = "reshoot.keys", MOST_KEPT = 100;

export class OwnFrames {
  constructor() {
    this.kept = new Map(remembered(KEPT, [])); // {own, out} by the clip's id
  }

  /** Frames that were added to a clip's, and proposed ones that were left out. */
  of(clip) {
    return { own: [], out: [], ...this.kept.get(clip) };
  }

  add(clip, frame) {
    const { own, out } = this.of(clip);
    this.#keep(clip, { own: [...without(own, frame), frame], out: without(out, frame) });
  }

  leaveOut(clip, frame) {
    const { own, out } = this.of(clip), isOwn = own.includes(frame);
    this.#keep(clip, { own: without(own, frame), out: isOwn ? out : [...without(out, frame), frame] });
  }

  /** The proposed ones again. */
  forget(clip) {
    this.#keep(clip, { own: [], out: [] });
  }

  #keep(clip, { own, out }) {
    this.kept.delete(clip);
    if (own.length || out.length) this.kept.set(clip, { own, out });
    remember(KEPT, [...this.kept].slice(-MOST_KEPT));
  }
}

const without = (frames, gone) => frames.filter((frame) => frame !== gone);

/** The frames of a strip that are shown, in order: the proposed ones but those left out, those added, and the painted ones. */
export function framesShown({ frames, proposed }, { own, out }, painted = []) {
  const isShown = (frame) => own.includes(frame) || painted.includes(frame) || (proposed.includes(frame) && !out.includes(frame));
  return frames.filter(({ frame }) => isShown(frame));
}
