"""The survey: a few views of the whole clip, from which engines learn its colours, the same for every window."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import View
from pipeline.plan.stable_view import Staging
from pipeline.stage import Stage, Work
from utils.media.timebase import Span
from utils.media.video import ClipFrames, Frame
from utils.store import Entry

FEW = 6
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
    staging: Staging = work.inputs["staging"]
    views = list(_views(staging, whole=work.chosen["generate.apply_to"] != "person"))
    arrays: dict[str, NDArray[Any]] = {"indices": np.array([view.index for view in views], int)}
    for number, view in enumerate(views):
        arrays |= {f"{part}{number}": np.asarray(getattr(view, part)) for part in _PARTS}
    np.savez(work.folder / "survey.npz", **arrays)


def _views(staging: Staging, *, whole: bool) -> Iterator[View]:
    """Of the glimpses, those that show the person; where none does, of a few frames that do."""
    found = False
    for frame in staging.seen.glimpses():
        if (view := _view(staging, frame, whole=whole)) is not None:
            found = True
            yield view
    if not found:
        shown = [index for index, box in enumerate(staging.seen.boxes) if box]
        for frame in ClipFrames.of(staging.clip).read(shown[:: max(1, len(shown) // FEW)]):
            if (view := _view(staging, frame, whole=whole)) is not None:
                yield view


def _view(staging: Staging, frame: Frame, *, whole: bool) -> View | None:
    """A frame cut to what there is to see of it."""
    here = Span(frame.index, frame.index + 1)
    box = staging.box(here, whole=whole)
    return None if box is None else staging.view(frame.index, frame.rgb, next(staging.seen.mattes(here)), box)


SURVEY = Stage(
    "survey", version=1, run=_look, settings=("generate.apply_to",), tools=("numpy", "opencv-contrib-python", "av")
)
