"""Anchors painted in a look before they are carried along, so that strokes move with what they are painted on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.engines import engine, ready
from pipeline.engines.base import Engine, Style, View, Window
from pipeline.engines.sessions import Sessions
from pipeline.guide.framing import Framing
from pipeline.guide.plan import GuidePlan
from pipeline.run import Run
from pipeline.stage import Stage, Work
from pipeline.types import Reference
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Size
from utils.people.pose import LANDMARKS
from utils.store import Entry

PAINTER, NO_LOOK = "restyle", "none"


@dataclass(frozen=True)
class PaintedAnchor(Reference):
    """An anchor in a look; it holds the cache entry that its picture lies in."""

    entry: Entry


@dataclass(frozen=True)
class Anchors:
    """The anchors of a plan, in the shape in which they are seen."""

    plan: GuidePlan

    @property
    def digest(self) -> str:
        """Digest of the pictures at their indexes, and of their shape."""
        pictures = {str(index): picture.digest for index, picture in sorted(self.plan.anchors.items())}
        return digest_bytes(canonical_json([pictures, list(self.plan.size), self.plan.fit]))

    def views(self) -> Mapping[int, View]:
        """Each as an engine sees it: as large as in the clip, so that strokes have the size of the frames'."""
        return {index: _view(index, self._framed(given.read())) for index, given in self.plan.anchors.items()}

    def _framed(self, picture: RGB) -> RGB:
        return Framing.of(Size.of(picture), self.plan.size, self.plan.fit).picture(picture)


def painted(run: Run, plan: GuidePlan) -> GuidePlan:
    """The plan with its anchors in the look that is asked for; the plan itself where none is."""
    if run.context.settings["animate.look"] == NO_LOOK:
        return plan
    painter = ready(engine(PAINTER))
    models = painter.models(_asked(run.context.settings))
    entry = run.take(_painting(painter, run.context.sessions), models, anchors=Anchors(plan))
    return replace(plan, anchors={index: PaintedAnchor(entry.path(_name(index)), entry) for index in plan.anchors})


def _painting(painter: Engine, sessions: Sessions) -> Stage:
    """The stage that paints all anchors of a plan, in colours and strokes that suit all of them."""

    def run(work: Work) -> None:
        views, settings = work.inputs["anchors"].views(), _asked(work.settings)
        style = Style(work.inputs["anchors"].digest, tuple(views.values()))
        rate = work.inputs["anchors"].plan.rate
        with sessions.use(painter, settings, lambda share, note: work.cancel.check()) as session:
            for done, (index, view) in enumerate(views.items(), start=1):
                window = Window.single(view, settings, style, rate)
                (frame,) = session.run(window, work.cancel, lambda share, note: None).frames
                _write(work.folder / _name(index), frame.rgb)
                work.report(done, len(views))

    return Stage(
        "paint",
        version=1 + 1000 * painter.version,
        run=run,
        settings=("animate.look", "animate.strength", "generate.seed"),
        tools=painter.tools,
    )


def _asked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the painter reads: the whole picture is painted."""
    return {
        "generate.look": settings["animate.look"],
        "generate.strength": settings["animate.strength"],
        "generate.feather_px": 0,
        "generate.apply_to": "both",
        "generate.seed": settings["generate.seed"],
    }


def _view(index: int, picture: RGB) -> View:
    """A whole picture in which nobody is looked for."""
    nobody = np.full((LANDMARKS, 2), np.nan, np.float32)
    return View(index, np.ascontiguousarray(picture), np.zeros(picture.shape[:2], np.uint8), nobody)


def _name(index: int) -> str:
    return f"{index}.png"


def _write(path: Path, picture: RGB) -> None:
    path.write_bytes(cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))[1].tobytes())
