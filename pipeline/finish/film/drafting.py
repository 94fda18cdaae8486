"""Drafting: a first plan for a clip, from what is known about it and the files that people have."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from os.path import relpath
from pathlib import Path

from pipeline.finish.film.cues import Cue, read_cues
from pipeline.finish.film.plan import (
    Between,
    Broll,
    Cut,
    MusicPlan,
    Picture,
    Plan,
    Subtitles,
    ZoomPlan,
    about,
)
from utils.errors import SettingsError
from utils.media.clip import Clip
from utils.untrusted_json import UntrustedJson, read_json

KEPT_MS, LEAST_MS = 120, 250
"""How much of a silence stays at each of its ends; and how long what is cut must be."""
APART_S, SHOWN_S = 8.0, 3.0
"""How far b-roll is apart, and how long it is seen."""
VIDEOS = {".mp4", ".mov", ".mkv", ".webm", ".m4v", ".avi"}
SHORTEST_WORD = 3


@dataclass(frozen=True)
class Materials:
    """The files that a plan is made with; any can be missing."""

    subtitles: Path | None = None
    silences: Path | None = None
    broll: Path | None = None
    music: Path | None = None
    logo: Path | None = None


@dataclass(frozen=True)
class Draft:
    """A plan, and what people should know of it."""

    plan: Plan
    remarks: tuple[str, ...] = ()


def draft(clip: Clip, materials: Materials, folder: Path) -> Draft:
    """A plan whose files are named relative to the folder where it will lie."""
    remarks = list[str]()
    cues = read_cues(materials.subtitles).cues if materials.subtitles else ()
    length_s = float(clip.duration_s)
    broll = list(_broll(materials.broll, cues, folder, length_s)) if materials.broll else []
    if materials.broll and not broll:
        why = "no name of a clip in it is a word that is said" if cues else "nothing is known of what is said"
        remarks.append(f"No b-roll of {materials.broll.name!r} is used: {why}.")
    music = materials.music and MusicPlan(file=_named(materials.music, folder))
    silences = read_silences(materials.silences) if materials.silences else ()
    made = Plan(
        clip=about(clip),
        cut=tuple(_cuts(silences, length_s)),
        speech=tuple(_speech(silences, length_s)) if silences else None,
        zoom=ZoomPlan(),
        broll=tuple(broll),
        pictures=(Picture(file=_named(materials.logo, folder), left=0.83, top=0.04, width=0.13),)
        if materials.logo
        else (),
        subtitles=Subtitles(file=_named(materials.subtitles, folder)) if materials.subtitles else None,
        music=music or None,
    )
    return Draft(made, tuple(remarks))


def read_silences(path: Path) -> tuple[tuple[int, int], ...]:
    """Silences in ms, as pairs in JSON, or under `silences`."""
    try:
        told = read_json(path.read_bytes())
        pairs = told["silences"] if isinstance(told, dict) else told
        return tuple(sorted((int(start), int(end)) for start, end in pairs if int(end) > int(start)))
    except (OSError, UntrustedJson, KeyError, TypeError, ValueError, json.JSONDecodeError) as error:
        raise SettingsError(f"{path.name!r} holds no silences.", "It holds pairs of ms: [[1200, 2400]].") from error


def _cuts(silences: tuple[tuple[int, int], ...], length_s: float) -> Iterator[Cut]:
    """What of silences is cut: all but a little at their ends, where people breathe."""
    end_ms = round(length_s * 1000)
    for start, stop in silences:
        start = start + KEPT_MS if start > 0 else 0
        stop = stop - KEPT_MS if stop < end_ms else end_ms
        if stop - start >= LEAST_MS:
            yield Cut(from_s=start / 1000, to_s=stop / 1000, why="silence")


def _speech(silences: tuple[tuple[int, int], ...], length_s: float) -> Iterator[Between]:
    """What lies between silences."""
    for (_, start), (stop, _) in pairwise([(0, 0), *silences, (round(length_s * 1000), 0)]):
        if stop > start:
            yield Between(from_s=start / 1000, to_s=stop / 1000)


def _broll(folder: Path, cues: tuple[Cue, ...], plan_folder: Path, length_s: float) -> Iterator[Broll]:
    """Clips whose names hold a word that is said, each once, where it is said first."""
    if not folder.is_dir():
        raise SettingsError(f"There is no folder {str(folder)!r}.", "Give --broll a folder with clips.")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in VIDEOS)
    free, next_s = {path: _words(path.stem) for path in files}, 0.0
    for cue in cues:
        for text, start_ms in _timed(cue):
            match = next((path for path, names in free.items() if names & _words(text)), None)
            at_s = start_ms / 1000
            if match is not None and at_s >= next_s and at_s + 1 < length_s:
                del free[match]
                next_s = at_s + APART_S
                yield Broll(file=_named(match, plan_folder), at_s=at_s, seconds=min(SHOWN_S, length_s - at_s))


def _timed(cue: Cue) -> list[tuple[str, int]]:
    """Words with the time at which each begins, or the whole text with that of the cue."""
    return [(word.text, word.start_ms) for word in cue.words] or [(cue.text, cue.start_ms)]


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"[^\W\d_]+", text.lower()) if len(word) >= SHORTEST_WORD}


def _named(path: Path, folder: Path) -> str:
    """A file's name in a plan: relative where it lies within its folder."""
    whole = path.absolute()
    return relpath(whole, folder) if whole.is_relative_to(folder) else str(whole)
