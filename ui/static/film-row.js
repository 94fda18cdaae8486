// A row of a film's timeline as markup: its name, switch and + beside it, and its items as buttons that are dragged.
import { rowOf } from "./film-rows.js";
import { clockText } from "./film-time.js";
import { html } from "./shared.js";

const SLIVER_PX = 6;
const truth = (is) => (is ? "true" : "false");

/** What stands beside a row; `on` is null where it has no switch. */
export function rowHead(name, { count, on, isChosen }) {
  const { title, add } = rowOf(name);
  return html`<button type="button" class="title" data-title="${name}" aria-pressed="${truth(isChosen)}">${title}${count > 1 && html` <span class="quiet number">${count}</span>`}</button>
    ${on !== null && html`<label class="switch" title="${on ? "Seen in the film" : "Left out of the film"}"><input type="checkbox" data-switch="${name}" aria-label="${title} in the film"></label>`}
    <button type="button" class="add" data-add="${name}" aria-label="${add}" title="${add}"><span aria-hidden="true">+</span></button>`;
}

/** The items between two times, and the chosen one wherever it is; `scale` are pixels a second. Tab reaches one of them. */
export function rowItems(name, items, { from_s, to_s, scale, chosen }) {
  const isChosen = ({ index }) => index === chosen, near = items.filter((each) => (each.to_s >= from_s && each.from_s <= to_s) || isChosen(each));
  const seen = apart(near, scale, isChosen), first = seen.find(isChosen) ?? seen[0];
  return html`${seen.map((each) => item(name, each, { scale, isChosen: isChosen(each), isFirst: each === first }))}`;
}

function item(name, { index, from_s, to_s, label, isFixed, ends }, { scale, isChosen, isFirst }) {
  const kinds = ["item", isFixed && "fixed", ends[0] && "first", ends[1] && "last"].filter(Boolean).join(" ");
  const said = `${rowOf(name).one}, ${label}, ${clockText(from_s)} to ${clockText(to_s)}`;
  return html`<button type="button" class="${kinds}" data-key="${index}" data-row="${name}" data-index="${index}" tabindex="${isFirst ? 0 : -1}"
    aria-pressed="${truth(isChosen)}" aria-label="${said}" aria-describedby="film-line-help" title="${label}"
    style="left: ${(from_s * scale).toFixed(1)}px; width: ${Math.max(2, (to_s - from_s) * scale).toFixed(1)}px"><span>${label}</span></button>`;
}

/** Items that can be told apart: of those that would lie on each other as slivers, the first one stands for all. */
function apart(items, scale, isChosen) {
  let right = -Infinity;
  return items.filter((each) => {
    const left = each.from_s * scale, width = (each.to_s - each.from_s) * scale;
    if (width < SLIVER_PX && left < right && !isChosen(each)) return false;
    right = Math.max(right, left + Math.max(SLIVER_PX, width));
    return true;
  });
}
