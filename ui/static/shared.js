// Shared by all elements of the page: requests to the server, rendering with a DOM diff, and notifications.

export class Problem extends Error {
  constructor({ problem, remedy = "", status = 0, body = {} }) {
    super(remedy ? `${problem} ${remedy}` : problem);
    Object.assign(this, { problem, remedy, status, body });
  }
}

const AWAY = "The server does not answer.";

/** Call a route under /studio; throws a Problem with the server's sentence if it fails. */
export async function ask(path, { method = "GET", json, body, headers = {}, signal } = {}) {
  const options = { method, signal, headers: { "X-Reshoot": "1", ...headers }, credentials: "same-origin" };
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers["Content-Type"] = "application/json";
  } else if (body !== undefined) options.body = body;
  let answer, told;
  try {
    answer = await fetch(`/studio/${path}`, options);
    told = answer.headers.get("Content-Type")?.includes("json") && answer.status !== 304 ? await answer.json() : {};
  } catch (error) {
    if (["AbortError", "SyntaxError"].includes(error.name)) throw error;
    throw new Problem({ problem: AWAY, remedy: "This page goes on by itself when it is back." });
  }
  resolved(AWAY);
  if (answer.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.hash)}`);
  if (answer.status === 304) return null;
  if (!answer.ok) {
    const problem = told.problem ?? `The server answered ${answer.status}.`;
    throw new Problem({ problem, remedy: told.remedy ?? "Try again.", status: answer.status, body: told });
  }
  return told;
}

/** Markup from a template literal: every value is escaped, except what `raw` made and lists of it. */
export function html(strings, ...values) {
  return raw(strings.reduce((text, part, i) => text + part + (i < values.length ? markup(values[i]) : ""), ""));
}
export const raw = (text) => ({ markup: text, toString: () => text });
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escaped = (text) => String(text).replace(/[&<>"']/g, (each) => ESCAPES[each]);
function markup(value) {
  if (value === null || value === undefined || value === false) return "";
  if (Array.isArray(value)) return value.map(markup).join("");
  return value.markup ?? escaped(value);
}

/**
 * Update a node to the given markup, leaving unchanged parts alone: focus, videos and open details survive.
 *
 * Kept instead of lit-html 3.3, compared on the list of jobs with 120 cards: both keep focus, videos and open details when
 * cards change and move; lit-html updates it in 11 ms and this in 43 ms, once in one or two seconds and only while a job
 * runs; it brings 9.5 kB (4.1 kB compressed) of another project to carry along, this has 1.3 kB (0.7 kB).
 */
export function draw(node, wanted) {
  const fresh = document.createElement("template");
  fresh.innerHTML = String(wanted);
  match(node, fresh.content);
}
function match(node, wanted) {
  const old = [...node.childNodes];
  const kept = new Map(old.filter((each) => each.dataset?.key).map((each) => [each.dataset.key, each]));
  const staying = new Set([...wanted.childNodes].map((each) => each.dataset?.key));
  for (const [key, each] of kept) if (!staying.has(key)) each.remove(); // first, so that those behind it need not be moved
  let place = node.firstChild;
  for (const next of [...wanted.childNodes]) {
    let same = next.dataset?.key ? kept.get(next.dataset.key) : place;
    if (same && !(same.nodeName === next.nodeName && same.dataset?.key === next.dataset?.key)) same = null;
    if (!same) {
      node.insertBefore(next, place);
      continue;
    }
    while (same && place && place !== same && !place.dataset?.key) {
      const gone = place; // what stands before it goes: an element that is moved loses the keyboard
      place = place.nextSibling;
      gone.remove();
    }
    if (same !== place) node.insertBefore(same, place);
    else place = place.nextSibling;
    if (same.nodeType === Node.TEXT_NODE) {
      if (same.data !== next.data) same.data = next.data;
    } else if (same.nodeType === Node.ELEMENT_NODE) {
      attributes(same, next);
      if (!same.hasAttribute("data-own")) match(same, next);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}
function attributes(node, wanted) {
  for (const { name } of [...node.attributes])
    if (!wanted.hasAttribute(name) && !(name === "open" && node.nodeName === "DETAILS")) node.removeAttribute(name);
  for (const { name, value } of wanted.attributes) if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

const TOLD_S = { note: 6, bad: 20 };

/** Show a notification at the bottom of the page, announced to screen readers; it goes with time, or with its cause. */
export function tell(text, kind = "note", cause = text.startsWith(AWAY) ? AWAY : "") {
  let place = document.querySelector("#reshoot-told");
  if (!place) {
    place = document.createElement("div");
    Object.assign(place, { id: "reshoot-told" });
    place.setAttribute("role", "status");
    place.setAttribute("aria-live", "polite");
    document.body.append(place);
  }
  const note = document.createElement("div");
  note.className = `told ${kind}`;
  note.dataset.cause = cause;
  draw(note, html`<p>${text}</p><button type="button" aria-label="Close this message">×</button>`);
  note.querySelector("button").addEventListener("click", () => note.remove());
  for (const other of place.querySelectorAll(".told.bad")) other.remove();
  place.append(note);
  setTimeout(() => note.remove(), 1000 * TOLD_S[kind]);
}

/** Take away what was told for a cause that is gone. */
export function resolved(cause) {
  for (const note of document.querySelectorAll("#reshoot-told .told")) if (note.dataset.cause === cause) note.remove();
}

/** A value in localStorage; works, without memory, in browsers that forbid it. */
export function remembered(name, fallback) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? fallback;
  } catch {
    return fallback;
  }
}
export function remember(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch { /* full or forbidden: then nothing survives a reload */ }
}

/** Show a tab of the page: create, finish, jobs, result or dashboard. */
export function openTab(name) {
  document.getElementById(`${name}-tab-button`)?.click();
}

/** Call `work` repeatedly while the page is visible; `work` returns the seconds until the next call. */
export function whileSeen(work) {
  let timer = 0, over = false, turns = 0;
  const turn = async () => {
    clearTimeout(timer);
    if (over || document.hidden) return;
    const mine = ++turns;
    const rest_s = await work();
    if (!over && mine === turns) timer = setTimeout(turn, rest_s * 1000);
  };
  document.addEventListener("visibilitychange", turn);
  turn();
  const stop = () => {
    over = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", turn);
  };
  return { now: turn, stop };
}

export function bytesText(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (; bytes >= 1000 && unit < 4; unit++) bytes /= 1000;
  return `${bytes < 10 && unit ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}
export function secondsText(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
/** A seed short enough to be read out. */
export const randomSeed = () => Math.floor(Math.random() * 1e6);
export const percentText = (share) => `${Math.floor(100 * share)} %`;
export const estimateText = ({ seconds, memory_mb, vram_mb = 0, basis = "" }) =>
  `about ${secondsText(seconds)}, ${bytesText(memory_mb * 1e6)}${vram_mb ? `, ${bytesText(vram_mb * 1e6)} on the card` : ""}${basis && ` (${basis})`}`;
/** A graphics card while an engine works on it. */
export const cardText = ({ busy, used, total }) => `${percentText(busy)} busy, ${bytesText(used)} of ${bytesText(total)} taken`;
