// Renders the dashboard's cards about the cache, the stages, the machine and the home. Every bar has its number as text.
import { bytesText, cardText, html, percentText, secondsText } from "./shared.js";

const CHORES = { verify: "Checking every byte", prune: "Pruning", clear: "Clearing" };
const ROOMS = {
  results: "Finished videos", cache: "Cache", uploads: "Uploads", clips: "Clips", previews: "Previews", looks: "Frame previews",
  references: "Reference pictures", forms: "Forms", models: "Models", jobs: "Jobs and logs", other: "Other",
};

export function timeText(seconds) {
  if (seconds < 0.01) return seconds > 0 ? "< 0.01 s" : "0 s";
  return seconds < 10 ? `${seconds.toFixed(seconds < 1 ? 2 : 1)} s` : secondsText(seconds);
}
const most = (list, key) => Math.max(...list.map((each) => each[key] ?? 0), 1e-9);

/** A bar, hidden from screen readers: its number is beside it as text. */
export function bar(share, kind = "") {
  return html`<div class="bar ${kind}" aria-hidden="true"><i style="width: ${(100 * Math.min(1, Math.max(0, share))).toFixed(2)}%"></i></div>`;
}

function figure(title, value, body) {
  return html`<div class="figure"><h4>${title}</h4><p class="value number">${value}</p>${body}</div>`;
}

export function cacheCard(cache, chore, aheadSpent_s) {
  const busy = chore?.state === "running";
  return html`<section class="card stack wide" aria-labelledby="dashboard-cache" data-key="cache">
    <h3 id="dashboard-cache">Cache</h3>
    ${cache ? html`<div class="figures">${asked(cache)} ${spared(cache)} ${shared(cache)} ${held(cache)}</div>${classes(cache, aheadSpent_s)}${notes(cache, aheadSpent_s)}`
            : html`<p class="quiet">Counting…</p>`}
    <div class="row chores">
      <button type="button" class="button" data-act="verify" ${busy && disabled}>Check every byte</button>
      <form class="row" data-prune>
        <label for="dashboard-to">Keep at most</label>
        <input id="dashboard-to" name="to" type="number" min="0" max="100000" step="any" value="10" required> GB
        <button class="button" ${busy && disabled}>Prune</button>
      </form>
      <button type="button" class="button bad" data-act="clear" ${(busy || !cache) && disabled}>Clear…</button>
    </div>
    <div aria-live="polite">${chore && told(chore)}</div>
  </section>`;
}
/** A button with aria-disabled; `disabled` would take the focus from a keyboard user. */
const disabled = html`aria-disabled="true"`;

function told({ kind, state, share, sentence }) {
  if (state !== "running") return html`<p class="${state === "failed" ? "alert" : "done"}">${sentence}</p>`;
  return html`<p>${CHORES[kind]}…</p>${kind === "verify" && html`<div class="bar" role="progressbar"
    aria-label="${CHORES[kind]}" aria-valuenow="${Math.floor(100 * share)}"><i style="width: ${100 * share}%"></i></div>`}`;
}

function asked({ hits, shared_hits, misses, hit_rate }) {
  const none = hits + shared_hits + misses === 0;
  return figure("Found instead of computed", none ? "nothing asked yet" : percentText(hit_rate), html`${bar(hit_rate)}
    <p class="quiet small">${hits} found${shared_hits > 0 && ` here, ${shared_hits} in the shared cache`}, ${misses} computed</p>`);
}

function spared({ hits, spared_s, read_s }) {
  if (!hits) return figure("The same results", "none yet", html`<p class="quiet small">What is found is timed both ways.</p>`);
  return figure("The same results", `${Math.round(spared_s / Math.max(read_s, 1e-6)).toLocaleString()} times faster`, html`
    <dl class="pair"><dt>computed</dt><dd>${bar(1)}</dd><dd class="number">${timeText(spared_s)}</dd>
      <dt>from the cache</dt><dd>${bar(Math.max(read_s / spared_s, 0.004))}</dd><dd class="number">${timeText(read_s)}</dd></dl>`);
}

