"""Makes a strip: proposes the frames of a clip to paint, and draws them and those that people want as well."""

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from pipeline.engines import engine
from pipeline.keys.pictures import ToPaint, to_paint
from pipeline.keys.story import Proposed, propose
from pipeline.library.strips import Strip, trim_of
from pipeline.stage import RunContext
from utils.image.jpeg import jpeg
from utils.media.clip import Clip
from utils.paintings.key_set import Canvas
from utils.people.matte_overlay import shown_matte
from utils.progress import Progress

CANVAS: Canvas = "stable"
SMALL_PX, SMALL_QUALITY = 240, 82
STAGE = "key pictures"


def make_strip(strip: Strip, clip: Clip, context: RunContext, frames: Sequence[int]) -> None:
    """Add what is missing of a strip: the proposed frames, and these."""
    strip.folder.mkdir(parents=True, exist_ok=True)
    proposed = propose(clip, context)
    if strip.facts() is None:
        _draw(strip, proposed, context)
        strip.finish({**_facts(proposed), "trim": trim_of(context.settings)})
    more = [frame for frame in frames if not strip.has(frame) and frame - clip.start in clip.span]
    if more:
        _draw(strip, propose(clip, context, more), context)


def _draw(strip: Strip, proposed: Proposed, context: RunContext) -> None:
    """Draw the frames to paint, each with a small picture of it in which is seen what of it is painted."""
    for number, each in enumerate(to_paint(proposed, CANVAS), start=1):
        context.cancel.check()
        strip.add(each.key.model_dump(mode="json", exclude_none=True), each.content, _small(each))
        context.listener(Progress(STAGE, number, len(proposed.offers)))


def _small(drawn: ToPaint) -> bytes:
    scale = min(1.0, SMALL_PX / max(drawn.rgb.shape[:2]))
    rgb, part = (
        np.asarray(cv2.resize(each, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        for each in (drawn.rgb, drawn.part)
    )
    return jpeg(shown_matte(rgb, part), SMALL_QUALITY)


def _facts(proposed: Proposed) -> dict[str, Any]:
    """What the page and keys.json say of the clip; frames count from the first one of the file."""
    clip, start = proposed.stable.clip, proposed.stable.clip.start
    return {
        "clip": clip.of_file.digest,
        "size": list(clip.size),
        "canvas": CANVAS,
        "apply_to": proposed.apply_to,
        "span": [start, start + len(clip)],
        "shots": [[start + shot.start, start + shot.stop] for shot in proposed.stable.camera.shots],
        "seen": [[start + first, start + stop] for first, stop in _seen(proposed)],
        "proposed": [start + offer.frame for offer in proposed.offers],
        "most_apart": engine("keyframe").caps.lengths.most,
        "notes": [event.sentence for event in proposed.events],
    }


def _seen(proposed: Proposed) -> Iterator[tuple[int, int]]:
    """The stretches of frames in which there is something to paint, half-open."""
    boxes = proposed.stable.analysis.boxes
    is_seen = [proposed.apply_to != "person" or box is not None for box in boxes]
    edges = np.flatnonzero(np.diff([False, *is_seen, False]))
    return ((int(first), int(stop)) for first, stop in edges.reshape(-1, 2))
