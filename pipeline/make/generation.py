"""Generation: an engine makes the frames of one window; what it makes is held together in colour and in time."""

import json
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import Engine, Made, View, Window, checked
from pipeline.plan.stable_view import Staging
from pipeline.plan.style_samples import Survey
from pipeline.stage import Stage, Work
from pipeline.types import Reference, WindowPlan
from utils.flow import Search
from utils.image import RGB, Box, Size, placed
from utils.image.blending import ColourLock
from utils.image.temporal import Consistency, Steadiness
from utils.media.chunk import read_chunk, write_chunk
from utils.media.timebase import Span
from utils.people.matte import extent
from utils.people.pose import ANKLES, HEELS, TOES
from utils.prefetch import ahead
from utils.store import Entry

VERSION = 5
RING_SHARE = 0.03
"""Of the height: how far from the person the ring of untouched pixels begins."""
LOCK_EVERY = 4
FOOT_SHARE = 0.05
"""Of the height: how far a foot reaches beyond its joints."""
KEPT_PX = 10
"""Around the person: more than any resampling reaches."""
PERSON, ALPHA, RAW = "person.mkv", "alpha.mkv", "raw.mkv"


@dataclass(frozen=True)
class WindowResult:
    """The finished frames of a window, read from the cache."""

    plan: WindowPlan
    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Provenance, and what the colour lock did."""
        return dict(json.loads(self.entry.read_bytes("made.json")))

    def pictures(self, start: int = 0) -> Iterator[Made]:
        """Every frame of its span, from one of them on."""
        count = len(self.plan.span)
        pictures = read_chunk(self.entry.path(PERSON), count, start)
        if not self.facts["alpha"]:
            yield from map(Made, pictures)
            return
        for rgb, alpha in zip(pictures, read_chunk(self.entry.path(ALPHA), count, start), strict=True):
            yield Made(rgb, alpha)

    def last(self, count: int, box: Box) -> tuple[RGB, ...]:
        """Its last pictures, as another window's box shows them; black where it had none."""
        if not count:
            return ()
        kept = self.pictures(len(self.plan.span) - count)
        return tuple(placed(made.rgb, self.plan.box, box) for made in kept)


def generation(engine: Engine) -> Stage:
    """The stage that makes one window with this engine.

    Inputs: those of Staging, the survey, the plan, and where they exist the window before and a reference.
    """

    def run(work: Work) -> None:
        _Making(engine, work).run()

    return Stage(
        f"generate with {engine.name}",
        version=VERSION + 1000 * engine.version,
        run=run,
        settings=(
            *sorted({*engine.settings, "generate.apply_to"}),
            "consistency.strength",
            "consistency.reanchor_frames",
        ),
        tools=("numpy", "opencv-contrib-python", "av"),
    )


