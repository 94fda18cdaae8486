"""Preview of an alignment: both clips at one moment, and how time runs, before a job lays the foreground over."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.align.drift import Drift
from pipeline.align.report.matched_frames import MatchedFrames, Picked
from pipeline.align.report.page import WINDOW_FRAMES
from pipeline.align.report.plot import DriftPlot
from pipeline.align.report.words import Row, numbers_of, rows_of, sentence_of
from pipeline.align.story import align_clips
from pipeline.stage import RunContext
from utils.image import RGB, Size
from utils.media.clip import Clip

LONGEST_PX = 640


@dataclass(frozen=True)
class AlignPreview:
    """A frame of the foreground, what the background shows there, and the drift plot of the whole pair."""

    row: Row
    frames: int
    before: RGB = field(repr=False)
    """The frame of the foreground."""
    after: RGB = field(repr=False)
    """What the background shows in the same place at its moment; grey where nothing matches."""
    plot: str = field(repr=False)
    handle: dict[str, float] | None
    """Where the frame is on the plot."""
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """All but the pictures, as plain values."""
        size = Size.of(self.before)
        shape = {"width": size.width_px, "height": size.height_px, "frames": self.frames}
        told = {"frame": self.row.to_json(), "plot": self.plot, "handle": self.handle, "sentence": self.sentence}
        return {"at": self.row.index, **shape, **told, "events": []}


def preview_pair(background: Clip, foreground: Clip, context: RunContext, at: float | None = None) -> AlignPreview:
    """A pair `at` a share (0 to 1) of the foreground, by default where it may be furthest off; the map is kept."""
    found = align_clips(background, foreground, context, composed=False).map
    drift = Drift.of(found, background, WINDOW_FRAMES)
    index = Picked.of(found, drift).of_kind("worst")[0] if at is None else round(at * (len(foreground) - 1))
    frames = MatchedFrames(background, foreground, found, Picked({index: ""}), LONGEST_PX)
    (frame,) = frames.pictures(context.cancel.check)
    (row,) = rows_of(frames)
    plot = DriftPlot(background, foreground, found, drift)
    pictures = frame.foreground, frame.behind
    sentence = sentence_of(found, numbers_of(found))
    return AlignPreview(row, len(foreground), *pictures, plot.svg(), plot.handle(index), sentence)
