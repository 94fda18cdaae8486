// The strokes that are painted on one clip, and the canvas on which a pointer or the keyboard paints them.
import { ask } from "./shared.js";

const COLOURS = { add: "rgb(80 220 120 / 60%)", remove: "rgb(255 70 60 / 60%)", point: "rgb(255 255 255 / 90%)" };
const STEP = 0.01, LEAST_STEP = 0.004; // of the longer side: a key's step, and the least distance of a stroke's points
const AGAIN_MS = 2000;

export class Painting {
  constructor(clip) {
    Object.assign(this, { clip, strokes: [], digest: null, unseen: [], version: 0, saved: 0, isSaving: false });
  }

  get count() {
    return this.strokes.length;
  }

  /** Whether these strokes are those that the form has: their digest, or what says that they are on their way. */
  is(strokes) {
    return this.isSaving || (strokes ?? null) === this.digest;
  }

  add(stroke) {
    this.version += 1;
    this.strokes.push(stroke);
    this.unseen.push(stroke);
    return this;
  }

  undo() {
    this.version += 1;
    const gone = this.strokes.pop();
    this.unseen = this.unseen.filter((each) => each !== gone);
    return this;
  }

  clear() {
    this.version += 1;
    Object.assign(this, { strokes: [], unseen: [] });
    return this;
  }

  /** The picture shows the strokes now, so the canvas need not. */
  seen() {
    this.unseen = [];
    this.#paint?.();
  }

  /** Store the strokes on the server, and again if they have changed meanwhile or that failed; `failed` gets each new problem. */
  async save(failed) {
    if (this.isSaving) return;
    this.isSaving = true;
    for (let problem = ""; this.saved !== this.version; ) {
      try {
        await this.#send();
      } catch (error) {
        if (error.message !== problem) failed(error);
        problem = error.message;
        await new Promise((done) => setTimeout(done, AGAIN_MS));
      }
    }
    this.isSaving = false;
  }

  async #send() {
    const { version, strokes, clip: { digest: clip, width, height } } = this;
    const json = { clip, width_px: width, height_px: height, strokes };
    this.digest = strokes.length ? (await ask("strokes", { method: "POST", json })).digest : null;
    this.saved = version;
  }

  /** Go on with stored strokes; false if they are another clip's, and a Problem with status 404 if they are gone. */
  async take(digest) {
    const { version } = this, told = await ask(`strokes/${digest}`);
    if (told.clip && told.clip !== this.clip.digest) return false;
    if (version === this.version) Object.assign(this, { strokes: told.strokes, digest, unseen: [] });
    return true;
  }

  /** Begin without strokes. */
  forget() {
    Object.assign(this, { strokes: [], unseen: [], digest: null });
    this.#paint?.();
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
