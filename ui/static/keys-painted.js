// The painted frames of clips, as the server recognised them: sent, taken away, and told with what was refused. They are kept
// by the digest of their key set, which is the value of the setting `generate.keys`.
import { ask, bytesText } from "./shared.js";

const MOST_BYTES = 1e9, MOST_FILES = 1000, LONGEST_NAME = 200;

export class Painted {
  constructor(changed) {
    this.changed = changed; // called when something is known that was not
    this.sets = new Map(); // what the server told, by the digest of the key set
    this.refused = new Map(); // what was refused last, by the clip's id: {name, text} each
    this.sending = new Map(); // how many files are on their way, by the clip's id
    this.line = Promise.resolve(); // one drop after the other, because each joins the one before
  }

  /** The painted frames of a key set: {digest, frames, columns}; null if there are none or that is not known yet. */
  of(digest) {
    return (digest && this.sets.get(digest)) || null;
  }

  /** Find out what a key set holds; returns the digest under which it is known, null if it is of no use for the clip. */
  async know(clip, digest) {
    if (!digest || this.sets.has(digest)) return digest ?? null;
    const told = await ask(`clips/${clip.id}/paintings/${digest}`);
    this.#keep(clip, told);
    return told.digest;
  }

  /** Send pictures and zips. `shown` are {strip, frames} that were given out; `keysOf()` is the digest of those that are there when their turn comes; returns the new one. */
  drop(clip, files, shown, keysOf) {
    const bytes = files.reduce((sum, { size }) => sum + size, 0), isTooMuch = bytes > MOST_BYTES || files.length > MOST_FILES;
    if (isTooMuch) this.refused.set(clip.id, [{ name: "", text: `${files.length} files of ${bytesText(bytes)} were dropped; ${MOST_FILES} of ${bytesText(MOST_BYTES)} together are the most. Drop fewer at once.` }]);
    return isTooMuch ? Promise.resolve(keysOf()) : this.#inTurn(clip, files.length, async () => {
      const listed = JSON.stringify(files.map(({ name, size }) => ({ name: name.slice(-LONGEST_NAME), bytes: size })));
      return ask(`clips/${clip.id}/paintings?keys=${keysOf() ?? ""}&${new URLSearchParams(shown)}`, { method: "POST", body: new Blob([listed, "\n", ...files]) });
    }, keysOf);
  }

  /** Take the painting of a frame away; returns the digest of those that are left, or null. */
  away(clip, frame, keysOf) {
    return this.#inTurn(clip, 0, () => ask(`clips/${clip.id}/paintings/${keysOf()}/${frame}`, { method: "DELETE" }), keysOf);
  }

  #inTurn(clip, count, work, keysOf) {
    this.sending.set(clip.id, (this.sending.get(clip.id) ?? 0) + count);
    this.changed();
    const mine = this.line.then(async () => {
      try {
        const told = await work();
        this.#keep(clip, told);
        return told.digest;
      } catch (error) {
        this.refused.set(clip.id, [{ name: "", text: error.message }]);
        return keysOf();
      } finally {
        this.sending.set(clip.id, this.sending.get(clip.id) - count);
        this.changed();
      }
    });
    this.line = mine.catch(() => {});
    return mine;
  }

  #keep(clip, told) {
    if (told.digest) this.sets.set(told.digest, told);
    this.refused.set(clip.id, told.refused.map(([name, text]) => ({ name, text })));
    this.taken = told.taken.map(([, frame]) => frame);
  }
}

/** Take the files that are dropped anywhere on an element, or chosen with a file button in it. */
export function catchFiles(element, take) {
  const over = (is) => element.classList.toggle("over", is);
  element.addEventListener("change", (event) => {
    event.stopPropagation();
    take([...event.target.files]);
    event.target.value = "";
  });
  element.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // otherwise the file would be added to the clips
    over(true);
  });
  element.addEventListener("dragleave", (event) => element.contains(event.relatedTarget) || over(false));
  element.addEventListener("drop", (event) => {
    over(false);
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
}

/** Where the small picture of the `at`th frame lies on the sheet of a key set, as a style. */
export function smallOf({ digest, frames, columns }, at) {
  const rows = Math.ceil(frames.length / columns), share = (place, of) => (of > 1 ? (100 * place) / (of - 1) : 0).toFixed(3);
  return `background-image: url(/studio/paintings/${digest}.jpg); background-size: ${100 * columns}% ${100 * rows}%;
    background-position: ${share(at % columns, columns)}% ${share(Math.floor(at / columns), rows)}%`;
}
