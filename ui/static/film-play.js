// Plays the clip as its film is cut, with its sound: what is cut is skipped. Where the clip cannot be played, only time runs.
import { read } from "./film-cues.js";

const LEAD_S = 0.04; // a cut is left this early, for browsers seek no faster

export class Player {
  /** `video` shows the clip; `told` hears when it begins and ends. */
  constructor(video, store, told) {
    Object.assign(this, { video, store, told, turn: null });
  }

  get isPlaying() {
    return this.turn !== null;
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else this.#play();
  }

  pause() {
    if (!this.isPlaying) return;
    cancelAnimationFrame(this.turn);
    this.turn = null;
    this.video.pause();
    this.told();
  }

  async #play() {
    const { store, video } = this, { time, at_s } = store, now = time.frameAt(at_s), first = now >= time.frames - 1 ? 0 : now;
    if (time.frames < 2) return;
    Object.assign(this, { first, begun: performance.now(), hasVideo: false });
    this.turn = requestAnimationFrame(() => this.#go());
    this.told();
    if (!video.src) return;
    video.currentTime = time.clipTime(first) + 0.5 / time.rate;
    this.hasVideo = await video.play().then(() => true, () => false);
    if (!this.isPlaying) video.pause();
    this.told();
  }

  /** One picture of the screen: the play head follows the clip, or the clock. */
  #go() {
    const { store, video } = this, { time } = store;
    this.turn = requestAnimationFrame(() => this.#go());
    if (this.hasVideo && video.seeking) return;
    if (this.hasVideo && time.isCut(video.currentTime + LEAD_S)) {
      const next = time.frameAt(video.currentTime + LEAD_S);
      if (next >= time.frames || video.ended) return this.#end();
      video.currentTime = time.clipTime(next) + 0.5 / time.rate;
    }
    const index = this.hasVideo ? time.frameAt(video.currentTime - 0.5 / time.rate) : this.first + Math.floor(((performance.now() - this.begun) / 1000) * time.rate);
    store.seek(time.clipTime(Math.min(index, time.frames - 1)));
    if (index >= time.frames - 1 || (this.hasVideo && video.ended)) this.#end();
  }

  #end() {
    this.store.seek(this.store.time.clipTime(this.store.time.frames - 1));
    this.pause();
  }
}

/** The subtitle that the film shows at a time of the clip; words that are cut are not in it. */
export function subtitleAt({ plan, time }, at_s) {
  if (!plan.subtitles || plan.subtitles.on === false) return "";
  const cue = (read(plan)?.cues ?? []).find(({ start_ms, end_ms }) => start_ms <= 1000 * at_s && 1000 * at_s < end_ms);
  if (!cue?.words?.length) return cue?.text ?? "";
  const heard = cue.words.filter(({ start_ms, end_ms }) => !time.isCut((start_ms + end_ms) / 2000));
  return heard.length === cue.words.length ? cue.text : heard.map(({ text }) => text).join(" ");
}
