// The cues of a film's subtitles: JSON text within the plan, a line for each cue, which words that go or are corrected change.

const TOGETHER = /[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]/; // scripts without spaces

/** The text of words, with spaces where their script has them. */
export const joined = (words) => words.reduce((text, word) => text + (!text || (TOGETHER.test(text.at(-1)) && TOGETHER.test(word[0])) ? "" : " ") + word, "");

let last = { text: null, read: null };

/** {language, source, cues} of a plan; null where its subtitles are a file, or none. */
export function read(plan) {
  const text = plan.subtitles?.cues;
  if (!text) return null;
  if (last.text !== text) last = { text, read: parsed(text) };
  return last.read;
}
function parsed(text) {
  if (text.includes("-->") && !text.trimStart().startsWith("{")) return { language: null, source: "srt", cues: [...timed(text)] };
  try {
    const told = JSON.parse(text);
    return Array.isArray(told.cues) ? told : null;
  } catch {
    return null;
  }
}

/** The cues of SRT or VTT, which a plan may hold as well. */
function* timed(text) {
  const time = "(?:(\\d+):)?(\\d+):(\\d+)[.,](\\d{3})", line = new RegExp(`^\\s*${time}\\s*-->\\s*${time}`);
  const ms = ([hours = 0, minutes, seconds, rest]) => ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Number(rest);
  for (const block of text.replace(/\r/g, "").split(/\n\s*\n/)) {
    const lines = block.split("\n"), at = lines.findIndex((each) => line.test(each));
    if (at < 0) continue;
    const found = line.exec(lines[at]).slice(1), said = lines.slice(at + 1).join("\n").trim();
    if (said) yield { text: said, start_ms: ms(found.slice(0, 4)), end_ms: ms(found.slice(4)), words: [] };
  }
}

/** A plan with these cues; without subtitles where there is none. The film puts them in order. */
export function withCues(plan, cues, head = read(plan)) {
  if (!cues.length) return { ...plan, subtitles: null };
  const { cues: _, ...about } = head ?? { language: null, source: "json" };
  const rows = cues.map(({ text, ...each }) => JSON.stringify({ text, ...each }));
  const usual = plan.subtitles ?? { on: true, karaoke: false };
  return { ...plan, subtitles: { ...usual, file: "", cues: `${JSON.stringify(about).slice(0, -1)}, "cues": [\n${rows.join(",\n")}\n]}\n` } };
}

/** Where a new cue belongs among others. */
export function placeFor(cues, start_ms) {
  const later = cues.findIndex((each) => each.start_ms > start_ms);
  return later < 0 ? cues.length : later;
}

const overlap = (one, two) => Math.min(one.end_ms, two.end_ms) - Math.max(one.start_ms, two.start_ms);

/** The place of the cue in which something that was said is shown; -1 if in none. */
function placeOf(cues, said) {
  const overlaps = cues.map((each) => overlap(each, said)), most = Math.max(...overlaps);
  return most > 0 ? overlaps.indexOf(most) : -1;
}

/**
 * A plan whose subtitles follow the words: of each cue that was said, `before` and `after` are its words with what each
 * is called and whether it is cut. Words with times of their own are left to the film, which shows none that is cut; where
 * times are estimated, a cue's text is that of the words that stay. Text that people wrote themselves is left alone.
 */
export function follow(plan, before, after, isEstimated) {
  const head = read(plan);
  if (!plan.subtitles || (plan.subtitles.cues && !head)) return plan;
  let cues = head?.cues ?? [];
  const textOf = (words) => joined(words.filter(({ why }) => !isEstimated || !why).map(({ text }) => text));
  after.forEach((now, at) => {
    const was = before[at], old = textOf(was.words), fresh = textOf(now.words);
    if (old === fresh) return;
    const place = placeOf(cues, now);
    if (place < 0) {
      if (isEstimated && fresh) cues = cues.toSpliced(placeFor(cues, now.start_ms), 0, { text: fresh, start_ms: now.start_ms, end_ms: now.end_ms, words: [] });
    } else if (isEstimated && !fresh) cues = cues.toSpliced(place, 1);
    else cues = cues.with(place, reworded(cues[place], was, now, old, fresh));
  });
  return head && cues === head.cues ? plan : withCues(plan, cues, head);
}

function reworded(cue, was, now, old, fresh) {
  const changed = new Map(now.words.filter((word, at) => word.text !== was.words[at].text).map((word) => [word.start_ms, word.text]));
  const words = (cue.words ?? []).map((word) => (changed.has(word.start_ms) ? { ...word, text: changed.get(word.start_ms) } : word));
  if (cue.text === old) return { ...cue, text: fresh, words };
  let text = cue.text; // people wrote it otherwise: only what was corrected changes
  now.words.forEach((word, at) => { if (word.text !== was.words[at].text) text = text.replace(was.words[at].text, () => word.text); });
  return { ...cue, text, words };
}
