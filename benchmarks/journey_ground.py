"""The ground of the quality measures: a rendered walker with its ground truth, and the results of runs on it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.engines.base import Engine
from pipeline.processor import restyle
from pipeline.report.journey import Journey
from pipeline.see.open_clip import open_clip
from pipeline.settings import Settings
from pipeline.stage import RunContext
from tests.journeys import filmed, with_settings
from utils.image.geometry import Matrix, inverse, normal
from utils.media.clip import Clip
from utils.store import Store
from utils.walker import Shot
from utils.walker.record import TruthFile
from utils.walker.reels import Reels, film
from utils.walker.scene import Scene


@dataclass(frozen=True)
class Line:
    """One row of the table. `met` is None for a number without a limit."""

    what: str
    asked: str
    measured: str
    met: bool | None


def at_least(what: str, least: float, value: float, unit: str = "") -> Line:
    """A row for a number with a lower limit."""
    return Line(what, f">= {least:g}{unit}", f"{value:.3f}{unit}", value >= least)


def at_most(what: str, most: float, value: float, unit: str = "") -> Line:
    """A row for a number with an upper limit."""
    return Line(what, f"<= {most:g}{unit}", f"{value:.3f}{unit}", value <= most)


@dataclass(frozen=True)
class Ground:
    """A shot as a file with sound, its ground truth, and runs on it in one cache; each is computed on demand."""

    shot: Shot
    folder: Path
    rounds: int
    _journeys: dict[str, Journey] = field(default_factory=dict)

    @cached_property
    def path(self) -> Path:
        return filmed(self.folder, self.shot, sound=True)

    @cached_property
    def truth(self) -> TruthFile:
        """The ground truth of the shot, rendered once more with it."""
        film(self.shot, Reels(self.folder / "again.mp4", truth=self.folder / "truth.npz"))
        return TruthFile.load(self.folder / "truth.npz")

    @cached_property
    def scene(self) -> Scene:
        return Scene(self.shot)

    @cached_property
    def cameras(self) -> Matrix:
        """The true cameras: homographies from each frame to the walker's own stable picture."""
        return np.array([self.scene.view(index).camera for index in range(self.shot.frames)])

    @cached_property
    def bench(self) -> RunContext:
        return bench_of(self.folder / "cache", "balanced")

    @property
    def clip(self) -> Clip:
        return open_clip(self.path, self.bench)

    def journey(self, engine: Engine | None = None, **changed: Any) -> Journey:
        """A run of the preset balanced with some settings changed, whose dots are written as two underscores."""
        name = f"{engine.name if engine else ''} {sorted(changed.items())}"
        if name not in self._journeys:
            self._journeys[name] = restyle(self.clip, with_settings(self.bench, **changed), engine)
        return self._journeys[name]


Measure = Callable[[Ground], Iterator[Line]]
"""A measure, which yields some rows of the table."""


@contextmanager
def standing(shot: Shot, rounds: int) -> Iterator[Ground]:
    """The ground in a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        yield Ground(shot, Path(name), rounds)


def bench_of(folder: Path, preset: str) -> RunContext:
    """A cache of its own, and a preset exactly as users get it."""
    return RunContext(Store(folder), Settings.load(preset, {}).flat(), lambda progress: None)


def to_first(cameras: Matrix) -> Matrix:
    """Homographies from each frame to the first, as a measured camera has them."""
    return normal(inverse(cameras[0]) @ cameras)
