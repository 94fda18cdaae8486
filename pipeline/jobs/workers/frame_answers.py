"""How a worker answers requests for frames: two pictures of a preview, or the strip of the frames to paint."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.jobs import frame_requests
from pipeline.jobs.frame_requests import FrameRequest
from pipeline.library.strips import Strip
from pipeline.stage import RunContext
from pipeline.stage_texts import StageText
from utils.errors import ReshootError

AFTER, BEFORE = "after.jpg", "before.jpg"
PART = ".part"


@dataclass(frozen=True)
class Desk:
    """Where requests of one sort are answered."""

    what: str
    make: Callable[[Path, str, FrameRequest, RunContext], dict[str, Any] | None]
    """Make what a request asks for, in a home; None where it needs no answer, because what it has made is found."""
    died: Mapping[str, str]
    """What is answered to those for whom the worker may have died."""
    stages: Mapping[str, StageText] = field(default_factory=dict)
    """The usual share of each stage, where it is told how far a request is."""
    prepare: Callable[[], None] = lambda: None
    """Load what every answer needs, so that the first one does not wait for it."""


def _preview(home: Path, id: str, request: FrameRequest, context: RunContext) -> dict[str, Any]:
    """Write the preview's two pictures into its folder, which appears atomically; returns the facts about it."""
    from utils.image.jpeg import write_jpeg

    start = time.monotonic()
    kind, task, settings = request.order.task(home)
    if kind.preview is None:
        raise ReshootError(f"A job of the kind {kind.name!r} has no preview.", "Submit it.")
    preview = kind.preview(task, replace(context, settings=settings), request.at)
    folder = home / "looks" / id
    part = folder.with_name(f"{id}{PART}")
    try:
        part.mkdir(parents=True)
        write_jpeg(part / AFTER, preview.after)
        write_jpeg(part / BEFORE, preview.before)
        part.rename(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        problem = f"The preview could not be kept: {error.strerror}."
        raise ReshootError(problem, "Make room on the disk, then try again.") from error
    return {**preview.to_json(), "seconds": round(time.monotonic() - start, 2)}


def _load_previews() -> None:
    import pipeline.preview.frame
    import pipeline.see.open_clip  # noqa: F401


def _strip(home: Path, id: str, request: FrameRequest, context: RunContext) -> None:
    from pipeline.keys.strip import make_strip
    from pipeline.see.open_clip import open_clip

    _, task, settings = request.order.task(home)
    context = replace(context, settings=settings)
    make_strip(Strip.of(home, id), open_clip(task.inputs["clip"], context), context, request.frames)


PREVIEW = Desk(
    frame_requests.PREVIEW,
    _preview,
    died={
        "problem": "The worker ended while it made this preview; the memory may have run out.",
        "remedy": "Try again, or choose a smaller clip.",
    },
    prepare=_load_previews,
)
STRIP = Desk(
    frame_requests.STRIP,
    _strip,
    died={
        "problem": "The worker ended while it looked for the frames to paint; the memory may have run out.",
        "remedy": "Try again, or use a part of the clip.",
    },
    stages={
        "probe": StageText("", 2, 0),
        "given matte": StageText("", 1, 1),
        "analyse": StageText("", 70, 1),
        "matte": StageText("", 3, 1),
        "ground": StageText("", 2, 2),
        "joints": StageText("", 2, 3),
        "stabilise": StageText("", 1, 4),
        "key frames": StageText("", 10, 5),
        "key pictures": StageText("", 9, 6),
    },
)
