"""Looks of the engine `restyle` on a film: the tone of its clip, measured once, and the painter of a whole picture."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pipeline.engines.looks.brush import painter
from pipeline.engines.looks.tone import Tone, levels_of, unit_without_person
from pipeline.engines.restyle import ENGINE
from pipeline.run import Run
from pipeline.stage import Stage, Work
from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.video import ClipFrames

FACTS, SAMPLED, STEP_PX = "tone.json", 12, 4
"""How many frames of a clip are looked at, and every how many of their pixels."""


@dataclass(frozen=True)
class DrawnLook:
    """A look for pictures of one clip; what paints them is made when the first one is painted."""

    name: str
    seed: int
    tone: Tone

    def paint(self, rgb: RGB) -> RGB:
        """A picture in the look."""
        return self._paint(rgb)

    @cached_property
    def _paint(self) -> Callable[[RGB], RGB]:
        return painter(self.name, self.tone, self.seed)

    @property
    def told(self) -> Any:
        """All that decides what is painted, as JSON values; EngineError where the look's networks are missing."""
        models = dict(ENGINE.models({"generate.look": self.name}))
        told = ["look", self.name, self.seed, ENGINE.version, self.tone.unit, self.tone.levels.tolist()]
        return [*told, models] if models else told


def tone_of(clip: Clip, size: Size, run: Run) -> Tone:
    """The tone of a clip whose film has this size. It is that of the whole clip, so that no cut changes it."""
    levels = json.loads(run.take(TONE, clip=clip).read_bytes(FACTS))
    return Tone(np.asarray(levels, np.float32), unit_without_person(size.height_px))


def _measure(work: Work) -> None:
    """Percentiles of the luma in frames spread over a clip."""
    clip: Clip = work.inputs["clip"]
    wanted = sorted({(2 * number + 1) * len(clip) // (2 * SAMPLED) for number in range(SAMPLED)})
    cut = slice(STEP_PX // 2, None, STEP_PX)
    colours = list[Any]()
    for done, frame in enumerate(ClipFrames.of(clip).read(wanted), start=1):
        colours.append(frame.rgb[cut, cut].reshape(-1, 3))
        work.report(done, len(wanted))
    levels = levels_of(np.concatenate(colours))
    (work.folder / FACTS).write_text(json.dumps(levels.tolist()))


TONE = Stage("film tone", version=1, run=_measure, tools=("av", "numpy", "opencv-contrib-python"))
