// Polled: a part of the dashboard that asks the server again and again while it is seen, with a dialog for what must be
// confirmed. What extends it has `path` (what is asked), `rest_s` (until it is asked again), `show`, `act` and `decided`.
import { ask, draw, whileSeen } from "./shared.js";

const HIDDEN_S = 2;

export class Polled extends HTMLElement {
  connectedCallback() {
    this.innerHTML = "<div></div><dialog></dialog>";
    [this.board, this.dialog] = this.children;
    Object.assign(this, { told: null, problem: "" });
    this.onclick = (event) => this.act(event.target.closest("[data-act]"));
    this.dialog.onclose = () => this.decided(this.dialog.returnValue);
    this.turn = whileSeen(() => this.look());
    this.watch = new IntersectionObserver(([entry]) => entry.isIntersecting && this.turn.now());
    this.watch.observe(this);
  }

  disconnectedCallback() {
    this.turn.stop();
    this.watch.disconnect();
  }

  async look() {
    if (!this.checkVisibility()) return HIDDEN_S;
    try {
      this.told = await ask(this.path);
      this.problem = "";
    } catch (error) {
      this.problem = error.message;
    }
    this.show();
    return this.rest_s;
  }

  /** Ask the user something; `decided` gets the value of the button that is pressed. */
  confirm(body, label) {
    draw(this.dialog, body);
    this.dialog.setAttribute("aria-label", label);
    this.dialog.returnValue = "";
    this.dialog.showModal();
  }
}
