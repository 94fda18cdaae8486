"""The drawing of guide pictures: for each index the picture that leads a generator there, as the plan says.

Three things are told apart: what moves is coloured, what does not move is white (in a picture of flow), and what
nothing guides is mid grey, which video models take for a frame that they are free to fill.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.guide.framing import Framing
from pipeline.guide.led import Led
from pipeline.guide.plan import GuidePlan, Structure
from pipeline.guide.terms import GuideType
from pipeline.guide.tracker import GuidanceTracker
from pipeline.make.controls import canny
from pipeline.make.skeleton import skeleton
from pipeline.types import NO_CONTROL
from utils.digest import canonical_json, digest_bytes
from utils.flow.wheel import flow_colours
from utils.image import RGB, Size
from utils.media.timebase import Span

FULL_PERCENTILE = 99.5
LEAST_FULL_PX = 1.0
"""A structure video that hardly moves anywhere is not stretched to full colour, which would show its noise."""
SAMPLED_PX = 8
"""Distance between the pixels that are looked at for the strongest motion."""


@dataclass(frozen=True)
class Drawing:
    """Draws the guide of a plan; `led` are its structures in order."""

    plan: GuidePlan
    led: tuple[Led, ...]
    type: GuideType | None = None
    """What is drawn of all structures, where that is not what each of them says."""
    scale: tuple[int, ...] | None = None
    """The frames in which the strongest motion is looked for, to which the colours of flow are scaled; None is all."""
    check: Callable[[], None] = field(default=lambda: None)
    """Called for each frame that is looked at; raises when the run is cancelled."""

    @property
    def digest(self) -> str:
        """Digest of everything that the pictures depend on."""
        return digest_bytes(canonical_json([self.plan.digest, self.type, *(led.digest for led in self.led)]))

    @property
    def full_px(self) -> float:
        """The motion that is fully saturated, the same in all frames: nearly the strongest of the structures' own."""
        return float(np.percentile([LEAST_FULL_PX, *self._strongest_px.values()], FULL_PERCENTILE))

    @property
    def liveliest(self) -> int:
        """The index at which most is seen to move; the middle where no motion is shown."""
        return max(self._strongest_px, key=self._strongest_px.__getitem__, default=self.plan.frames // 2)

    @cached_property
    def _strongest_px(self) -> Mapping[int, float]:
        """The strongest motion at each index that shows motion."""
        strongest: dict[int, float] = {}
        for led in self.led:
            span = led.structure.led(self.plan.rate)
            indices = span if self.scale is None else [index for index in self.scale if index in span]
            for index in indices if led.structure.type == "flow" else ():
                self.check()
                sample = led.motion(index)[::SAMPLED_PX, ::SAMPLED_PX]
                strongest[index] = float(np.percentile(np.hypot(sample[..., 0], sample[..., 1]), FULL_PERCENTILE))
        return strongest

    @cached_property
    def anchors(self) -> Mapping[int, RGB]:
        """The anchors as the guide holds them, by index."""
        return {index: self._anchor(given.read()) for index, given in self.plan.anchors.items()}

    def pictures(self) -> Iterator[RGB]:
        """The guide, index by index. An anchor stands at its own index, unchanged."""
        for index in range(self.plan.frames):
            self.check()
            yield self.picture(index)

    def picture(self, index: int) -> RGB:
        """The guide at an index."""
        return self.anchors[index] if index in self.anchors else self._guide(index)

    def tracker(self) -> GuidanceTracker:
        """What guides which frame."""
        tracker = GuidanceTracker(self.plan.frames)
        for led in self.led:
            structure = led.structure
            tracker.mark("structure", structure.clip.path.name, structure.led(self.plan.rate), structure.strength)
        for index in sorted(self.plan.anchors):
            tracker.mark("anchor", self.plan.anchors[index].path.name, Span(index, index + 1))
        return tracker

    def _guide(self, index: int) -> RGB:
        """The guide at an index; near where two structures meet, one turns into the other."""
        shares = [(led, self.share(led.structure, index)) for led in self.led]
        pictures = [(self._drawn(led, index), share) for led, share in shares if share > 0]
        if not pictures:
            return self._nothing()
        if len(pictures) == 1:
            return pictures[0][0]
        mixed = sum(share * picture.astype(np.float32) for picture, share in pictures)
        return np.asarray(np.rint(mixed), np.uint8)

    def share(self, structure: Structure, index: int) -> float:
        """How much of the guide a structure is at an index: all in its range, less towards one that it meets."""
        led, share = structure.led(self.plan.rate), 1.0
        half = self.plan.fade_frames / 2
        starts = {each.at.start for each in self.plan.structures}
        stops = {each.led(self.plan.rate).stop for each in self.plan.structures}
        middle = index + 0.5
        if half and led.start in stops:
            share = min(share, (middle - led.start + half) / (2 * half))
        elif index < led.start:
            share = 0.0
        if half and led.stop in starts:
            share = min(share, (led.stop + half - middle) / (2 * half))
        elif index >= led.stop:
            share = 0.0
        return max(0.0, share)

    def _drawn(self, led: Led, index: int) -> RGB:
        inside = self._draw(led, index)
        return led.framing.placed(inside, NO_CONTROL)

    def _draw(self, led: Led, index: int) -> RGB:
        if self.type is not None:
            return _DRAWN[self.type](led, index)
        strength, kind = led.structure.strength, led.structure.type
        if kind == "flow":
            return flow_colours(strength * led.motion(index), self.full_px)
        return _weighted(_DRAWN[kind](led, index), strength, black=kind in ("edge", "pose"))

    def _nothing(self) -> RGB:
        return np.full((self.plan.size.height_px, self.plan.size.width_px, 3), NO_CONTROL, np.uint8)

    def _anchor(self, picture: RGB) -> RGB:
        framing = Framing.of(Size.of(picture), self.plan.size, self.plan.fit)
        return framing.placed(framing.picture(picture), NO_CONTROL)


def _weighted(picture: RGB, strength: float, *, black: bool) -> RGB:
    """A picture weakened or strengthened: lines against black, others in contrast about the middle."""
    if strength == 1:
        return picture
    middle = 0 if black else NO_CONTROL
    return np.asarray(np.clip(np.rint(middle + strength * (picture.astype(np.float32) - middle)), 0, 255), np.uint8)


def _edges(led: Led, index: int) -> RGB:
    return canny(led.picture(index))


def _pose(led: Led, index: int) -> RGB:
    size = led.framing.inside.size
    black: NDArray[np.uint8] = np.zeros((size.height_px, size.width_px, 3), np.uint8)
    return skeleton(led.keypoints(index), black)


_DRAWN: dict[GuideType, Callable[[Led, int], RGB]] = {
    "edge": _edges,
    "pose": _pose,
    "depth": lambda led, index: led.depth(index),
    "raw": lambda led, index: led.picture(index),
}
