// Draws a clip's sound on a canvas: its levels, silences shaded, what is cut struck through, and the times above it.
import { clockText } from "./film-time.js";

const STEP_S = 0.02, RULER_PX = 18, TICK_PX = 72, STRIPE_PX = 7;
const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

/** One byte for each 20 ms of a clip, 0 to 255; empty where its sound cannot be had. */
export async function levelsOf(clip) {
  const answer = await fetch(`/studio/clips/${clip}/film/levels`, { credentials: "same-origin", headers: { "X-Reshoot": "1" } }).catch(() => null);
  return answer?.ok ? new Uint8Array(await answer.arrayBuffer()) : new Uint8Array();
}

/**
 * Draw a window of the sound: `from_s` is at the left edge, `scale` are pixels a second, `silences` and `cuts` are stretches
 * {from_s, to_s}.
 */
export function paint(canvas, { levels, from_s, scale, clip_s, silences, cuts }) {
  const { width, height } = sized(canvas), pen = canvas.getContext("2d"), style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name).trim(), ratio = devicePixelRatio || 1;
  const x = (seconds) => (seconds - from_s) * scale, end_s = Math.min(clip_s, from_s + width / scale);
  const seen = (spans) => spans.filter((each) => each.to_s > from_s && each.from_s < end_s);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = colour("--film-silence");
  for (const each of seen(silences)) pen.fillRect(x(each.from_s), RULER_PX, (each.to_s - each.from_s) * scale, height - RULER_PX);
  const gone = seen(cuts);
  bars(pen, { levels, from_s, scale, width, height, end_s }, colour("--film-wave"));
  for (const each of gone) struck(pen, { left: Math.max(-1, x(each.from_s)), right: Math.min(width + 1, x(each.to_s)), height }, colour);
  ruler(pen, { from_s, end_s, scale, x }, colour("--quiet"), colour("--line"));
}

function sized(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas, ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  return { width, height };
}

/** A bar for each pixel, as high as the loudest that it stands for. */
function bars(pen, { levels, from_s, scale, width, height, end_s }, fill) {
  const middle = RULER_PX + (height - RULER_PX) / 2, reach = (height - RULER_PX) / 2 - 3, wide = scale * STEP_S >= 4 ? Math.min(4, scale * STEP_S - 1) : 1;
  const each_px = Math.max(1, wide === 1 ? 1 : scale * STEP_S), last = Math.min(width, (end_s - from_s) * scale);
  pen.fillStyle = fill;
  for (let left = 0; left < last; left += each_px) {
    const first = Math.floor((from_s + left / scale) / STEP_S), stop = Math.max(first + 1, Math.floor((from_s + (left + each_px) / scale) / STEP_S));
    let loudest = 0;
    for (let at = first; at < stop && at < levels.length; at++) loudest = Math.max(loudest, levels[at]);
    const size = Math.max(0.75, (reach * loudest) / 255);
    pen.fillRect(left, middle - size, wide, 2 * size);
  }
}

/** What is cut: faded, with stripes and a line through it. */
function struck(pen, { left, right, height }, colour) {
  pen.save();
  pen.beginPath();
  pen.rect(left, RULER_PX, right - left, height - RULER_PX);
  pen.clip();
  pen.globalAlpha = 0.72;
  pen.fillStyle = colour("--film-cut");
  pen.fillRect(left, RULER_PX, right - left, height - RULER_PX);
  pen.globalAlpha = 0.55;
  pen.strokeStyle = colour("--film-cut-line");
  pen.lineWidth = 1;
  pen.beginPath();
  for (let at = left - height - (left % STRIPE_PX); at < right; at += STRIPE_PX) {
    pen.moveTo(at, height);
    pen.lineTo(at + height, 0);
  }
  pen.stroke();
  pen.globalAlpha = 1;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(left, RULER_PX + (height - RULER_PX) / 2);
  pen.lineTo(right, RULER_PX + (height - RULER_PX) / 2);
  pen.stroke();
  pen.restore();
}

function ruler(pen, { from_s, end_s, scale, x }, text, line) {
  const step_s = STEPS_S.find((each) => each * scale >= TICK_PX) ?? STEPS_S.at(-1);
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "middle";
  for (let tick = Math.floor(from_s / step_s); tick * step_s <= end_s; tick++) {
    const left = Math.round(x(tick * step_s)) + 0.5;
    pen.strokeStyle = line;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(left, 0);
    pen.lineTo(left, RULER_PX);
    pen.stroke();
    pen.fillStyle = text;
    pen.fillText(clockText(tick * step_s, step_s < 1 ? 1 : 0), left + 4, RULER_PX / 2);
  }
}
