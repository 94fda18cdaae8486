// The strokes that are painted on one clip, and the canvas on which a pointer or the keyboard paints them.
import { ask } from "./shared.js";

const COLOURS = { add: "rgb(80 220 120 / 60%)", remove: "rgb(255 70 60 / 60%)", point: "rgb(255 255 255 / 90%)" };
const STEP = 0.01, LEAST_STEP = 0.004; // of the longer side: a key's step, and the least distance of a stroke's points

export class Painting {
  constructor(clip) {
    Object.assign(this, { clip, strokes: [], digest: null, unseen: [] });
  }

  get count() {
    return this.strokes.length;
  }

  add(stroke) {
    this.strokes.push(stroke);
    this.unseen.push(stroke);
    return this;
  }

  undo() {
    const gone = this.strokes.pop();
    this.unseen = this.unseen.filter((each) => each !== gone);
    return this;
  }

  clear() {
    Object.assign(this, { strokes: [], unseen: [] });
    return this;
  }

  /** The picture shows the strokes now, so the canvas need not. */
  seen() {
    this.unseen = [];
    this.#paint?.();
  }

  /** Store the strokes on the server; returns their digest, null for none. */
  async save() {
    const { digest: clip, width, height } = this.clip;
    const json = { clip, width_px: width, height_px: height, strokes: this.strokes };
    this.digest = this.strokes.length ? (await ask("strokes", { method: "POST", json })).digest : null;
    return this.digest;
  }

  /** Go on with stored strokes; false if they are not there, or of another clip. */
  async take(digest) {
    const told = await ask(`strokes/${digest}`).catch(() => null);
    if (!told || (told.clip && told.clip !== this.clip.digest)) return false;
    Object.assign(this, { strokes: told.strokes, digest, unseen: [] });
    return true;
  }

  #paint = null;

  /** Let a canvas over the picture of a frame be painted on; `done` gets the points of each stroke, in px of the clip. */
  on(canvas, work) {
    this.work = work;
    const box = canvas.getBoundingClientRect();
    canvas.width = Math.round(box.width * devicePixelRatio);
    canvas.height = Math.round(box.height * devicePixelRatio);
    if (!canvas.marked) this.#listen(canvas);
    canvas.marked ??= [0.5, 0.5];
    this.#paint = () => this.#draw(canvas);
    canvas.painting = this;
    this.#paint();
  }

  #listen(canvas) {
    let points = null;
    const place = ({ clientX, clientY }) => {
      const box = canvas.getBoundingClientRect();
      return [(clientX - box.left) / box.width, (clientY - box.top) / box.height].map((share) => Math.min(1, Math.max(0, share)));
    };
    const mine = () => canvas.painting;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      canvas.focus({ preventScroll: true });
      canvas.setPointerCapture(event.pointerId);
      points = [place(event)];
      mine().#draw(canvas, points);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!points) return;
      const next = place(event), last = points.at(-1);
      if (Math.hypot(next[0] - last[0], next[1] - last[1]) >= LEAST_STEP) points.push(next);
      mine().#draw(canvas, points);
    });
    canvas.addEventListener("pointerup", () => {
      if (points) mine().#finish(canvas, points);
      points = null;
    });
    canvas.addEventListener("pointercancel", () => (points = null));
    canvas.addEventListener("keydown", (event) => mine().#typed(canvas, event));
    canvas.addEventListener("blur", () => mine().#draw(canvas));
    new ResizeObserver(() => mine().on(canvas, mine().work)).observe(canvas);
  }

  #typed(canvas, event) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (by) {
      const step = event.shiftKey ? 5 * STEP : STEP;
      canvas.marked = canvas.marked.map((share, axis) => Math.min(1, Math.max(0, share + step * by[axis])));
    } else if (event.key === "Enter" || event.key === " ") this.#finish(canvas, [canvas.marked]);
    else return;
    event.preventDefault();
    this.#draw(canvas);
  }

  #finish(canvas, points) {
    const { width, height } = this.clip;
    canvas.marked = points.at(-1);
    this.work.done(points.map(([x, y]) => [x * (width - 1), y * (height - 1)].map((px) => Math.round(10 * px) / 10)));
    this.#draw(canvas);
  }

  /** Draw what is being painted, what the picture does not show yet, and the keyboard's mark. */
  #draw(canvas, points = null) {
    const pen = canvas.getContext("2d"), { tool, radius, frame } = this.work, { width, height } = this.clip;
    const scale = canvas.width / width;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    for (const stroke of this.unseen.filter((each) => each.frame === frame))
      line(pen, stroke.points.map(([x, y]) => [x * scale, y * scale]), stroke.radius_px * scale, COLOURS[stroke.adds ? "add" : "remove"]);
    const brush = tool === "point" ? 0.012 * canvas.width : radius * Math.max(width, height) * scale;
    if (points) line(pen, points.map(([x, y]) => [x * canvas.width, y * canvas.height]), brush, COLOURS[tool]);
    if (canvas.matches(":focus-visible")) ring(pen, canvas.marked[0] * canvas.width, canvas.marked[1] * canvas.height, brush);
  }
}

function line(pen, points, radius, colour) {
  Object.assign(pen, { lineCap: "round", lineJoin: "round", lineWidth: 2 * radius, strokeStyle: colour });
  pen.beginPath();
  pen.moveTo(...points[0]);
  for (const point of points) pen.lineTo(...point);
  if (points.length === 1) pen.lineTo(points[0][0] + 0.01, points[0][1]);
  pen.stroke();
}

function ring(pen, x, y, radius) {
  for (const [width, colour] of [[4, "#000"], [2, "#fff"]]) {
    Object.assign(pen, { lineWidth: width * devicePixelRatio, strokeStyle: colour });
    pen.beginPath();
    pen.arc(x, y, Math.max(4, radius), 0, 2 * Math.PI);
    pen.stroke();
  }
}
