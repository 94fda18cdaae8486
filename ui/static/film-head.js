// The head of the Finish tab: which clip it is, how long its film is, whether it is saved, and what is done with all of it.
import { clockText } from "./film-time.js";
import { html } from "./shared.js";

const QUALITY = { 14: "Very good", 18: "Good", 24: "Small file" }; // by the CRF of the encoder
const SAVED = { waiting: "Saving…", saving: "Saving…", saved: "Saved", failed: "Not saved" };

/** The head; `store` is the film that is edited, if one is. */
export function head({ clips = [], opening, store, saving, problem, isSending }) {
  return html`${clips.length ? html`<div class="row bar-row" data-key="bar">
      <label class="which"><span class="hidden">Clip</span><select>${clips.map(({ id, title }) => html`<option value="${id}">${title}</option>`)}</select></label>
      ${store ? html`${length(store, saving)}${acts(store.history, isSending)}` : ""}${opening && html`<span class="quiet small" data-key="opening" role="status">Opening…</span>`}</div>` : EMPTY}
    ${problem && html`<p class="alert" data-key="problem" role="alert">${problem} <button type="button" class="button small" data-do="retry">Try again</button></p>`}
    ${store && saving?.step === "failed" ? unsaved(saving) : ""}
    ${store?.remarks.length ? html`<details class="remarks small" data-key="remarks"><summary>${store.remarks.length} ${store.remarks.length > 1 ? "remarks" : "remark"}</summary>${store.remarks.map((each) => html`<p>${each}</p>`)}</details>` : ""}`;
}

const EMPTY = html`<div class="empty stack" data-key="empty"><h2>A clip becomes a film</h2>
  <p>Add a clip of somebody who talks to the camera. Pauses and slips go, what is said becomes text, and you change every part of it.</p>
  <p><button type="button" class="button main" data-do="create">Add a clip</button></p></div>`;

const length = ({ time }, saving) => html`<span class="number length" data-key="length"><b>${clockText(time.film_s, 1)}</b> <span class="quiet">of ${clockText(time.clip_s, 1)}</span></span>
  <span class="quiet small saved" data-key="saved" role="status">${SAVED[saving?.step] ?? ""}</span>`;

const acts = ({ before, after }, isSending) => html`<span class="row ends" data-key="ends">
  <button type="button" class="button small" data-do="undo" ${before.length ? "" : html`disabled`}>Undo</button>
  <button type="button" class="button small" data-do="redo" ${after.length ? "" : html`disabled`}>Redo</button>
  <button type="button" class="button small" data-do="again">Look into it again</button>
  <label class="quality"><span class="hidden">Quality</span><select>${Object.entries(QUALITY).map(([crf, title]) => html`<option value="${crf}">${title}</option>`)}</select></label>
  <button type="button" class="button main" data-do="finish" ${isSending ? html`disabled` : ""}>Finish</button></span>`;

const unsaved = ({ problem, isOld }) => html`<p class="alert warn" data-key="unsaved" role="alert">${problem}
  ${isOld && html` <button type="button" class="button small" data-do="over">Keep this one</button> <button type="button" class="button small" data-do="theirs">Show the other one</button>`}</p>`;
