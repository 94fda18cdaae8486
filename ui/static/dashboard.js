// <reshoot-dashboard>: cache statistics, measures of finished videos, and the state of the machine, polled.
import { Polled } from "./polled.js";
import { ask, bytesText, draw, html, tell } from "./shared.js";
import { cacheCard, machineCard, roomCard, stagesCard } from "./dashboard_cards.js";
import { START, turned, videosCard } from "./dashboard_videos.js";

const REST_S = 5, BUSY_S = 0.7;
const GB = 1e9;

class Dashboard extends Polled {
  path = "dashboard";

  connectedCallback() {
    Object.assign(this, { sort: START, open: new Set() });
    this.onsubmit = (event) => this.prune(event);
    super.connectedCallback();
  }

  get busy() {
    return this.told?.chore?.state === "running";
  }

  get rest_s() {
    return this.busy || this.told?.cache === null || this.told?.room === null ? BUSY_S : REST_S;
  }

  show() {
    draw(this.board, html`<div class="dashboard">
      <h2 class="hidden">Dashboard</h2>
      <div role="alert">${this.problem && html`<p class="alert warn">${this.problem}</p>`}</div>
      ${this.told ? this.cards() : html`<p class="empty">Looking…</p>`}
    </div>`);
  }

  cards() {
    const { told } = this;
    return html`${cacheCard(told.cache, told.chore, told.ahead_spent_s)} ${machineCard(told)}
      ${videosCard(told, this.sort, this.open)} ${stagesCard(told.cache)} ${roomCard(told.room, told.machine.disk)}`;
  }

  act(node) {
    if (node?.ariaDisabled) return;
    const acts = {
      verify: () => this.begin("verify"),
      clear: () => this.askToClear(),
      sort: () => (this.sort = turned(this.sort, node.dataset.by)),
      stages: () => this.open.delete(node.dataset.job) || this.open.add(node.dataset.job),
      result: () => window.dispatchEvent(new CustomEvent("reshoot:show", { detail: { job: node.dataset.job } })),
    };
    acts[node?.dataset.act]?.();
    if (node && this.told) this.show();
  }

  prune(event) {
    if (!event.target.matches("[data-prune]")) return;
    event.preventDefault();
    if (!this.busy) this.begin(`prune?to_bytes=${Math.round(event.target.elements.to.valueAsNumber * GB)}`);
  }

  askToClear() {
    const { entries, bytes, pinned, quarantined_bytes } = this.told.cache;
    this.confirm(html`<form method="dialog" class="stack">
      <h3>Clear the cache?</h3>
      <p>${entries} results go, ${bytesText(bytes + quarantined_bytes)} in all${pinned > 0 && `, but not the ${pinned} pinned`}.
        Finished videos stay, and so does what a running job holds. Whatever is asked for again takes its full time again.</p>
      <div class="row"><button class="button" value="keep" autofocus>Keep it</button>
        <button class="button bad" value="clear">Clear the cache</button></div>
    </form>`, "Clear the cache?");
  }

  decided(value) {
    if (value === "clear") this.begin("clear");
  }

  async begin(kind) {
    try {
      const chore = await ask(`cache/${kind}`, { method: "POST" });
      Object.assign(this.told, { chore });
      this.show();
      this.turn.now();
    } catch (error) {
      tell(error.message, "bad");
    }
  }
}
customElements.define("reshoot-dashboard", Dashboard);
