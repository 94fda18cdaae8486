"""What laying a foreground over its background costs beside what it cannot do without: decoding both, and x264.

python -m benchmarks.align_composite
A pair of 8 s at 1280x720. Each is measured twice, and the least counts: by the clock, and the time of processors, which
other work on the machine changes less.
"""

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from pipeline.align.overlay import Look, Overlay
from pipeline.align.time_map import TimeMap
from tests.aligned import Case, Pair, Scene
from utils.align.labels import Label
from utils.align.placement import Placement
from utils.media.cursor import Cursor
from utils.media.write import ClipWriter, Encoding, Shape, times
from utils.prefetch import prefetch
from utils.size import Size

SIZE, SECONDS, TIMES = Size(1280, 720), 8.0, 2
CROP = (240, 136, 800, 448)
OTHER = "other colours"
"""The foreground in BT.601, over a background in BT.709; elsewhere both are in that."""
LOOKS = {
    "plain": (Look(), 1.0, 0.0),
    "soft edge of 8 px": (Look(blend_px=8), 1.0, 0.0),
    "between pixels": (Look(), 1.0, 0.4),
    "made smaller": (Look(blend_px=8), 0.7, 0.4),
    "blended behind": (Look(behind="blended"), 1.0, 0.0),
    "whole background": (Look(length="whole"), 1.0, 0.0),
    OTHER: (Look(), 1.0, 0.0),
}
ENCODING = Encoding(crf=16, preset="veryfast")


def main() -> None:
    """All looks."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        scene = Scene(size=SIZE, pan_px=120.0)
        pair = Case("composite", scene=scene, seconds=SECONDS, crop=CROP, rate=Fraction(60)).made(place)
        decoding = least(lambda: _decoded(pair))
        for name, (look, scale, aside_px) in LOOKS.items():
            same = replace(pair, foreground=replace(pair.foreground, colour=pair.background.colour))
            overlay = _overlay(pair if name == OTHER else same, look, scale, aside_px)
            pictures = list(overlay.pictures())
            encoding = least(lambda: _written(place / "x264.mp4", overlay, pictures))  # noqa: B023 - called at once
            pictures.clear()
            whole = least(lambda: _composed(place / "out.mp4", overlay))  # noqa: B023 - called at once
            needed = decoding + encoding
            parts = ((f"{name:20}", decoding), ("x264", encoding), ("all in", whole), ("ratio", whole / needed))
            print(
                "  ".join(f"{word} {clock:.2f} ({processors:.2f})" for word, (clock, processors) in parts), flush=True
            )


def least(work: Callable[[], object]) -> NDArray[np.float64]:
    """The least time that it took by the clock, and of processors, in s."""
    taken = []
    for _ in range(TIMES):
        started = time.perf_counter(), time.process_time()
        work()
        taken.append((time.perf_counter() - started[0], time.process_time() - started[1]))
    return np.asarray(np.min(taken, axis=0), np.float64)


def _overlay(pair: Pair, look: Look, scale: float, aside_px: float) -> Overlay:
    """A map with moments between frames."""
    count = len(pair.foreground)
    place = Placement(scale, pair.corner[0] + aside_px, pair.corner[1] + aside_px)
    moments = np.minimum(np.arange(count) + 0.3, len(pair.background) - 1)
    found = TimeMap(place, moments, np.zeros(count), (Label.SURE,) * count, 1.0)
    return Overlay(pair.background, pair.foreground, found, look)


def _decoded(pair: Pair) -> None:
    for clip in (pair.background, pair.foreground):
        with closing(Cursor(clip)) as cursor:
            for _ in cursor.frames(clip.span):
                pass


def _written(path: Path, overlay: Overlay, pictures: list[av.VideoFrame]) -> None:
    _encoded(path, overlay, pictures)


def _composed(path: Path, overlay: Overlay) -> None:
    with closing(prefetch(overlay.pictures())) as pictures:
        _encoded(path, overlay, pictures)


def _encoded(path: Path, overlay: Overlay, pictures: object) -> None:
    clip = overlay.timeline.clip
    shape = replace(Shape.like(clip), size=overlay.size, colour=overlay.colour)
    with ClipWriter(path, shape, ENCODING) as writer:
        for picture, place in zip(pictures, times(clip), strict=True):  # type: ignore[call-overload]
            writer.write(picture, *place)


if __name__ == "__main__":
    main()
