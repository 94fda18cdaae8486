// The comparison of <reshoot-look>: the previewed frame in every look or from four seeds, or frames between painted ones, cut to
// the person; a click chooses one.
import { html, randomSeed } from "./shared.js";

const SEEDS = 4;
/** In place of a setting: frames are compared, which the slider chooses. */
export const BETWEEN = "between";
/** What can be compared: the setting, what its button says, and what its list is called. */
export const COMPARISONS = {
  "generate.look": { verb: "Compare all looks", title: "This frame in all looks", about: "This frame in every look, to choose one." },
  [BETWEEN]: { verb: "Preview between painted frames", title: "Frames between the painted ones", about: "Three frames between the painted ones beside this moment, as the work will make them." },
  "generate.seed": { verb: "Compare four seeds", title: "This frame from four seeds", about: "The same settings with other chance, to choose one." },
};

/** The values of a setting that are compared, each with its title: all looks, or this seed and others at random. */
export function compared(name, { looks, seed }, between) {
  if (name === BETWEEN) return between.map((value) => ({ value, title: `Frame ${value}`, frame: value }));
  if (name === "generate.look") return looks;
  const seeds = new Set([seed]);
  while (seeds.size < SEEDS) seeds.add(randomSeed());
  return [...seeds].map((value) => ({ value, title: `Seed ${value}` }));
}

const RATIO = 1 / 2, ROOM = 0.08; // of a tile; and around the person, in shares of their height

/** The buttons that ask for one, and what of `compared` is there. */
export function comparison(compared, { wanted, kept, isBusy }) {
  const made = compared.filter(({ key }) => kept.has(key)).map(({ key, title, value }) => ({ ...kept.get(key), title, value }));
  const isNow = compared.length > 0 && compared[0].others(compared[0].name) === wanted.others(compared[0].name);
  const isWhole = compared.length > 0 && isNow && made.length === compared.length;
  const isUnderWay = isBusy && isNow && !isWhole && compared.length > 0, now = compared[0]?.name;
  const isOffered = { "generate.look": wanted.hasLooks && !(isWhole && now === "generate.look"), [BETWEEN]: wanted.between.length > 0, "generate.seed": wanted.hasSeed };
  const names = Object.keys(COMPARISONS).filter((name) => isOffered[name]), chosen = now === BETWEEN ? wanted.frame : wanted.chosen[now];
  return html`<div class="compare stack" data-key="compare">
    <div class="row">${names.map((name) => button(name, isUnderWay, now === name))}
      <span class="quiet small">${!isWhole && note(compared, made, isNow)}</span></div>
    ${made.length > 0 && html`<ul class="looks${isNow ? "" : " old"}" aria-label="${COMPARISONS[now].title}">
      ${now !== BETWEEN && html`<li>${tile(made[0], made[0].before)}<span>As filmed</span></li>`}
      ${made.map((look) => html`<li><button type="button" data-do="choose" data-name="${now}" data-value="${look.value}"
        aria-pressed="${String(look.value === chosen)}">${tile(look, look.after)}<span>${look.title}</span></button></li>`)}
    </ul>`}
  </div>`;
}

function button(name, isUnderWay, isNow) {
  const { verb, about } = COMPARISONS[name], text = isNow ? `${verb} again` : verb;
  return html`<button type="button" class="button" data-do="compare" data-name="${name}" title="${about}" ${isUnderWay ? "disabled" : ""}>
    ${isUnderWay && isNow ? "Comparing…" : text}</button>`;
}

function note(compared, made, isNow) {
  if (!compared.length) return "Side by side, to choose one.";
  if (!isNow && made.length) return `Shown: frame ${made[0].at}, as it was chosen before.`;
  return `${made.length} of ${compared.length}`;
}

/** A picture cut to its person, in the shape of a tile. */
function tile({ box, width, height }, url) {
  const part = cut(box ?? [0, 0, width, height], width, height);
  const place = (start, long, whole) => (long < whole ? (100 * start) / (whole - long) : 0).toFixed(2);
  return html`<i class="tile" style="background-image: url(${url}); background-size: ${((100 * width) / part.width).toFixed(2)}% auto;
    background-position: ${place(part.left, part.width, width)}% ${place(part.top, part.height, height)}%"></i>`;
}

/** The smallest part of a picture that has a tile's shape and holds a box with some room, as far as the picture goes. */
function cut([left, top, right, bottom], width, height) {
  const room = ROOM * (bottom - top);
  const tall = Math.min(height, width / RATIO, Math.max(bottom - top + 2 * room, (right - left + 2 * room) / RATIO));
  const wide = tall * RATIO;
  const within = (start, long, whole) => Math.min(Math.max(0, start), whole - long);
  return {
    left: within((left + right - wide) / 2, wide, width), top: within((top + bottom - tall) / 2, tall, height),
    width: wide, height: tall,
  };
}
