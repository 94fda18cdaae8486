"""Journeys for tests: small walkers on film, taken all the way by the real stages, with nothing left out."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.engines.base import Engine
from pipeline.processor import restyle
from pipeline.report.journey import Journey
from pipeline.see.open_clip import open_clip
from pipeline.settings import Settings
from pipeline.stage import RunContext
from tests.forms import FFMPEG
from tests.shared_folder import once
from utils.digest import digest_bytes
from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.probe import Limits, scan
from utils.media.video import ClipFrames
from utils.media.write import ClipWriter, Encoding, Shape
from utils.progress import Progress
from utils.store import Store
from utils.walker import Reels, Shot, film

SMALL = Shot(size=(480, 270), frames=75, seed=0)
QUICK: dict[str, Any] = {"encode.crf": 12}
RATE_HZ = 30


def filmed(folder: Path, shot: Shot = SMALL, *, sound: bool = False) -> Path:
    """A walker as a file; each shot is rendered once in a run of the tests."""
    name = f"{digest_bytes(repr(shot).encode())[:16]}.mp4"
    path = folder / "walk.mp4"
    shutil.copyfile(once(name, lambda made: film(shot, Reels(clip=made))), path)
    return sounding(path, float(shot.seconds)) if sound else path


def written(path: Path, pictures: Sequence[RGB], times: Sequence[int] | None = None) -> Path:
    """Pictures as a file; `times` are when each is shown, in thirtieths of a second."""
    size = Size.of(pictures[0])
    starts = times or range(len(pictures))
    with ClipWriter(path, Shape.steady(size, Fraction(RATE_HZ)), Encoding(12)) as writer:
        for start, stop, picture in zip(starts, [*starts[1:], starts[-1] + 1], pictures, strict=True):
            writer.write(picture, start, stop - start)
    return path


def sounding(path: Path, seconds: float, late_s: float = 0) -> Path:
    """A clip's file with a rising tone added."""
    with_sound = path.with_name("sounding.mp4")
    tone = f"aevalsrc=exprs='0.3*sin(600*t*(1+t))':s=48000:d={seconds}"
    inputs = ["-i", str(path), "-itsoffset", str(late_s), "-f", "lavfi", "-i", tone]
    subprocess.run([FFMPEG, "-v", "error", *inputs, "-c:v", "copy", "-c:a", "aac", str(with_sound)], check=True)
    return with_sound


def bench(
    folder: Path, preset: str = "fast", told: Callable[[Progress], None] | None = None, **changed: Any
) -> RunContext:
    """A cache of its own and the settings of a preset; dots are written as two underscores."""
    overrides = {name.replace("__", "."): value for name, value in changed.items()}
    return RunContext(
        Store(folder), Settings.load(preset, {**QUICK, **overrides}).flat(), told or (lambda progress: None)
    )


def journey(path: Path, on: RunContext, engine: Engine | None = None) -> Journey:
    """All the way."""
    return restyle(open_clip(path, on), on, engine)


def finished(made: Journey) -> Clip:
    """The clip that came out."""
    return scan(made.encoded.path, Limits())


def pictures(clip: Clip) -> list[RGB]:
    """Every frame."""
    return [frame.rgb for frame in ClipFrames.of(clip)]


def same(one: Clip, other: Clip) -> bool:
    """Whether two clips show the same, pixel for pixel."""
    return all((a == b).all() for a, b in zip(pictures(one), pictures(other), strict=True))


def hits(made: Journey) -> dict[str, bool]:
    """Which stages came from the cache; a stage of several parts only if all did."""
    found: dict[str, bool] = {}
    for each in made.done:
        found[each.name] = found.get(each.name, True) and each.hit
    return found


def left_over(store: Store) -> list[str]:
    """What lies in the cache's work folder, where nothing is while nobody works."""
    return [str(each) for each in (store.folder / "work").rglob("*")]


def with_settings(on: RunContext, **changed: Any) -> RunContext:
    """A context with this one's cache and other settings."""
    return replace(on, settings={**on.settings, **{name.replace("__", "."): value for name, value in changed.items()}})
