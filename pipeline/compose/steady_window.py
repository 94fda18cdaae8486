"""Steadying a window: colours held to the source's, and flicker taken out, after the engine and apart from it.

Windows are steadied in order, each going on from the one before; making them anew costs little beside an engine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import EngineFrame, View
from pipeline.make.colour_lock import colour_lock
from pipeline.make.made_window import NEAR_PX, MadeWindow, near
from pipeline.plan.stable_picture import StablePicture
from pipeline.plan.windows import WindowPlan
from pipeline.stage import Stage, Work
from utils.digest import canonical_json, digest_bytes
from utils.flow import Search
from utils.image import RGB, Box, Size, placed
from utils.image.blending import ColourLock
from utils.image.temporal import Consistency, Steadiness
from utils.media.chunk import read_chunk, write_chunk
from utils.media.timebase import Span
from utils.people.matte import extent
from utils.people.pose import ANKLES, HEELS, TOES
from utils.prefetch import prefetch
from utils.store import Entry

FOOT_SHARE = 0.05
"""Of the height: how far a foot reaches beyond its joints."""
FRAMES, LOCKED = "frames.mkv", "locked"


@dataclass(frozen=True)
class SteadyWindow:
    """The steadied frames of a window, read from the cache; their own mattes are those that the engine made."""

    made: MadeWindow
    entry: Entry

    @property
    def plan(self) -> WindowPlan:
        """What the window covers."""
        return self.made.plan

    @cached_property
    def digest(self) -> str:
        """The digest of its pictures and of the mattes that belong to them."""
        return digest_bytes(canonical_json([self.entry.digest, self.made.digest if self.facts["alpha"] else ""]))

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the engine's work."""
        return self.made.facts

    @cached_property
    def colours_locked(self) -> bool:
        """Whether the engine's colours had drifted and were put right."""
        return self.entry.read_bytes(LOCKED) == b"yes"

    def frames(self, start: int = 0) -> Iterator[EngineFrame]:
        """Every frame of its span, counted within it, from one of them on."""
        pictures = read_chunk(self.entry.path(FRAMES), len(self.plan.span), start)
        if not self.facts["alpha"]:
            yield from map(EngineFrame, pictures)
            return
        for rgb, alpha in zip(pictures, self.made.alphas(start), strict=True):
            yield EngineFrame(rgb, alpha)

    def last(self, count: int, box: Box) -> RGB:
        """The frame that is so many from its end, as another window's box shows it; black where it had none."""
        (made,) = islice(read_chunk(self.entry.path(FRAMES), len(self.plan.span), len(self.plan.span) - count), 1)
        return placed(made, self.plan.box, box)


def _steady(work: Work) -> None:
    _Steadying(work).run()


STEADY = Stage(
    "steady",
    version=1,
    run=_steady,
    settings=("generate.apply_to", "consistency.strength", "consistency.reanchor_frames"),
    tools=("numpy", "opencv-contrib-python", "av"),
)
"""Inputs: the stable picture, the made window, its plan, and the steadied window before where frames are shared."""


class _Steadying:
    """One window on its way."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._stable: StablePicture = work.inputs["stable"]
        self._made: MadeWindow = work.inputs["made"]
        self._before: SteadyWindow | None = work.inputs.get("before")
        self._plan, facts = self._made.plan, self._made.facts
        self._is_edit, self._keeps_feet = facts["is_edit_of_source"], facts["keeps_feet"]
        self._keeps_outside, self._near_only = facts["keeps_outside"], facts["near_only"]
        self._shows_near_only = self._keeps_outside and work.settings["generate.apply_to"] == "person"

    def run(self) -> None:
        """Lock the colours, hold the frames together in time, keep them."""
        lock = self._lock()
        write_chunk(self._work.folder / FRAMES, self._consistent(lock))
        (self._work.folder / LOCKED).write_bytes(b"no" if lock.map is None else b"yes")

    def _lock(self) -> ColourLock:
        """Colours held to those of the source around the person, for engines that touch those pixels."""
        if self._keeps_outside:
            return ColourLock()
        return colour_lock(self._stable, self._plan, self._made.frames())

    def _consistent(self, lock: ColourLock) -> Iterator[RGB]:
        steady, span = self._consistency(), self._plan.span
        views = prefetch(self._stable.views(span, self._plan.box))
        for view, made in zip(views, prefetch(self._made.frames()), strict=True):
            picture = lock.apply(self._whole(made.rgb, view))
            fresh = None if self._keeps_feet else _feet(view)
            if self._shows_near_only:
                part = _nearby(view.matte)
                yield _only(steady.next(picture, view.rgb, view.matte, fresh, part), view.matte, part)
            else:
                yield steady.next(picture, view.rgb, view.matte, fresh)
            self._work.report(view.index + 1 - span.start, len(span), self._plan.segment)

    def _consistency(self) -> Consistency:
        """Going on from the frame before the first, as the window before finished it."""
        settings = self._work.settings
        steady = Consistency(
            Steadiness(
                settings["consistency.strength"], settings["consistency.reanchor_frames"], keeps_detail=self._is_edit
            ),
            Search("fast" if self._is_edit else "medium", 1),
        )
        plan, before = self._plan, self._before
        if before is not None:
            (view,) = self._stable.views(Span(plan.span.start - 1, plan.span.start), plan.box)
            finished = before.last(plan.overlap + 1, plan.box)
            there = placed(np.full(before.plan.box.size[::-1], 255, np.uint8), before.plan.box, plan.box)
            if self._shows_near_only:
                there = np.asarray(cv2.min(there, near(view.matte)))
            steady.carry(np.asarray(cv2.copyTo(finished, there, view.rgb.copy())), view.rgb, view.matte)
        return steady

    def _whole(self, made: RGB, view: View) -> RGB:
        """A picture with the source where only what is near the person was kept of it."""
        if not self._near_only:
            return made
        return np.asarray(cv2.copyTo(made, near(view.matte), view.rgb.copy()))


def _nearby(matte: NDArray[np.uint8]) -> Box:
    """The part of a picture in which anything of it is ever shown."""
    person = extent(matte, 1)
    return person.grown(NEAR_PX, Size.of(matte)) if person else Box(0, 0, 0, 0)


def _only(picture: RGB, matte: NDArray[np.uint8], part: Box) -> RGB:
    """What is ever shown of a picture, all of it in a part; the rest is black."""
    shown = np.zeros_like(picture)
    if all(part.size):
        shown[part.slices] = cv2.copyTo(picture[part.slices], near(matte[part.slices]))
    return shown


def _feet(view: View) -> NDArray[np.uint8]:
    """Around the feet, which slide where an engine does not keep them: there they are to be found and corrected."""
    feet = np.zeros(view.matte.shape, np.uint8)
    for side in zip(ANKLES, HEELS, TOES, strict=True):
        joints = view.keypoints[list(side)]
        if np.isfinite(joints).all():
            cv2.fillConvexPoly(feet, cv2.convexHull(np.rint(joints).astype(np.int32)), 255)
    reach = 2 * max(1, round(FOOT_SHARE * view.matte.shape[0])) + 1
    return np.asarray(cv2.blur(cv2.dilate(feet, np.ones((reach, reach), np.uint8)), (reach, reach)))
