// Files that a film is made with: chosen, sent to the server, and named in its plan by their digests.
import { fileOf } from "./film-store.js";
import { ask, draw, html, remembered, resolved, tell } from "./shared.js";
import { Upload } from "./upload.js";

const PICTURES = "image/png,image/jpeg,image/webp,image/tiff,image/bmp", SOUNDS = "audio/*,.mp3,.wav,.m4a,.aac,.flac,.ogg,.opus";
const VIDEOS = "video/*,.mkv,.mov,.mts,.m2ts,.mxf", LOOK_MS = 500, SLOW_MS = 800, SENT = "film file";
const KINDS = { broll: [VIDEOS, sentClip], pictures: [PICTURES, sentTo("references")], music: [SOUNDS, sentTo("sounds")], effects: [SOUNDS, sentTo("sounds")] };

/** The file for a new item of a row: {digest, name, seconds}; undefined where it needs none, null where none was chosen. */
export async function chooseFile(row, store) {
  if (!KINDS[row]) return undefined;
  const [accept, send] = KINDS[row], others = row === "broll" ? await otherClips(store.clip) : [];
  const file = others.length ? await asked(others) : "new";
  if (file !== "new") return file;
  const picked = await pickedFile(accept);
  if (!picked) return null;
  const slow = setTimeout(tell, SLOW_MS, `${picked.name} is being sent.`, "note", SENT);
  try {
    return { ...(await send(picked)), name: picked.name };
  } catch (error) {
    tell(`${picked.name}: ${error.message}`, "bad");
    return null;
  } finally {
    clearTimeout(slow);
    resolved(SENT);
  }
}

function pickedFile(accept) {
  const input = Object.assign(document.createElement("input"), { type: "file", accept, hidden: true });
  input.setAttribute("aria-label", "File for the film");
  document.querySelector("reshoot-film").append(input);
  return new Promise((done) => {
    for (const kind of ["change", "cancel"])
      input.addEventListener(kind, (event) => {
        event.stopPropagation();
        done(input.files[0] ?? null);
        input.remove();
      });
    input.click();
  });
}

function sentTo(noun) {
  return async (file) => {
    const { digest, seconds = null } = await ask(noun, { method: "POST", body: file });
    return { digest, seconds };
  };
}

/** A clip for b-roll: uploaded as other clips are, and looked at by the server. */
async function sentClip(file) {
  const upload = new Upload(file, () => {});
  await upload.run();
  if (!upload.clip) throw new Error(upload.problem || "It was not sent.");
  return lookedAt(upload.clip);
}

async function lookedAt(clip) {
  for (;;) {
    const told = await ask(`clips/${clip}`);
    if (told.facts) return { digest: told.facts.digest, seconds: told.facts.seconds, name: told.title };
    if (told.state !== "looking") throw new Error(`${told.problem} ${told.remedy}`);
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
}

/** The other clips of this browser, which b-roll can be of. */
async function otherClips(own) {
  const listed = remembered("reshoot.clips", []).filter(({ id }) => id !== own.id);
  const told = await Promise.all(listed.map(({ id }) => ask(`clips/${id}`).catch(() => null)));
  return told.filter((each) => each?.facts).map(({ title, facts }) => ({ name: title, digest: facts.digest, seconds: facts.seconds }));
}

/** Let people choose one of their clips, or a new file. */
function asked(clips) {
  const dialog = document.createElement("dialog");
  dialog.className = "film-choice";
  dialog.setAttribute("aria-label", "Clip for b-roll");
  draw(dialog, html`<form method="dialog" class="stack"><h3>Which clip?</h3><div class="stack">
    ${clips.map(({ name }, at) => html`<button class="button" value="${at}">${name}</button>`)}
    <button class="button main" value="new">Choose a file</button><button class="button" value="">Cancel</button></div></form>`);
  document.querySelector("reshoot-film").append(dialog);
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      const { returnValue: said } = dialog;
      dialog.remove();
      done(said === "new" ? "new" : said ? clips[Number(said)] : null);
    });
  });
}

/** The clips that b-roll in a plan is of, by their names. */
export function namedClips(plan) {
  const digests = [...new Set((plan.broll ?? []).map(({ file }) => file))];
  return digests.map((digest) => ({ value: digest, title: fileOf(digest)?.name ?? "a clip" }));
}
