"""The survey: a dozen views of the whole clip, from which engines learn its colours, the same for every window."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import View
from pipeline.stable import Staging
from pipeline.stage import Stage, Work
from utils.store import Entry
from utils.timebase import Span
from utils.video import ClipFrames

VIEWS = 12
_PARTS = ("rgb", "matte", "keypoints", "corner")


@dataclass(frozen=True)
class Survey:
    """Views spread over a clip, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    def views(self) -> list[View]:
        """In the order of their frames."""
        with np.load(self.entry.path("survey.npz"), allow_pickle=False) as kept:
            return [
                View(
                    int(index),
                    kept[f"rgb{number}"],
                    kept[f"matte{number}"],
                    kept[f"keypoints{number}"],
                    tuple(kept[f"corner{number}"].tolist()),
                )
                for number, index in enumerate(kept["indices"])
            ]


def _look(work: Work) -> None:
    staging, whole = Staging.of(work.inputs), work.chosen["generate.apply_to"] != "person"
    count = len(staging.clip)
    seen = [index for index in range(count) if whole or staging.seen.boxes[index]]
    wanted = _spread(seen)
    views = list(_views(staging, wanted, whole=whole))
    arrays: dict[str, NDArray[Any]] = {"indices": np.array(wanted, int)}
    for number, view in enumerate(views):
        arrays |= {f"{part}{number}": np.asarray(getattr(view, part)) for part in _PARTS}
    np.savez(work.folder / "survey.npz", **arrays)


def _views(staging: Staging, wanted: Sequence[int], *, whole: bool) -> Iterator[View]:
    for frame in ClipFrames.of(staging.clip).read(wanted):
        here = Span(frame.index, frame.index + 1)
        box = staging.box(here, whole=whole)
        if box is not None:
            yield staging.view(frame.index, frame.rgb, next(staging.seen.mattes(here)), box)


def _spread(indices: Sequence[int]) -> list[int]:
    """So many of them as a survey has, evenly spread."""
    if len(indices) <= VIEWS:
        return list(indices)
    return [indices[position] for position in np.linspace(0, len(indices) - 1, VIEWS).round().astype(int)]


SURVEY = Stage(
    "survey", version=1, run=_look, settings=("generate.apply_to",), tools=("numpy", "opencv-contrib-python", "av")
)