/** What came from the cache that several homes share; nothing where there is none. */
function shared({ shared_hits, shared_spared_s, fetched_s, fetched_bytes, offered, offered_bytes }) {
  if (shared_hits + offered === 0) return false;
  const offers = html`<p class="quiet small">${offered} ${offered === 1 ? "result" : "results"} offered to others, ${bytesText(offered_bytes)}</p>`;
  if (shared_hits === 0) return figure("The shared cache", "nothing taken yet", offers);
  return figure("The shared cache", `${timeText(Math.max(0, shared_spared_s - fetched_s))} saved`, html`
    <dl class="pair"><dt>computed</dt><dd>${bar(1)}</dd><dd class="number">${timeText(shared_spared_s)}</dd>
      <dt>fetched</dt><dd>${bar(Math.max(fetched_s / shared_spared_s, 0.004))}</dd><dd class="number">${timeText(fetched_s)}</dd></dl>
    <p class="quiet small">${shared_hits} ${shared_hits === 1 ? "result" : "results"} fetched, ${bytesText(fetched_bytes)}</p>${offers}`);
}

function held({ bytes, limit_bytes, entries, free_bytes, read_bytes }) {
  return figure("Room", bytesText(bytes), html`${bar(bytes / limit_bytes)}
    <p class="quiet small">${entries} results, of ${bytesText(limit_bytes)} allowed; the disk has ${bytesText(free_bytes)} free</p>
    <p class="quiet small">${bytesText(read_bytes)} were read from here, and not made and stored once more</p>`);
}

function notes({ pinned, evicted, quarantined, quarantined_bytes, stages, ahead, ahead_used, ahead_saved_s }, aheadSpent_s) {
  const damaged = stages.reduce((sum, each) => sum + each.quarantined, 0);
  const lines = [
    ahead && `${ahead} made ahead in ${timeText(aheadSpent_s)}, of which ${ahead_used} (${percentText(ahead_used / ahead)}) were used so far, which saved ${timeText(ahead_saved_s)}.`,
    pinned && `${pinned} pinned: never removed to make room.`,
    evicted && `${evicted} removed so far to make room.`,
    damaged && `${damaged} found damaged so far, and made anew when needed.`,
    quarantined && `${quarantined} damaged put aside, ${bytesText(quarantined_bytes)}; pruning removes them first.`,
  ].filter(Boolean);
  return lines.length > 0 && html`<ul class="quiet small plain">${lines.map((line) => html`<li>${line}</li>`)}</ul>`;
}

const CLASSES = { permanent: "Permanent", conditional: "Conditional", dynamic: "Dynamic" };

/** A row for each class of results: what they depend on, and what was spared; and one for what was made ahead. */
function classes({ classes: rows, ...all }, aheadSpent_s) {
  return html`<div class="scroll" role="region" aria-label="By what results depend on" tabindex="0"><table>
    <thead><tr><th>Results</th><th class="end">Number</th><th class="end">Size</th><th class="end">Found</th><th class="end">Computing</th>
      <th class="end">Saved</th><th class="end">Not made again</th></tr></thead>
    <tbody>${rows.map(({ name, meaning, entries, bytes, found, work_s, saved_s, saved_bytes }) => html`<tr data-key="${name}">
      <th scope="row">${CLASSES[name]} <span class="quiet small">${meaning}</span></th>
      <td class="end number">${entries}</td><td class="end number">${bytesText(bytes)}</td><td class="end number">${found}</td>
      <td class="end number">${timeText(work_s)}</td><td class="end number">${timeText(saved_s)}</td>
      <td class="end number">${bytesText(saved_bytes)}</td></tr>`)}
      ${all.ahead > 0 && html`<tr data-key="ahead"><th scope="row">Made ahead <span class="quiet small">while a worker was idle</span></th>
      <td class="end number">${all.ahead}</td><td class="end number">${bytesText(all.ahead_bytes)}</td><td class="end number">${all.ahead_used}</td>
      <td class="end number">${timeText(aheadSpent_s)}</td><td class="end number">${timeText(all.ahead_saved_s)}</td><td class="end number">–</td></tr>`}
    </tbody></table></div>`;
}

export function stagesCard(cache) {
  const stages = cache?.stages ?? [];
  const top = most(stages, "work_s");
  return html`<section class="card stack wide" aria-labelledby="dashboard-stages" data-key="stages">
    <h3 id="dashboard-stages">Where the time goes</h3>
    ${stages.length === 0 ? html`<p class="quiet">Nothing was computed yet.</p>` : html`
    <div class="scroll" role="region" aria-labelledby="dashboard-stages" tabindex="0"><table>
      <thead><tr><th>Step</th><th class="long">Computing, in all</th><th class="end">each time</th><th class="end">from the cache</th>
        <th class="end">found</th><th class="end">computed</th><th class="end">kept</th></tr></thead>
      <tbody>${stages.map((each) => stage(each, top))}</tbody>
    </table></div>`}
  </section>`;
}

