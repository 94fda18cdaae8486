"""Steadying a window: its colours are locked to the source's and flicker is removed, as a stage after the engine's.

Windows are steadied in order, each continuing from the one before. This is a stage of its
own, so that a change of strength does not run the engine again.
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
from utils.image import RGB, Box, Size, bounding_box, placed
from utils.image.blending import ColourLock
from utils.image.temporal import Consistency, Steadiness
from utils.media.chunk import read_chunk, write_chunk
from utils.media.timebase import Span
from utils.people.pose import ANKLES, HEELS, TOES
from utils.prefetch import prefetch
from utils.store import Entry

FOOT_SHARE = 0.05
"""Of the picture's height: how far a foot reaches beyond its joints."""
FRAMES, LOCKED = "frames.nut", "locked"


@dataclass(frozen=True)
class SteadyWindow:
    """The steadied frames of a window, read from the cache; their own mattes are those that the engine made."""

    made: MadeWindow
    entry: Entry

    @property
    def plan(self) -> WindowPlan:
        """The frames and the box that the window covers."""
        return self.made.plan

    @cached_property
    def digest(self) -> str:
        """The digest of the steadied pictures and of the engine's mattes."""
        return digest_bytes(canonical_json([self.entry.digest, self.made.digest if self.facts["alpha"] else ""]))

    @property
    def facts(self) -> dict[str, Any]:
        """What the engine said of its work."""
        return self.made.facts

    @cached_property
    def colours_locked(self) -> bool:
        """Whether the engine's colours had drifted and were corrected."""
        return self.entry.read_bytes(LOCKED) == b"yes"

    def frames(self, start: int = 0) -> Iterator[EngineFrame]:
        """The frames of the window from `start` on, which counts within the window."""
        pictures = read_chunk(self.entry.path(FRAMES), len(self.plan.span), start)
        if not self.facts["alpha"]:
            yield from map(EngineFrame, pictures)
            return
        for rgb, alpha in zip(pictures, self.made.alphas(start), strict=True):
            yield EngineFrame(rgb, alpha)

    def last(self, count: int, box: Box) -> RGB:
        """The frame `count` before the window's end, cut to another window's box; black where it shows nothing."""
        (picture,) = islice(read_chunk(self.entry.path(FRAMES), len(self.plan.span), len(self.plan.span) - count), 1)
        return placed(picture, self.plan.box, box)


def _steady(work: Work) -> None:
    _Steadying(work).run()


STEADY = Stage(
    "steady",
    version=5,
    run=_steady,
    settings=("generate.apply_to", "consistency.strength", "consistency.reanchor_frames"),
    tools=("numpy", "opencv-contrib-python", "av"),
)
"""Inputs: the stable picture, the made window, its plan, and the steadied window before where frames are shared."""


class _Steadying:
    """The steadying of one window, step by step."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._stable: StablePicture = work.inputs["stable"]
        self._made: MadeWindow = work.inputs["made"]
        self._before: SteadyWindow | None = work.inputs.get("before")
        self._plan, facts = self._made.plan, self._made.facts
        self._is_edit, self._keeps_feet = facts["is_edit_of_source"], facts["keeps_feet"]
        self._is_steady = facts.get("is_steady", False)  # windows of earlier versions do not say so
        self._keeps_outside, self._near_only = facts["keeps_outside"], facts["near_only"]
        self._part: str = work.settings["generate.apply_to"]
        self._shows_near_only = self._keeps_outside and self._part == "person"

    def run(self) -> None:
        """Lock the colours, remove flicker, and write the frames; those of a steady engine stay as they are."""
        lock = ColourLock() if self._is_steady else self._lock()
        write_chunk(self._work.folder / FRAMES, self._as_made() if self._is_steady else self._consistent(lock))
        (self._work.folder / LOCKED).write_bytes(b"no" if lock.map is None else b"yes")

    def _lock(self) -> ColourLock:
        """The colour correction that matches the source where that is kept, for engines that touch those pixels."""
        if self._keeps_outside:
            return ColourLock()
        return colour_lock(self._stable, self._plan, self._made.frames(), self._part)

    def _as_made(self) -> Iterator[RGB]:
        span = self._plan.span
        for number, made in enumerate(self._made.frames(), start=1):
            yield made.rgb
            self._work.report(number, len(span), self._plan.segment)

    def _consistent(self, lock: ColourLock) -> Iterator[RGB]:
        """The frames after colour lock and temporal consistency."""
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
        """The temporal filter; with a window before, it continues from that window's last frame before this one."""
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
            covered = placed(np.full(before.plan.box.size[::-1], 255, np.uint8), before.plan.box, plan.box)
            if self._shows_near_only:
                covered = np.asarray(cv2.min(covered, near(view.matte)))
            steady.carry(np.asarray(cv2.copyTo(finished, covered, view.rgb.copy())), view.rgb, view.matte)
        return steady

    def _whole(self, made: RGB, view: View) -> RGB:
        """The picture with the source filled in, where the window kept only what is near the person."""
        if not self._near_only:
            return made
        return np.asarray(cv2.copyTo(made, near(view.matte), view.rgb.copy()))


def _nearby(matte: NDArray[np.uint8]) -> Box:
    """The box around the person in which anything of a picture is ever shown."""
    person = bounding_box(matte)
    return person.grown(NEAR_PX, Size.of(matte)) if person else Box(0, 0, 0, 0)


def _only(picture: RGB, matte: NDArray[np.uint8], part: Box) -> RGB:
    """The pixels of a picture that are ever shown, all of which lie in a box; the rest is black."""
    shown = np.zeros_like(picture)
    if all(part.size):
        shown[part.slices] = cv2.copyTo(picture[part.slices], near(matte[part.slices]))
    return shown


def _feet(view: View) -> NDArray[np.uint8]:
    """A soft mask of the feet, 0 to 255, where frames are not carried over in time.

    Feet slide where an engine does not keep them; they must stay as generated to be found and corrected later.
    """
    feet = np.zeros(view.matte.shape, np.uint8)
    for side in zip(ANKLES, HEELS, TOES, strict=True):
        joints = view.keypoints[list(side)]
        if np.isfinite(joints).all():
            cv2.fillConvexPoly(feet, cv2.convexHull(np.rint(joints).astype(np.int32)), 255)
    reach = 2 * max(1, round(FOOT_SHARE * view.matte.shape[0])) + 1
    return np.asarray(cv2.blur(cv2.dilate(feet, np.ones((reach, reach), np.uint8)), (reach, reach)))
