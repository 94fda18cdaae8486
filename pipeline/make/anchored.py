"""Anchors: a frame where each two windows meet, made before the windows.

Windows that go through given frames need no longer wait for the one before: each goes through the anchors in it, and
all can be made at the same time, by as many machines as there are.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pipeline.engines.base import Caps
from pipeline.plan.stable_picture import StablePicture
from pipeline.plan.windows import WindowPlan, sized
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Box, Size, placed
from utils.media.chunk import read_chunk
from utils.media.timebase import Span
from utils.store import Entry

FRAMES, FACTS = "frames.nut", "made.json"


@dataclass(frozen=True)
class Anchor:
    """A frame, and the part of the stable picture that is made of it; all anchors of a clip have one size."""

    index: int
    box: Box


@dataclass(frozen=True)
class AnchorPlan:
    """The anchors of a clip: the first frame of each shot, and one in the middle of what two windows share."""

    anchors: tuple[Anchor, ...]

    @classmethod
    def of(cls, plans: Sequence[WindowPlan], caps: Caps, canvas: Size) -> "AnchorPlan":
        """Those of these windows. Each shows all that the windows that meet in it show of its frame."""
        indexes = [plan.span.start + plan.overlap // 2 for plan in plans]
        boxes = [plan.box | plans[plan.index - 1].box if plan.overlap else plan.box for plan in plans]
        alike = sized(boxes, replace(caps, canvas="one"), canvas)
        return cls(tuple(map(Anchor, indexes, alike)))

    @property
    def digest(self) -> str:
        """The digest of all anchors."""
        return digest_bytes(canonical_json([[each.index, list(each.box)] for each in self.anchors]))

    @property
    def size(self) -> Size:
        """The size of each."""
        return self.anchors[0].box.size


@dataclass(frozen=True)
class Anchors:
    """The made anchors, in the cache."""

    plan: AnchorPlan
    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @property
    def fallbacks(self) -> list[str]:
        """What the engine did differently than requested."""
        return list(json.loads(self.entry.read_bytes(FACTS))["fallbacks"])

    def within(self, plan: WindowPlan) -> dict[int, RGB]:
        """The anchors of a window, in its crop."""
        return {
            anchor.index: placed(picture, anchor.box, plan.box)
            for anchor, picture in zip(self.plan.anchors, self._pictures, strict=True)
            if anchor.index in plan.span
        }

    def example(self, stable: StablePicture, apply_to: str) -> RGB | None:
        """What frames that are painted later are to look like: the first anchor, around what is made of it."""
        first = self.plan.anchors[0]
        box = stable.box(Span(first.index, first.index + 1), whole=apply_to != "person")
        return placed(self._pictures[0], first.box, box & first.box) if box else None

    @cached_property
    def _pictures(self) -> list[RGB]:
        return list(read_chunk(self.entry.path(FRAMES), len(self.plan.anchors)))
