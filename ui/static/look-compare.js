// Renders the comparison of <reshoot-look>: the previewed frame in every look, cut to the person; a click chooses one.
import { html } from "./shared.js";

const RATIO = 1 / 2, ROOM = 0.08; // of a tile; and around the person, in shares of their height

/** The button that asks for it, and what of `compared` is there. */
export function comparison(compared, { wanted, kept, isBusy }) {
  const made = compared.filter(({ key }) => kept.has(key)).map(({ key }) => kept.get(key));
  const isNow = compared[0]?.others === wanted.others;
  const isWhole = compared.length > 0 && isNow && made.length === compared.length;
  const isUnderWay = isBusy && isNow && compared.length > 0;
  return html`<div class="compare stack" data-key="compare">
    ${!isWhole && html`<div class="row"><button type="button" class="button" data-do="compare" ${isUnderWay ? "disabled" : ""}>
      ${isUnderWay ? "Comparing…" : compared.length ? "Compare all looks again" : "Compare all looks"}</button>
      <span class="quiet small">${note(compared, made, isNow)}</span></div>`}
    ${made.length > 0 && html`<ul class="looks${isNow ? "" : " old"}" aria-label="This frame in all looks">
      <li>${tile(made[0], made[0].before)}<span>As filmed</span></li>
      ${made.map((look) => html`<li><button type="button" data-do="choose" data-look="${look.look}"
        aria-pressed="${String(look.look === wanted.look)}">${tile(look, look.after)}<span>${look.title}</span></button></li>`)}
    </ul>`}
  </div>`;
}

function note(compared, made, isNow) {
  if (!compared.length) return "This frame in every look, to choose one.";
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
