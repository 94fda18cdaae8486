"""A guide that people gave: a clip whose picture n leads the model in frame n, in place of one drawn from the source.

Its pictures are in the source's own frame, as a camera saw it. They go through the same transform as the source's
picture does, so that they lie over it in the crop of the stable picture that an engine sees.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import cv2

from pipeline.engines.base import Engine, View
from pipeline.make.fitting import filled
from pipeline.plan.stable_picture import StablePicture, warped
from pipeline.see.analysis import listed, stretches
from pipeline.see.mended_matte import Take
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext, Stage, Work
from pipeline.types import NO_CONTROL
from utils.digest import canonical_json, digest_bytes
from utils.errors import ClipError
from utils.image import RGB, Box, Size
from utils.media.clip import Clip
from utils.media.clip_part import part_of
from utils.media.timebase import Span
from utils.media.video import ClipFrames
from utils.store import Entry

KERNEL = cv2.INTER_LINEAR
"""Nearest breaks the thin lines of skeletons and edges; kernels that overshoot make hues that mean another motion."""
NEAR_LEVELS, NEAR_SHARE = 8, 0.999
"""So many pixels of a picture that guides nothing are so near to the grey: lossy compression strays from it."""
SHAPE_PX = 2
"""By so much a guide of the clip's shape may be too long: its sides are even numbers."""


@dataclass(frozen=True)
class GivenGuide:
    """A guide that fits its clip: both begin at the same frame, and have as many."""

    clip: Clip
    entry: Entry

    @property
    def digest(self) -> str:
        """Digest of all that its pictures depend on."""
        return digest_bytes(canonical_json([KERNEL, self.clip.digest, self.entry.digest]))

    @cached_property
    def free(self) -> tuple[Span, ...]:
        """The stretches of frames in which it guides nothing."""
        return tuple(Span(*each) for each in json.loads(self.entry.read_bytes("free.json")))

    def pictures(self, span: Span, size: Size) -> Iterator[RGB | None]:
        """Its pictures of a span, at the size of the source's; None for frames in which it guides nothing."""
        for frame in ClipFrames.of(self.clip, size).read(span):
            yield None if any(frame.index in each for each in self.free) else frame.rgb

    def window(self, stable: StablePicture, span: Span, box: Box) -> "WindowGuide":
        """What leads the views of a span in a box of the stable picture."""

        def pictures() -> Iterator[RGB | None]:
            for index, picture in zip(span, self.pictures(span, stable.clip.size), strict=True):
                to_crop = stable.frame_to_crop(index, box)
                yield None if picture is None else warped(picture, to_crop, box.size, KERNEL)

        return WindowGuide(span.start, pictures)

    def frame(self, view: View, size: Size) -> "WindowGuide":
        """What leads a single view, which is a part of its own frame at this size."""
        span, (left, top) = Span(view.index, view.index + 1), view.corner
        part = Box(left, top, left + view.size.width_px, top + view.size.height_px).slices
        return WindowGuide(
            view.index, lambda: (each if each is None else each[part] for each in self.pictures(span, size))
        )


@dataclass
class WindowGuide:
    """Gives the guide's pictures of a window's views. All of them are read when the first is asked for."""

    first: int
    """The window's first frame."""
    pictures: Callable[[], Iterator[RGB | None]]
    """All pictures of the window, in its crop."""
    _read: list[RGB | None] = field(default_factory=list)

    def __call__(self, view: View) -> RGB | None:
        """The picture of a view; views beyond the window's last, which only fill it up, are as that one."""
        if not self._read:
            self._read = list(self.pictures())
        picture = self._read[min(view.index - self.first, len(self._read) - 1)]
        return None if picture is None else filled(picture, view.size)


def given_guide(take: Take, clip: Clip, context: RunContext, engine: Engine) -> tuple[GivenGuide | None, str]:
    """The guide of the settings, if there is one and the engine can be led; and a sentence for people, or nothing.

    An error says what would fit where it does not fit the clip.
    """
    path = context.settings["generate.guide"]
    if not path:
        return None, ""
    if not engine.caps.controls:
        return None, f"{engine.name} is not led by a guide."
    clip_of_guide = _fitted(open_clip(Path(path), replace(context, settings={})), clip)
    guide = GivenGuide(clip_of_guide, take(TAKE_GUIDE, guide=clip_of_guide))
    free = guide.free
    return guide, f"The guide leaves frames {listed(free)} free: nothing leads {engine.name} there." if free else ""


def _fitted(guide: Clip, clip: Clip) -> Clip:
    """The part of a guide that is for a clip: one for all frames of the file is cut as the clip was."""
    size = Size(*(side - side % 2 for side in clip.size))
    remedy = f"Make it with --size {size} --fps {clip.rate} --frames {len(clip)}, or leave it out."
    if not _alike(guide.size, clip.size):
        raise ClipError(f"The guide is {guide.size}, which is not the shape of the clip, {clip.size}.", remedy)
    if len(guide) == len(clip):
        return guide
    if len(guide) == len(clip.of_file):
        return part_of(guide, Span(clip.start, clip.start + len(clip)))
    raise ClipError(f"The guide has {len(guide)} frames, and the clip {len(clip)}.", remedy)


def _alike(one: Size, other: Size) -> bool:
    """Whether pictures of these sizes have the same shape."""
    across = abs(one.width_px * other.height_px - one.height_px * other.width_px)
    return across <= SHAPE_PX * max(other)


def _take_guide(work: Work) -> None:
    guide: Clip = work.inputs["guide"]
    free = list[bool]()
    for frame in ClipFrames.of(guide):
        free.append(guides_nothing(frame.rgb))
        work.report(frame.index + 1, len(guide))
    spans = [[span.start, span.stop] for span in stretches(free)]
    (work.folder / "free.json").write_text(json.dumps(spans))


def guides_nothing(picture: RGB) -> bool:
    """Whether a guide's picture is the grey of frames that nothing guides, also after lossy compression."""
    near = cv2.inRange(picture, (NO_CONTROL - NEAR_LEVELS,) * 3, (NO_CONTROL + NEAR_LEVELS,) * 3)
    return bool(cv2.countNonZero(near) >= NEAR_SHARE * near.size)


TAKE_GUIDE = Stage("given guide", version=1, run=_take_guide, tools=("av", "opencv-contrib-python"))
