// The page around the tabs: header, light or dark mode, and the open tab in the URL, which a reload restores.
import { draw, html, openTab, remember, remembered, tell } from "./shared.js";

const TABS = ["create", "finish", "jobs", "result", "dashboard"];

class Header extends HTMLElement {
  connectedCallback() {
    draw(this, html`<h1>Reshoot</h1><p class="quiet">Restyled people, their own camera.</p>
      <span class="row ends"><button type="button" class="button small theme">Light or dark</button>
      ${document.querySelector("meta[name=reshoot-login]") && html`<form method="post" action="/logout"><button class="button small">Sign out</button></form>`}</span>`);
    this.querySelector(".theme").addEventListener("click", () => {
      const dark = document.body.classList.toggle("dark");
      remember("reshoot.theme", dark ? "dark" : "light");
    });
  }
}
customElements.define("reshoot-header", Header);

function dress() {
  const wanted = new URLSearchParams(location.search).get("__theme") ?? remembered("reshoot.theme");
  if (wanted === "dark" || wanted === "light") document.body.classList.toggle("dark", wanted === "dark");
}

const chosen = () => TABS.find((name) => document.getElementById(`${name}-tab-button`)?.ariaSelected === "true");

/** Open a tab. Gradio renders the tabs, and attaches its handlers, some time after this runs: retry until a click works. */
function goTo(tab, tries = 100) {
  if (chosen() === tab || !tries || !location.hash.startsWith(`#${tab}`)) return;
  openTab(tab);
  setTimeout(goTo, 100, tab, tries - 1);
}

function goToPlace() {
  const [tab, job] = location.hash.slice(1).split("=");
  if (!TABS.includes(tab)) return;
  goTo(tab);
  if (tab === "result" && job) window.dispatchEvent(new CustomEvent("reshoot:show", { detail: { job } }));
}

/** Store the tab in the URL's hash, keeping the rest; a bare `#hash` would be resolved against the page's <base>. */
function keep(place) {
  history.replaceState(null, "", `${location.pathname}${location.search}#${place}`);
}

function keepTab(tab) {
  if (tab && !location.hash.startsWith(`#${tab}`)) keep(tab);
}

function keepPlace() {
  if (!location.hash && chosen() !== "create") keepTab(chosen()); // the user has chosen a tab before this script ran
  document.addEventListener("click", (event) => {
    const id = event.target.closest?.("[role=tab]")?.id ?? "";
    keepTab(TABS.find((name) => id === `${name}-tab-button`));
  });
  window.addEventListener("reshoot:show", ({ detail }) => keep(`result=${detail.job}`));
  window.addEventListener("hashchange", goToPlace);
}

window.addEventListener("reshoot:submitted", ({ detail }) => {
  if (!detail.keeps) document.querySelector("reshoot-clips")?.clear?.();
  tell(detail.jobs.length > 1 ? `${detail.jobs.length} clips are in line.` : "The clip is in line.");
  openTab("jobs");
});

dress();
keepPlace();
goToPlace();