/** `each time` is what computing just the results that were found had taken, beside what reading them takes; of all where none was. */
function stage({ name, title, lasting, work_s, spared_s, read_s, hits, shared_hits, misses, ahead, bytes }, top) {
  return html`<tr data-key="${name}"><th scope="row">${title} <span class="quiet small">${lasting}</span></th>
    <td class="long number"><div class="beside">${bar(work_s / top)}<span>${timeText(work_s)}</span></div></td>
    <td class="end number">${hits ? timeText(spared_s / hits) : misses + ahead ? timeText(work_s / (misses + ahead)) : "–"}</td>
    <td class="end number">${hits ? timeText(read_s / hits) : "–"}</td>
    <td class="end number">${hits + shared_hits}</td><td class="end number">${misses + ahead}</td><td class="end number">${bytesText(bytes)}</td></tr>`;
}

export function machineCard({ machine, workers }) {
  return html`<section class="card stack" aria-labelledby="dashboard-machine" data-key="machine">
    <h3 id="dashboard-machine">Machine</h3>
    ${workers.length === 0 ? html`<p class="alert warn">No worker runs. Jobs wait until one does.</p>` : workers.map(worker)}
    ${gauge("Memory", machine.memory)} ${gauge("Disk", machine.disk)}
    ${(machine.gpus ?? []).map((card) => gauge(card.name, card.total === null ? null : card, "VRAM"))}
    <p class="quiet small">${machine.cores} Load ${machine.load.toFixed(1)} over the last minute; one a core keeps it busy.
      ${machine.gpus?.length === 0 && "No NVIDIA graphics card is visible; the built-in engine needs none."}</p>
  </section>`;
}

function worker({ name, job, parts, device, leaving, alive, silent_s, up_s, bytes, card, used_s, idle_s, price, made }) {
  const busy = job ? "working" : parts.length && `making ${parts.map((part) => `a ${part}`).join(" and ")}`, word_alive = leaving ? "leaving" : busy || "ready";
  const [kind, word] = !alive ? ["bad", `silent for ${secondsText(silent_s)}`] : [busy ? "busy" : "good", word_alive];
  return html`<div class="gauge" data-key="worker-${name}"><p class="row between"><span>Worker</span><span class="chip ${kind}">${word}</span></p>
    <p class="quiet small">${name}${device && `, ${device}`}${up_s !== null && `, up ${secondsText(up_s)}, ${bytesText(bytes)} of memory`}${card && `; graphics card: ${cardText(card)}`}</p>
    <p class="quiet small number">Card used for ${secondsText(used_s)}, idle for ${secondsText(idle_s)}${price !== null && `; ${price} an hour`}${made.map(
      ({ job: of, parts: count, of: all }) => `; made ${count} of ${all} parts of ${of.slice(0, 8)} (${percentText(count / all)})`)}</p></div>`;
}

function gauge(title, room, kind = "") {
  if (!room) return html`<div class="gauge"><p>${title}</p><p class="quiet small">It does not say how full it is.</p></div>`;
  const share = room.used / room.total;
  return html`<div class="gauge"><p class="row between"><span>${title} ${kind}</span>
    <span class="number">${bytesText(room.used)} of ${bytesText(room.total)}</span></p>
    ${bar(share, share > 0.92 ? "full" : "")}${share > 0.92 && html`<p class="small short">Nearly full.</p>`}</div>`;
}

export function roomCard(room, disk) {
  const taken = (room ?? []).filter((each) => each.bytes > 0), all = taken.reduce((sum, each) => sum + each.bytes, 0);
  return html`<section class="card stack" aria-labelledby="dashboard-room" data-key="room">
    <h3 id="dashboard-room">Home</h3>
    ${!room ? html`<p class="quiet">Adding up…</p>` : html`
    <p class="quiet small">${bytesText(all)} in all; the disk has ${bytesText(disk.free)} free.</p>
    <table class="sizes"><thead class="hidden"><tr><th>Folder</th><th>Share</th><th>Size</th></tr></thead>
      <tbody>${taken.map(({ name, bytes }) => html`<tr data-key="${name}"><th scope="row">${ROOMS[name] ?? name}</th>
        <td class="long">${bar(bytes / most(taken, "bytes"))}</td><td class="end number">${bytesText(bytes)}</td></tr>`)}</tbody></table>`}
  </section>`;
}
