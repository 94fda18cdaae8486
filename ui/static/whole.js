// In the page itself, before all else: a page that came only in part, because the server died meanwhile, says so, and is
// loaded once more when the server is back.
(() => {
  const ELEMENTS = ["header", "clips", "trim", "timeline", "intro", "reference", "keys", "look", "person", "presets", "form", "film", "jobs", "result", "dashboard"];
  const LOOK_MS = 2000, SETTLED = 3, MOST_TRIES = 6, TRIES = "reshoot.tries";
  const AWAY = "The server does not answer. This page goes on by itself when it is back.";
  const GIVEN_UP = "This page could not be loaded as a whole. Reload it.";
  let broken = false, settled = 0;

  const ours = (url) => url?.startsWith(location.origin) && /\/(assets|studio\/static)\//.test(url);
  const fails = ({ target, reason }) => {
    broken ||= ours(target?.src ?? target?.href) || /module|preload/i.test(reason?.message);
  };
  const breaks = () => { broken = true; };
  const isDrawn = () => document.querySelector("reshoot-header")?.firstChild && ELEMENTS.every((name) => customElements.get(`reshoot-${name}`));
  const answers = () => fetch("/healthz", { cache: "no-store" }).then((answer) => answer.ok, () => false);

  /** Until it was whole for some time: the last parts come after the first are drawn. */
  async function look() {
    settled = isDrawn() && !broken ? settled + 1 : 0;
    if (settled >= SETTLED) return end();
    if (!settled && !(await answers())) {
      broken = true;
      say(AWAY);
    } else if (broken) return again();
    setTimeout(look, LOOK_MS);
  }

  /** Load it, each time a little later; a part that never comes is not asked for for ever. */
  function again() {
    const tries = Number(sessionStorage.getItem(TRIES));
    if (tries >= MOST_TRIES) return say(GIVEN_UP);
    sessionStorage.setItem(TRIES, tries + 1);
    setTimeout(() => location.reload(), 500 * (2 ** tries - 1));
  }

  function end() {
    try {
      sessionStorage.removeItem(TRIES);
    } catch { /* forbidden: then no try was counted */ }
    window.removeEventListener("error", fails, true);
    window.removeEventListener("unhandledrejection", fails);
    window.removeEventListener("vite:preloadError", breaks);
  }

  /** Where nothing else is drawn yet. */
  function say(text) {
    if (isDrawn() || !document.body) return;
    const told = document.getElementById("reshoot-whole") ?? Object.assign(document.createElement("p"), { id: "reshoot-whole" });
    told.setAttribute("role", "status");
    told.style.cssText = "margin: 4rem auto; max-width: 40rem; padding: 0 1rem; font: 1rem sans-serif";
    told.textContent = text;
    document.body.prepend(told);
  }

  window.addEventListener("error", fails, true);
  window.addEventListener("unhandledrejection", fails);
  window.addEventListener("vite:preloadError", breaks);
  setTimeout(look, LOOK_MS);
})();