class _Making:
    """One window in the making."""

    def __init__(self, engine: Engine, work: Work) -> None:
        self._engine, self._work = engine, work
        self._staging: Staging = work.inputs["staging"]
        self._plan: WindowPlan = work.inputs["plan"]
        self._before: WindowResult | None = work.inputs.get("before")
        self._alphas: list[bytes] = []
        self._passed: deque[View] = deque()
        self._hidden_outside = engine.caps.keeps_outside and work.chosen["generate.apply_to"] == "person"

    def run(self) -> None:
        """Generate, lock colours, hold together in time, keep."""
        survey: Survey = self._work.inputs["survey"]
        reference: Reference | None = self._work.inputs.get("reference")
        session = self._engine.open(self._work.chosen, survey.views(), reference.read() if reference else None)
        try:
            window = self._window()
            made = checked(session.run(window, self._work.cancel), window, self._engine.name)
            lock, pictures = self._locked(self._without_alphas(made))
            write_chunk(self._work.folder / PERSON, self._consistent(pictures))
        finally:
            session.close()
        if any(self._alphas):
            write_chunk(self._work.folder / ALPHA, self._unpacked())
        facts = {
            "provenance": asdict(session.provenance),
            "lock": lock,
            "alpha": any(self._alphas),
            "keeps_geometry": self._engine.caps.keeps_geometry,
        }
        (self._work.folder / "made.json").write_text(json.dumps(facts))

    def _window(self) -> Window:
        plan, carry = self._plan, max(self._engine.caps.carry, default=0)
        return Window(
            plan.span,
            plan.segment,
            plan.box.size,
            self._staging.clip.rate,
            lambda: ahead(self._passing(plan)),
            self._before.last(min(carry, plan.overlap), plan.box) if self._before else (),
        )

    def _without_alphas(self, made: Iterator[Made]) -> Iterator[RGB]:
        """The pictures alone; outlines are flat, and packed they take next to nothing."""
        for each in made:
            self._alphas.append(b"" if each.alpha is None else zlib.compress(each.alpha.tobytes(), 1))
            yield each.rgb

    def _locked(self, pictures: Iterator[RGB]) -> tuple[bool, Iterator[RGB]]:
        """Colours held to those of the source around the person, for engines that touch those pixels."""
        if self._engine.caps.keeps_outside:
            return False, pictures
        lock, raw = ColourLock(), self._work.folder / RAW
        write_chunk(raw, self._observed(pictures, lock))
        solved = lock.solve()

        def locked() -> Iterator[RGB]:
            yield from map(lock.apply, read_chunk(raw, len(self._plan.span)))
            raw.unlink()

        return solved, locked()

    def _observed(self, pictures: Iterator[RGB], lock: ColourLock) -> Iterator[RGB]:
        for index, picture in zip(self._plan.span, pictures, strict=True):
            view = self._view(index)
            if index % LOCK_EVERY == 0:
                lock.observe(picture, view.rgb, _ring(view))
            yield picture

    def _consistent(self, pictures: Iterator[RGB]) -> Iterator[RGB]:
        chosen, caps = self._work.chosen, self._engine.caps
        steady = Consistency(
            Steadiness(
                chosen["consistency.strength"], chosen["consistency.reanchor_frames"], keeps_detail=caps.keeps_geometry
            ),
            Search("fast" if caps.keeps_geometry else "medium", 1),
        )
        self._carry_into(steady)
        span = self._plan.span
        for index, picture in zip(span, ahead(pictures), strict=True):
            view = self._view(index)
            fresh = None if caps.keeps_geometry else _feet(view)
            if self._hidden_outside:
                near = _nearby(view.matte)
                yield _only(steady.next(picture, view.rgb, view.matte, fresh, near), view.matte, near)
            else:
                yield steady.next(picture, view.rgb, view.matte, fresh)
            self._work.report(index + 1 - span.start, len(span), self._plan.segment)

    def _carry_into(self, steady: Consistency) -> None:
        """Go on from the frame before the first, as the window before finished it."""
        plan, before = self._plan, self._before
        if before is not None:
            (view,) = self._staging.views(Span(plan.span.start - 1, plan.span.start), plan.box)
            finished = before.last(plan.overlap + 1, plan.box)[0]
            made = placed(np.full(before.plan.box.size[::-1], 255, np.uint8), before.plan.box, plan.box)
            if self._hidden_outside:
                made = np.asarray(cv2.min(made, _near(view.matte)))
            steady.carry(np.asarray(cv2.copyTo(finished, made, view.rgb.copy())), view.rgb, view.matte)

    def _passing(self, plan: WindowPlan) -> Iterator[View]:
        """The window's views on their way to the engine; each is kept until its picture comes back."""
        for view in self._staging.views(plan.span, plan.box):
            self._passed.append(view)
            yield view

    def _view(self, index: int) -> View:
        """The view of a frame whose picture is there."""
        while self._passed:
            view = self._passed.popleft()
            if view.index == index:
                return view
        (view,) = self._staging.views(Span(index, index + 1), self._plan.box)
        return view

    def _unpacked(self) -> Iterator[NDArray[np.uint8]]:
        size = self._plan.box.size
        for packed in self._alphas:
            yield np.frombuffer(zlib.decompress(packed), np.uint8).reshape(size.height_px, size.width_px)


def _near(matte: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is ever shown of a picture: the person and a little more. The rest is kept as black, which costs nothing."""
    return np.asarray(cv2.dilate(matte, np.ones((2 * KEPT_PX + 1, 2 * KEPT_PX + 1), np.uint8)))


def _nearby(matte: NDArray[np.uint8]) -> Box:
    """The part of a picture in which anything of it is ever shown."""
    person = extent(matte, 1)
    return person.grown(KEPT_PX, Size(*matte.shape[::-1])) if person else Box(0, 0, 0, 0)


def _only(picture: RGB, matte: NDArray[np.uint8], part: Box) -> RGB:
    """What is ever shown of a picture, all of it in a part; the rest is black."""
    shown = np.zeros_like(picture)
    if all(part.size):
        shown[part.slices] = cv2.copyTo(picture[part.slices], _near(matte[part.slices]))
    return shown


def _feet(view: View) -> NDArray[np.uint8]:
    """Around the feet, which slide where an engine does not keep them: there they are to be found and held."""
    feet = np.zeros(view.matte.shape, np.uint8)
    for side in zip(ANKLES, HEELS, TOES, strict=True):
        joints = view.keypoints[list(side)]
        if np.isfinite(joints).all():
            cv2.fillConvexPoly(feet, cv2.convexHull(np.rint(joints).astype(np.int32)), 255)
    reach = 2 * max(1, round(FOOT_SHARE * view.matte.shape[0])) + 1
    return np.asarray(cv2.blur(cv2.dilate(feet, np.ones((reach, reach), np.uint8)), (reach, reach)))


def _ring(view: View) -> NDArray[np.uint8]:
    """Where a good engine leaves the source as it is."""
    grow = 2 * max(2, round(RING_SHARE * view.matte.shape[0])) + 1
    near = cv2.dilate(view.matte, np.ones((grow, grow), np.uint8))
    return np.where(near == 0, 255, 0).astype(np.uint8)
