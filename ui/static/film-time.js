// Time in a film: which frames of a clip its cuts leave, rounded to whole frames as the renderer rounds them. No page is known here.

/** A rate such as "30000/1001" as a number. */
export function rateOf(text) {
  const [over, under = 1] = String(text).split("/").map(Number);
  return over / under;
}

const TINY = 1e-6; // floating point does not make half a frame less than half
const rounded = (value) => Math.floor(value + 0.5 + TINY);

export class FilmTime {
  /** The film that cuts, {from_s, to_s} each, leave of so many frames at a rate. */
  constructor(cuts, rate, frames) {
    Object.assign(this, { rate, grid: Math.max(1, frames), pieces: [], frames: 0 });
    const removed = cuts.map(({ from_s, to_s }) => [this.#at(from_s), this.#at(to_s)]).filter(([start, stop]) => stop > start);
    let at = 0;
    for (const [start, stop] of removed.sort(([one], [two]) => one - two)) {
      if (start > at) this.#keep(at, start);
      at = Math.max(at, stop);
    }
    if (at < this.grid) this.#keep(at, this.grid);
  }

  #keep(start, stop) {
    this.pieces.push({ start, stop, first: this.frames });
    this.frames += stop - start;
  }

  #at(seconds) {
    return Math.min(this.grid, Math.max(0, rounded(seconds * this.rate)));
  }

  get clip_s() {
    return this.grid / this.rate;
  }

  get film_s() {
    return this.frames / this.rate;
  }

  /** A time of the clip at a whole frame. */
  snapped(seconds) {
    return Math.round((1000 * this.#at(seconds)) / this.rate) / 1000;
  }

  /** The last moment of the clip that has a frame. */
  get last_s() {
    return (this.grid - 1) / this.rate;
  }

  /** The first piece that ends after a frame of the grid; null after the last one. */
  #piece(frame) {
    let low = 0, high = this.pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.pieces[middle].stop > frame) high = middle;
      else low = middle + 1;
    }
    return this.pieces[low] ?? null;
  }

  /** Whether the film leaves out a time of the clip. */
  isCut(seconds) {
    const frame = this.#at(seconds), piece = this.#piece(frame);
    return !piece || frame < piece.start;
  }

  /** The frame of the film at a time of the clip, or the next one that is shown; its length after the end. */
  frameAt(seconds) {
    const frame = this.#at(seconds), piece = this.#piece(frame);
    return piece ? piece.first + Math.max(0, frame - piece.start) : this.frames;
  }

  /** The time of the clip that a frame of the film shows. */
  clipTime(index) {
    let low = 0, high = this.pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.pieces[middle].first <= index) low = middle;
      else high = middle - 1;
    }
    const piece = this.pieces[low];
    return piece ? Math.min(piece.stop, piece.start + index - piece.first) / this.rate : 0;
  }

  /** A time of the clip as a share of the film's length, as previews are asked for. */
  share(seconds) {
    return this.frames > 1 ? Math.min(1, this.frameAt(seconds) / (this.frames - 1)) : 0;
  }
}

/** A time for people: 62.4 s is "1:02.40". */
export function clockText(seconds, digits = 2) {
  const whole = Number(Math.max(0, seconds).toFixed(digits)), minutes = Math.floor(whole / 60);
  return `${minutes}:${(whole - 60 * minutes).toFixed(digits).padStart(digits ? digits + 3 : 2, "0")}`;
}
