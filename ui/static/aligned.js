// <reshoot-aligned>: how two aligned clips agree: the drift plot, a slider through both, and the check sheet.
import "/studio/align/scrub.js";
import "./correct.js";
import { draw, html, tell } from "./shared.js";

class Aligned extends HTMLElement {
  /** Show the alignment of a result, if it has one; `facts` is the answer of GET /studio/results/{job}. */
  async show(facts) {
    const { alignment, title } = facts ?? {};
    this.hidden = !alignment;
    this.shown = alignment?.plot;
    if (!alignment) return this.replaceChildren();
    draw(this, html`<section class="card stack" aria-label="How both clips agree"><h3>How time runs</h3><div class="plot" data-own></div>
        <p class="quiet small">Above, the background's time less the steady run of most frames: slopes are another speed, steps are cuts.
          Below, how far each frame is off the run of those around it. Within one frame of the background, nobody sees it.</p></section>
      <section class="card stack"><h3>Through both clips</h3><reshoot-scrub data-own></reshoot-scrub></section>
      <reshoot-correct class="studio" data-own></reshoot-correct>
      <details class="card" data-key="${`sheet ${alignment.sheet}`}"><summary>Check sheet</summary>
        <img src="${alignment.sheet}" loading="lazy" alt="${`Check sheet of ${title}: twelve frames of both clips side by side`}"></details>`);
    const plot = await drawing(alignment.plot).catch(() => null);
    if (this.shown !== alignment.plot) return; // another result is shown by now
    const scrub = this.querySelector("reshoot-scrub"), correct = this.querySelector("reshoot-correct");
    if (plot) this.querySelector(".plot").replaceChildren(plot);
    else tell("The drift plot could not be read. It can still be downloaded.", "bad");
    correct.show(facts, (solved) => this.#follow(drawn(solved)));
    scrub.addEventListener("scrubbed", ({ detail }) => correct.turn(detail.index));
    scrub.show(alignment, plot);
  }

  /** Show the plot of a pair that was solved again. */
  #follow(plot) {
    this.querySelector(".plot").replaceChildren(plot);
    this.querySelector("reshoot-scrub").follow(plot);
  }
}

/** The drift plot of a result. */
async function drawing(url) {
  const answer = await fetch(url, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return drawn(await answer.text());
}

/** A plot as a part of this page, whose colours it takes. */
function drawn(text) {
  const { documentElement } = new DOMParser().parseFromString(text, "image/svg+xml");
  return documentElement.localName === "svg" ? document.importNode(documentElement, true) : null;
}

customElements.define("reshoot-aligned", Aligned);
