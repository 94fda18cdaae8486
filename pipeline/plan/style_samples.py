"""Style samples: a few views spread over a clip, from which engines learn its colours, the same for every window."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import Style, View
from pipeline.plan.stable_picture import StablePicture
from pipeline.stage import Stage, Work
from pipeline.types import Reference
from utils.digest import canonical_json, digest_bytes
from utils.media.timebase import Span
from utils.media.video import ClipFrames, Frame
from utils.store import Entry

FEW = 6
_PARTS = ("rgb", "matte", "keypoints", "corner")


@dataclass(frozen=True)
class StyleSamples:
    """Views spread over a clip, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    def views(self) -> list[View]:
        """In the order of their frames."""
        with np.load(self.entry.path("samples.npz"), allow_pickle=False) as kept:
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

    def style(self, reference: Reference | None) -> Style:
        """What the whole clip is to look like, for an engine."""
        digest = digest_bytes(canonical_json([self.digest, reference and reference.digest]))
        return Style(digest, self.views(), reference.read() if reference else None)


def _sample(work: Work) -> None:
    stable: StablePicture = work.inputs["stable"]
    views = list(_views(stable, whole=work.settings["generate.apply_to"] != "person"))
    arrays: dict[str, NDArray[Any]] = {"indices": np.array([view.index for view in views], int)}
    for number, view in enumerate(views):
        arrays |= {f"{part}{number}": np.asarray(getattr(view, part)) for part in _PARTS}
    np.savez(work.folder / "samples.npz", **arrays)


def _views(stable: StablePicture, *, whole: bool) -> Iterator[View]:
    """Views of the frames that the analysis kept; where none of those shows the person, of a few frames that do."""
    found = False
    for frame in stable.analysis.sample_frames():
        if (view := _view(stable, frame, whole=whole)) is not None:
            found = True
            yield view
    if not found:
        shown = [index for index, box in enumerate(stable.analysis.boxes) if box]
        for frame in ClipFrames.of(stable.clip).read(shown[:: max(1, len(shown) // FEW)]):
            if (view := _view(stable, frame, whole=whole)) is not None:
                yield view


def _view(stable: StablePicture, frame: Frame, *, whole: bool) -> View | None:
    """A frame cut to what there is to see of it."""
    here = Span(frame.index, frame.index + 1)
    box = stable.box(here, whole=whole)
    return None if box is None else stable.view(frame.index, frame.rgb, next(stable.analysis.mattes(here)), box)


STYLE_SAMPLES = Stage(
    "samples", version=1, run=_sample, settings=("generate.apply_to",), tools=("numpy", "opencv-contrib-python", "av")
)
