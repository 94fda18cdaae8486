// Moves items of a film's timeline: dragged by a pointer, at their ends too, and by arrow keys. What is near is snapped to.
import { itemsOf, placed, removed } from "./film-rows.js";

const SNAP_PX = 7, EDGE_PX = 9, STILL_PX = 3;

/** Where an item's pointer was put down: 0 or 1 for an end that can be moved, null for all of it. */
function endAt(button, clientX, { ends }) {
  const box = button.getBoundingClientRect(), edge = Math.min(EDGE_PX, box.width / 3);
  if (ends[0] && clientX - box.left < edge) return 0;
  return ends[1] && box.right - clientX < edge ? 1 : null;
}

/** Times that a dragged item is snapped to: the play head, cuts and the ends of other items. */
function magnets({ plan, about, at_s, time }, row, index) {
  const own = itemsOf(plan, row, about).filter((each) => each.index !== index), cuts = row === "cut" ? [] : plan.cut ?? [];
  return [0, time.clip_s, at_s, ...[...own, ...cuts].flatMap(({ from_s, to_s }) => [from_s, to_s])];
}

/** The times of an item that is moved by some seconds; it stays within the clip. */
export function moved({ from_s, to_s }, by_s, end, time, snap = (seconds) => seconds) {
  if (end === 0) return { from_s: Math.min(to_s - 1 / time.rate, Math.max(0, snap(from_s + by_s))), to_s };
  if (end === 1) return { from_s, to_s: Math.max(from_s + 1 / time.rate, Math.min(time.clip_s, snap(to_s + by_s))) };
  const start = snap(from_s + by_s), stop = snap(to_s + by_s), isByEnd = start === from_s + by_s && stop !== to_s + by_s;
  const first = Math.max(0, Math.min(time.last_s, isByEnd ? stop - (to_s - from_s) : start));
  return { from_s: first, to_s: first + to_s - from_s };
}

/** Drag an item until the pointer is lifted; `scale` are pixels a second. */
export function drag(event, button, store, scale) {
  const { row, index: place } = button.dataset, index = Number(place), item = itemsOf(store.plan, row, store.about).find((each) => each.index === index);
  const end = endAt(button, event.clientX, item), near = magnets(store, row, index), merge = `drag ${performance.now()}`;
  const snap = (seconds) => near.find((each) => Math.abs(each - seconds) * scale < SNAP_PX) ?? store.time.snapped(seconds);
  let isMoving = false;
  if (item.isFixed && end === null) return;
  const move = ({ clientX }) => {
    isMoving ||= Math.abs(clientX - event.clientX) > STILL_PX;
    if (!isMoving) return;
    const times = moved(item, (clientX - event.clientX) / scale, end, store.time, snap);
    store.editPlan((plan) => placed(plan, row, index, times, end, store.time), merge);
  };
  const stop = () => {
    for (const [kind, hears] of [["pointermove", move], ["pointerup", stop], ["pointercancel", stop]]) button.removeEventListener(kind, hears);
    store.history.settle();
  };
  button.setPointerCapture(event.pointerId);
  for (const [kind, hears] of [["pointermove", move], ["pointerup", stop], ["pointercancel", stop]]) button.addEventListener(kind, hears);
}

/** What a key does to an item: an arrow moves it by a frame, with Shift by a second, with Alt its end; Delete takes it away. */
export function press(event, button, store) {
  const { row, index: place } = button.dataset, index = Number(place), items = itemsOf(store.plan, row, store.about).sort((one, two) => one.from_s - two.from_s), at = items.findIndex((each) => each.index === index);
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key], other = { ArrowUp: -1, ArrowDown: 1 }[event.key], item = items[at], { time } = store;
  if (way && item) {
    const end = event.altKey ? 1 : item.isFixed ? item.ends.indexOf(true) : null;
    if (end === -1 || (end !== null && !item.ends[end])) return true;
    const times = moved(item, way * (event.shiftKey ? 1 : 1 / time.rate), end, time, (seconds) => time.snapped(seconds));
    store.editPlan((plan) => placed(plan, row, index, times, end, time), `keys ${row} ${index} ${event.altKey}`);
  } else if (other) {
    const next = items[at + other];
    if (next) store.choose(row, next.index);
  } else if (event.key === "Delete" || event.key === "Backspace") {
    store.editPlan((plan) => removed(plan, row, index));
    const left = itemsOf(store.plan, row, store.about);
    store.choose(left.length ? row : null, left[Math.min(at, left.length - 1)]?.index ?? null);
  } else return false;
  return true;
}
