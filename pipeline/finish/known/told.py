"""What is known about a clip as people read it, and as programs and other tools do: words, JSON, subtitle files."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.finish.known.story import Known
from pipeline.lasting import lasting_of
from utils.atomic_file import explained, write_atomically
from utils.media.loudness import Loudness
from utils.speech.subtitles import AssStyle, as_ass, as_srt, as_vtt

SHOWN_WORDS = 60
SHOWN = 5
SOURCES = {"srt": "the given subtitles", "vtt": "the given subtitles", "json": "the given transcript"}


def document(known: Known) -> dict[str, Any]:
    """Everything, as plain values."""
    contents, transcript = known.contents, known.transcript
    topics = contents.topics if contents else ()
    return {
        "clip": {
            "digest": known.clip.digest,
            "frames": len(known.clip),
            "rate": str(known.clip.rate),
            "length_ms": round(known.clip.duration_s * 1000),
        },
        "sound": asdict(known.sound.facts),
        "loudness": _loudness(known.loudness) if known.loudness else None,
        "speech": known.silences.speech,
        "pauses": known.pauses,
        "pauses_by": known.silences.by,
        "transcript": transcript.to_json(),
        "understood": known.understood.to_json() if transcript != known.understood else None,
        "struck": known.changed.struck,
        "fillers": [asdict(each) for each in contents.fillers] if contents else [],
        "takes": [asdict(each) for each in contents.takes] if contents else [],
        "topics": [asdict(each) for each in topics],
        "highlights": contents.highlights if contents else (),
        "cuts": known.cuts,
        "faces": [{"frame": look.index, "boxes": [asdict(face) for face in look.faces]} for look in known.seen.looks],
        "focus": [[round(value, 4) for value in row] for row in known.focus.tolist()],
        "changes": known.changes.to_json(),
        "stages": [{**done.to_json(), "lasting": lasting_of(done.name)} for done in known.done],
        "events": [{"stage": each.stage, "level": each.level, "sentence": each.sentence} for each in known.events],
        "seconds": round(known.seconds, 3),
    }


def _loudness(loud: Loudness) -> dict[str, float]:
    return {"lufs": loud.lufs, "range_lu": loud.range_lu, "peak_db": round(loud.peak_db, 2)}


def sentences(known: Known) -> Iterator[str]:
    """What is known, in plain words."""
    yield from _of_sound(known)
    yield from _of_words(known)
    yield from _of_pictures(known)
    if count := len(known.changes.kept) + len(known.changed.kept):
        yield f"Put back: {_counted(count, 'part')} of the clip, which no new cut takes."
    yield from (event.sentence for event in known.events)
    yield from _of_stages(known)


def write(known: Known, folder: Path) -> list[Path]:
    """Write everything into a folder: known.json, and the transcript as files that other programs read."""
    size, cues = known.clip.size, known.transcript.cues
    files = {"known.json": json.dumps(document(known), ensure_ascii=False, indent=1)}
    if cues:
        files |= {
            "transcript.srt": as_srt(cues),
            "transcript.vtt": as_vtt(cues),
            "transcript.ass": as_ass(cues, AssStyle.usual(*size), karaoke=True),
        }
    with explained(folder / "known.json"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_atomically(folder / name, content)
    return [folder / name for name in files]


def _of_sound(known: Known) -> Iterator[str]:
    length_s, pauses = float(known.clip.duration_s), known.pauses
    yield f"{length_s:.1f} s, {len(known.clip)} frames."
    if known.loudness:
        loud = known.loudness
        yield f"Loudness {loud.lufs:.1f} LUFS, range {loud.range_lu:.1f} LU, peak {loud.peak_db:.1f} dB."
    if known.silences.speech:
        cut_s = sum(last - first for first, last in pauses) / 1000
        how = "by its voice" if known.silences.by == "voice" else "by level"
        yield f"Speech found {how}; {_counted(len(pauses), 'pause')} of {cut_s:.1f} s in all may be cut."


def _of_words(known: Known) -> Iterator[str]:
    transcript, contents = known.transcript, known.contents
    if not transcript.cues:
        return
    by = SOURCES.get(transcript.source, transcript.source)
    language = f" in {transcript.language!r}" if transcript.language else ""
    count = _counted(len(transcript.words), "word")
    yield f"{count}{language} in {_counted(len(transcript.cues), 'cue')}, by {by}:"
    yield f"  {_shortened(transcript.text.replace(chr(10), ' '))}"
    if known.changed.struck:
        yield f"Struck out: {_counted(len(known.changed.struck), 'word')}."
    if contents is None:
        return
    if contents.fillers:
        yield f"{_counted(len(contents.fillers), 'filler word')}: {_listed([each.text for each in contents.fillers])}."
    if contents.takes:
        yield f"Said again, {_counted(len(contents.takes), 'take')}: {_listed([each.text for each in contents.takes])}."
    for index in contents.highlights[:SHOWN]:
        cue, topic = transcript.cues[index], contents.topics[index]
        yield f"Stands out at {cue.start_ms / 1000:.1f} s ({', '.join(topic.keywords)}): {_shortened(cue.text)}"


def _of_pictures(known: Known) -> Iterator[str]:
    cuts = known.cuts
    if cuts:
        yield f"{len(cuts) + 1} shots; new ones begin at frames {_listed([str(cut) for cut in cuts])}."
    share = known.seen.with_faces
    yield f"A face is seen in {100 * share:.0f} % of the moments looked at." if share else "No face is seen."


def _of_stages(known: Known) -> Iterator[str]:
    hits = [done for done in known.done if done.hit]
    total = f"{len(known.done)} steps in {known.seconds:.1f} s"
    yield f"{total}, {len(hits)} of them from the cache." if hits else f"{total}."


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _shortened(text: str) -> str:
    words = text.split()
    return " ".join(words[:SHOWN_WORDS]) + (" ..." if len(words) > SHOWN_WORDS else "")


def _listed(texts: list[str]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(text.strip(" ,.") for text in texts[:SHOWN]) + more
