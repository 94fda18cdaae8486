"""Style samples: a few views spread over a clip, from which an engine learns its colours once for all windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import Style, View
from pipeline.plan.stable_picture import StablePicture
from pipeline.stage import Stage, Work
from pipeline.types import References
from utils.digest import canonical_json, digest_bytes
from utils.media.timebase import Span
from utils.media.video import ClipFrames, Frame
from utils.store import Entry

FEW = 6
"""Views that are sampled where the analysis kept none with the person."""
_PARTS = ("rgb", "matte", "keypoints", "corner")


@dataclass(frozen=True)
class StyleSamples:
    """The sampled views of a clip, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    def views(self) -> list[View]:
        """The views, in the order of their frames."""
        with np.load(self.entry.path("samples.npz"), allow_pickle=False) as arrays:
            return [
                View(
                    int(index),
                    arrays[f"rgb{number}"],
                    arrays[f"matte{number}"],
                    arrays[f"keypoints{number}"],
                    tuple(arrays[f"corner{number}"].tolist()),
                )
                for number, index in enumerate(arrays["indices"])
            ]

    def style(self, references: References) -> Style:
        """The style of the whole clip for an engine: sampled views and the reference pictures."""
        digest = digest_bytes(canonical_json([self.digest, references.digest]))
        return Style(digest, self.views(), references.read())


def _sample(work: Work) -> None:
    stable: StablePicture = work.inputs["stable"]
    views = list(_views(stable, whole=work.settings["generate.apply_to"] != "person"))
    arrays: dict[str, NDArray[Any]] = {"indices": np.array([view.index for view in views], int)}
    for number, view in enumerate(views):
        arrays |= {f"{part}{number}": np.asarray(getattr(view, part)) for part in _PARTS}
    np.savez(work.folder / "samples.npz", **arrays)


def _views(stable: StablePicture, *, whole: bool) -> Iterator[View]:
    """Views of the frames that the analysis kept; where none of them shows the person, of a few frames that do."""
    has_person = False
    for frame in stable.analysis.sample_frames():
        if (view := _view(stable, frame, whole=whole)) is not None:
            has_person = True
            yield view
    if not has_person:
        shown = [index for index, box in enumerate(stable.analysis.boxes) if box]
        for frame in ClipFrames.of(stable.clip).read(shown[:: max(1, len(shown) // FEW)]):
            if (view := _view(stable, frame, whole=whole)) is not None:
                yield view


def _view(stable: StablePicture, frame: Frame, *, whole: bool) -> View | None:
    """The view of one frame, cut to the person; None where there is nothing to show."""
    span = Span(frame.index, frame.index + 1)
    box = stable.box(span, whole=whole)
    return None if box is None else stable.view(frame.index, frame.rgb, next(stable.analysis.mattes(span)), box)


STYLE_SAMPLES = Stage(
    "samples", version=1, run=_sample, settings=("generate.apply_to",), tools=("numpy", "opencv-contrib-python", "av")
)
