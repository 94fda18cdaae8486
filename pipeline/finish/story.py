"""Finishing as one function that reads from top to bottom: `finish`."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from pipeline.finish.film.built import Builder, Built
from pipeline.finish.film.chunks import CHUNK, FILM_CHUNK, QUALITY, FilmChunk
from pipeline.finish.film.encoder import SETTING as ENCODER
from pipeline.finish.film.encoder import choose_encoder, fall_back
from pipeline.finish.film.files import Files, Find
from pipeline.finish.film.heard import FACTS, FILM_SOUND, SOUND, remark
from pipeline.finish.film.plan import Plan
from pipeline.result.spent import Spent, machine_figures
from pipeline.run import Run
from pipeline.stage import RunContext, Spread
from pipeline.types import Done, Event
from utils.atomic_file import explained, write_atomically
from utils.errors import WriteError
from utils.film.film import Film, Showing
from utils.graphics_card import CardUse
from utils.image import Size
from utils.media.clip import Clip
from utils.media.encoders import X264
from utils.media.joined import Piece, write_joined
from utils.process_resources import growing_in_place, peak_mb, release_free_memory
from utils.progress import Progress
from utils.speech.subtitles import as_ass, as_srt
from utils.store import Entry

PREVIEW = {"encode.crf": 26, "encode.x264_preset": "ultrafast", "encode.encoder": X264}
"""How a preview is encoded, at half the size."""
TIDIED = 40
"""After so many encoded chunks free memory is given back; gaps between what stays would add up over hours."""


@dataclass(frozen=True)
class Finished:
    """Everything that a finished run produced; the film itself is joined where it is wanted, and nowhere else."""

    clip: Clip
    plan: Plan
    built: Built
    chunks: tuple[Entry, ...]
    sound: Entry | None
    settings: Mapping[str, Any]
    seconds: float
    done: tuple[Done, ...]
    events: tuple[Event, ...]
    card: CardUse | None = None
    """How the graphics card was used meanwhile, if there is one."""

    @property
    def film(self) -> Film:
        return self.built.film

    @property
    def encoded(self) -> int:
        """How many chunks were encoded in this run; the others were there."""
        return sum(not entry.hit for entry in self.chunks)

    @property
    def spent(self) -> Spent:
        """What was computed for it, and what the cache had."""
        return Spent.of(self.done)

    @property
    def quality(self) -> dict[str, float]:
        """How near encoded frames are to what was drawn: means over a frame of each chunk."""
        told = [json.loads(entry.read_bytes(QUALITY)) for entry in self.chunks]
        return {name: round(fmean(each[name] for each in told), 4) for name in ("ssim", "psnr_db")}

    def write(self, out: Path) -> None:
        """Join the film to a file; its subtitles are written beside it."""
        release_free_memory()  # of encoders: the index of a file of hours takes its place
        spans = self.film.chunks()
        pieces = [Piece(entry.path(CHUNK), len(span)) for entry, span in zip(self.chunks, spans, strict=True)]
        with growing_in_place():
            write_joined(out, pieces, self.film.rate, self.sound.path(SOUND) if self.sound else None)
        for path, text in self.subtitles(out).items():
            with explained(path):
                write_atomically(path, text)

    def subtitles(self, out: Path) -> dict[Path, str]:
        """The subtitles beside a film, if it has some."""
        cues = [line.cue(self.film.rate) for line in self.built.lines]
        if not cues:
            return {}
        marked = bool(self.plan.subtitles and self.plan.subtitles.karaoke)
        styled = as_ass(cues, self.built.style.in_file(self.film.size), karaoke=marked)
        return {out.with_suffix(".srt"): as_srt(cues), out.with_suffix(".ass"): styled}


def planned(clip: Clip, inputs: Mapping[str, Path], find: Find, context: RunContext) -> Finished:
    """Draft a plan from what is known about a clip, and make its film."""
    from pipeline.finish.draft.proposed import proposed  # slow to load, and most films have a plan

    found = proposed(clip, inputs, context)
    made = finish(clip, found.plan, find, context)
    seconds, done = found.known.seconds + made.seconds, (*found.known.done, *made.done)
    return replace(made, seconds=seconds, done=done, events=(*found.events, *made.events))


def build(clip: Clip, plan: Plan, find: Find, run: Run, *, preview: bool = False) -> Built:
    """The film of a plan, by what finds its files; a preview has half the size."""
    plan.check_for(clip)
    size = clip.size.scaled(0.5, least_px=2) if preview else clip.size
    return Builder(plan, clip, Files(find, run), Size(*size)).built()


def finish(clip: Clip, plan: Plan, find: Find, context: RunContext, *, preview: bool = False) -> Finished:
    """Make the film of a plan. Every chunk is cached, so that a stopped run resumes where it was."""
    run = Run(context)
    if preview:
        run.context = replace(context, settings={**context.settings, **PREVIEW})

    # 1. Find out what is seen and heard.
    built = build(clip, plan, find, run, preview=preview)

    # 2. Mix and encode the sound, once for the whole film.
    sound = None if built.heard.silent else run.take(FILM_SOUND, heard=built.heard)
    if sound and (sentence := remark(sound.read_bytes(FACTS), built.heard.target_lufs)):
        run.events.append(Event(FILM_SOUND.name, sentence))

    release_free_memory()
    shared = None if preview else _Shared.of(plan, context)

    # 3. Draw and encode the pictures, chunk by chunk; what did not change is there already.
    choose_encoder(run, built.film.size)
    with context.card.watching():
        try:
            chunks = _chunks(run, built.film, shared)
        except WriteError as error:  # of a hardware encoder: all chunks of a film are by the same one
            if not fall_back(run, error.problem):
                raise
            chunks = _chunks(run, built.film, shared)
    if problem := context.card.problem:
        run.events.append(Event(FILM_CHUNK.name, f"The graphics card no longer said how it is used: {problem}."))
    known = (clip, plan, built, chunks, sound, run.context.settings)
    return Finished(*known, run.seconds, tuple(run.done), (*built.events, *run.events), context.card.use)


def make_chunk(clip: Clip, plan: Plan, find: Find, context: RunContext, index: int) -> Entry:
    """Make one chunk of a film and nothing else, for the run of another machine."""
    run = Run(context)
    film = build(clip, plan, find, run).film
    choose_encoder(run, film.size)
    with closing(Showing(film)) as showing:
        return _chunk(run, FilmChunk(film, film.chunks()[index], showing))


@dataclass(frozen=True)
class _Shared:
    """A film whose chunks other machines may make."""

    plan: Plan
    spread: Spread

    @classmethod
    def of(cls, plan: Plan, context: RunContext) -> "_Shared | None":
        return cls(plan, context.spread) if context.spread else None

    def offer(self, run: Run, chunks: Sequence[FilmChunk]) -> None:
        settings = run.context.settings
        keys = {index: FILM_CHUNK.key(settings, {"chunk": chunk}, {}) for index, chunk in enumerate(chunks)}
        text = settings["film.plan"].strip() or self.plan.to_yaml()
        self.spread.offer(keys, {"film.plan": text, ENCODER: settings[ENCODER]})  # which a draft would have to find


def _chunks(run: Run, film: Film, shared: _Shared | None) -> tuple[Entry, ...]:
    entries, encoded = list[Entry](), 0
    with closing(Showing(film)) as showing:
        chunks = [FilmChunk(film, span, showing) for span in film.chunks()]
        if shared:
            shared.offer(run, chunks)
        for index, chunk in enumerate(chunks):
            if shared:
                shared.spread.wait(index)
            entries.append(_chunk(run, chunk))
            encoded += not entries[-1].hit
            if encoded == TIDIED:
                release_free_memory()
                encoded = 0
    return tuple(entries)


def _chunk(run: Run, chunk: FilmChunk) -> Entry:
    """The entry of a chunk; its progress is that of the whole film."""
    listener, stop, total = run.context.listener, chunk.span.stop, len(chunk.film)

    def listen(progress: Progress) -> None:
        listener(replace(progress, done=stop, total=total) if progress.ended else progress)

    own = replace(run, context=replace(run.context, listener=listen))
    return own.take(FILM_CHUNK, chunk=chunk)


def told(made: Finished) -> dict[str, Any]:
    """What a run did, as JSON values."""
    return {
        "frames": len(made.film),
        "rate": str(made.film.rate),
        "seconds": round(made.seconds, 2),
        "chunks": len(made.chunks),
        "encoded": made.encoded,
        "encoder": made.settings["encode.encoder"],
        "cuts": len(made.film.timeline.cuts),
        "subtitles": len(made.built.lines),
        "quality": made.quality,
        "spent": made.spent.figures() | machine_figures(peak_mb(), made.card),
        "bytes": sum(entry.manifest.bytes for entry in made.chunks),
        "events": [event.sentence for event in made.events],
    }
