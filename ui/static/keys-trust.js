// How far painted frames reach: which frames are made from each, and what is known of every frame of a clip. No page in here.

/** The frames that are made from each key, half-open: from the one before it to the one after it, within its shot. */
export function reaches(shots, keys) {
  const found = new Map();
  for (const [start, stop] of shots) {
    const inside = keys.filter((key) => key >= start && key < stop), edges = [start - 1, ...inside, stop];
    inside.forEach((key, at) => found.set(key, [edges[at] + 1, edges[at + 2]]));
  }
  return found;
}
