// <reshoot-scrub>: slides through frames of an aligned pair: foreground, background, both by turns, and their difference. It goes
// with the drift plot of its page. Both the report and the studio use this file.
class Scrub extends HTMLElement {
  connectedCallback() {
    if (this.dataset.told) this.show(JSON.parse(this.dataset.told));
  }

  /** Show an alignment: its frames in the order of time, where their pictures are on the strip, and the plot that goes with them. */
  show(told, plot = document.querySelector("svg.drift")) {
    this.told = told;
    const { strip, columns, tile: [width, height], frames } = told, rows = Math.ceil(frames.length / columns);
    if (strip) this.style.setProperty("--strip", `url("${strip}")`);
    for (const [name, value] of Object.entries({ columns, rows, ratio: width / height })) this.style.setProperty(`--${name}`, value);
    this.innerHTML = `<div class="scrub-tiles">${["foreground", "background", "both by turns", "difference, doubled"].map((name, at) =>
      `<figure><div class="scrub-tile kind-${at}"><i class="fore"></i><i class="back"></i></div><figcaption>${name}</figcaption></figure>`).join("")}</div>
      <input type="range" min="0" max="${frames.length - 1}" step="1" value="0" aria-label="Frame of the foreground">
      <p class="scrub-said" role="status"></p><p class="scrub-jumps"></p>`;
    this.input = this.querySelector("input");
    this.input.addEventListener("input", () => this.go(Number(this.input.value)));
    this.#jumps();
    this.follow(plot);
    this.go(Math.max(0, frames.findIndex(({ why }) => why === "worst")));
  }

  /** Go with a plot: where it is pointed at, the nearest frame is shown. */
  follow(plot) {
    this.plot = plot;
    plot?.addEventListener("pointerdown", (event) => this.#pointed(event));
    plot?.addEventListener("pointermove", (event) => event.buttons && this.#pointed(event));
    if (this.at !== undefined) this.#point();
  }

  /** Show one of the frames. */
  go(at) {
    this.at = at;
    const { frames, columns } = this.told, frame = frames[at];
    this.input.value = at;
    this.style.setProperty("--column", at % columns);
    this.style.setProperty("--row", Math.floor(at / columns));
    this.classList.toggle("unmatched", frame.background_s === null);
    const said = `Frame ${frame.index}: ${frame.lines.join(", ")}`;
    this.querySelector(".scrub-said").textContent = said;
    this.input.setAttribute("aria-valuetext", said);
    for (const each of this.querySelectorAll("button")) each.setAttribute("aria-pressed", String(Number(each.dataset.at) === at));
    this.#point();
    this.dispatchEvent(new CustomEvent("scrubbed", { bubbles: true, detail: frame }));
  }

  /** Let the plot's cursor stand at the frame. */
  #point() {
    const share = (100 * this.told.frames[this.at].time_s) / Number(this.plot?.dataset.seconds);
    for (const name of ["x1", "x2"]) this.plot?.querySelector(".cursor").setAttribute(name, `${share.toFixed(3)}%`);
  }

  /** Buttons that lead to the worst frames, and to those that were drawn at random. */
  #jumps() {
    const place = this.querySelector(".scrub-jumps");
    for (const why of ["worst", "random"]) {
      const found = [...this.told.frames.entries()].filter(([, frame]) => frame.why === why);
      if (found.length) place.append(Object.assign(document.createElement("span"), { textContent: why === "worst" ? "Worst" : "Random" }));
      for (const [at, { index }] of found) {
        const button = Object.assign(document.createElement("button"), { type: "button", textContent: index, ariaLabel: `Frame ${index}, ${why}` });
        button.dataset.at = at;
        button.addEventListener("click", () => this.go(at));
        place.append(button);
      }
    }
  }

  /** The nearest frame to where the plot is pointed at. */
  #pointed({ clientX }) {
    const box = this.plot.getBoundingClientRect(), time_s = ((clientX - box.left) / box.width) * Number(this.plot.dataset.seconds);
    const apart = this.told.frames.map((frame) => Math.abs(frame.time_s - time_s));
    this.go(apart.indexOf(Math.min(...apart)));
  }
}

customElements.define("reshoot-scrub", Scrub);
