"""Generation: an engine makes the frames of one window; what it makes is held together in colour and in time."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import Engine, Made, View, Window, checked
from pipeline.stable import Staging
from pipeline.stage import Stage, Work
from pipeline.survey import Survey
from pipeline.types import Reference, WindowPlan
from utils.ahead import ahead
from utils.blending import ColourLock
from utils.chunk import read_chunk, write_chunk
from utils.image import RGB, Box
from utils.store import Entry
from utils.temporal import Consistency, Steadiness
from utils.timebase import Span

VERSION = 1
RING_SHARE = 0.03
"""Of the height: how far from the person the ring of untouched pixels begins."""
LOCK_EVERY = 4
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

    def pictures(self) -> Iterator[Made]:
        """Every frame of its span."""
        count = len(self.plan.span)
        pictures = read_chunk(self.entry.path(PERSON), count)
        if not self.facts["alpha"]:
            yield from map(Made, pictures)
            return
        for rgb, alpha in zip(pictures, read_chunk(self.entry.path(ALPHA), count), strict=True):
            yield Made(rgb, alpha)

    def last(self, count: int, box: Box) -> tuple[RGB, ...]:
        """Its last pictures, as another window's box shows them; black where it had none."""
        kept = list(self.pictures())[-count:] if count else []
        return tuple(placed(made.rgb, self.plan.box, box) for made in kept)


def placed(picture: NDArray[np.uint8], box: Box, target: Box) -> NDArray[np.uint8]:
    """A picture of one box cut or widened to another; what it does not show is 0."""
    if box == target:
        return picture
    result = np.zeros((target.size.height_px, target.size.width_px, *picture.shape[2:]), np.uint8)
    both = box & target
    there = Box(*(np.array(both) - (target.left, target.top) * 2))
    here = Box(*(np.array(both) - (box.left, box.top) * 2))
    result[there.slices] = picture[here.slices]
    return result


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
        settings=(*engine.settings, "consistency.strength", "consistency.reanchor_frames"),
        tools=("numpy", "opencv-contrib-python", "av"),
    )


class _Making:
    """One window in the making."""

    def __init__(self, engine: Engine, work: Work) -> None:
        self._engine, self._work = engine, work
        self._staging = Staging.of(work.inputs)
        self._plan: WindowPlan = work.inputs["plan"]
        self._before: WindowResult | None = work.inputs.get("before")
        self._alphas: list[bytes] = []

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
            lambda: ahead(self._staging.views(plan.span, plan.box)),
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
        for number, (picture, view) in enumerate(zip(pictures, self._views(), strict=True)):
            if number % LOCK_EVERY == 0:
                lock.observe(picture, view.rgb, _ring(view))
            yield picture

    def _consistent(self, pictures: Iterator[RGB]) -> Iterator[RGB]:
        chosen, caps = self._work.chosen, self._engine.caps
        steady = Consistency(
            Steadiness(
                chosen["consistency.strength"], chosen["consistency.reanchor_frames"], keeps_detail=caps.keeps_geometry
            )
        )
        self._carry_into(steady)
        for number, (picture, view) in enumerate(zip(ahead(pictures), self._views(), strict=True), start=1):
            yield steady.next(picture, view.rgb, view.matte)
            self._work.report(number, len(self._plan.span), self._plan.segment)

    def _carry_into(self, steady: Consistency) -> None:
        """Go on from the frame before the first, as the window before finished it."""
        plan, before = self._plan, self._before
        if before is not None:
            (view,) = self._staging.views(Span(plan.span.start - 1, plan.span.start), plan.box)
            (finished,) = before.last(plan.overlap + 1, plan.box)[:1]
            steady.carry(finished, view.rgb, view.matte)

    def _views(self) -> Iterator[View]:
        return ahead(self._staging.views(self._plan.span, self._plan.box))

    def _unpacked(self) -> Iterator[NDArray[np.uint8]]:
        size = self._plan.box.size
        for packed in self._alphas:
            yield np.frombuffer(zlib.decompress(packed), np.uint8).reshape(size.height_px, size.width_px)


def _ring(view: View) -> NDArray[np.uint8]:
    """Where a good engine leaves the source as it is."""
    grow = 2 * max(2, round(RING_SHARE * view.matte.shape[0])) + 1
    near = cv2.dilate(view.matte, np.ones((grow, grow), np.uint8))
    return np.where(near == 0, 255, 0).astype(np.uint8)
