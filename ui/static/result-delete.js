// Deletes a result on its page, after a question that says what goes and what stays.
import { ask, bytesText, html, tell } from "./shared.js";

/** The question, in place of the button. */
export function askToDelete({ title, files, bytes, ask_first: others }) {
  const more = files.length - 1;
  const what = more > 0 ? `The finished clip, ${more} more ${more > 1 ? "files" : "file"}` : "The finished clip";
  return html`<div class="card asking" role="group" aria-label="${`Confirm: delete the result of ${title}`}">
    <p><b>Delete this result?</b> ${others && "It was made in another browser. "}${what} and the copies for this page
      (${bytesText(bytes)}) go, and its job in the list of jobs. The source clip stays, and so does the cache, from which the
      same job is made again quickly.</p>
    <div class="row"><button type="button" class="button bad sure">Delete</button>
      <button type="button" class="button keep">Keep</button></div></div>`;
}

/** Delete it; returns whether that worked. */
export async function deleteResult({ job, title }) {
  try {
    await ask(`jobs/${job}/remove`, { method: "POST", json: { sure: true } });
  } catch (problem) {
    tell(problem.message, "bad");
    return false;
  }
  tell(`The result of ${title} was deleted.`);
  return true;
}
