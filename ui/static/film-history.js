// Undo and redo: states that never change, one after the other. What a drag or a typed number does in many steps is one of them.

const MOST = 300;

export class History {
  constructor(first) {
    Object.assign(this, { before: [], now: first, after: [], merging: null });
  }

  /** The next state; one with the same `merge` as the one before it takes its place. */
  push(state, merge = null) {
    if (merge === null || merge !== this.merging) this.before = [...this.before, this.now].slice(-MOST);
    Object.assign(this, { now: state, after: [], merging: merge });
  }

  /** Let the next state be one of its own, whatever it merges with. */
  settle() {
    this.merging = null;
  }

  undo() {
    if (!this.before.length) return false;
    this.after = [this.now, ...this.after];
    this.now = this.before.at(-1);
    this.before = this.before.slice(0, -1);
    this.merging = null;
    return true;
  }

  redo() {
    if (!this.after.length) return false;
    this.before = [...this.before, this.now];
    [this.now, ...this.after] = this.after;
    this.merging = null;
    return true;
  }
}
