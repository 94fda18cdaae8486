"""Optical flow: what extraction costs beside the search alone, how small and exact flow files are, and slices of them.

python -m benchmarks.flow [CLIP ...]
The walker with a sensor's noise is always measured; sizes of flows of other clips are printed beside it.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from benchmarks.measure import side_by_side, table
from pipeline.guide.kind import KIND
from pipeline.guide.plan import GuidePlan, Structure
from pipeline.guide.story import make_guide
from pipeline.stage import RunContext
from utils.flow import Flow, Grey
from utils.flow.extraction import BACKWARD, FORWARD, Extraction, extract
from utils.flow.flow_file import FlowFile, FlowHeader, FlowWriter, encoded
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.media.timebase import Span
from utils.media.video import ClipBrightness
from utils.size import Size
from utils.store import Store
from utils.walker import Reels, Scene, Shot, film

HD = Shot(size=(1280, 720), frames=100, noise=2.5)
TIMED = Span(0, 24)
TRUE_PAIRS = range(10, 90, 8)
SLICE, LONG = 10, 1000


def main() -> None:
    """Every measurement after the other."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film(HD, Reels(clip=folder / "walker.mp4"))
        walker = probe(folder / "walker.mp4")
        extraction_time(walker, folder)
        for clip in (walker, *map(probe, map(Path, sys.argv[1:]))):
            for steps in (16, 32):
                stored_size(clip, folder, steps)
        exactness(folder)
        slices(folder)
        segments(walker, folder)


def extraction_time(clip: Clip, folder: Path) -> None:
    """The whole extraction, decoding and storing included, beside OpenCV's DIS alone on pictures in memory."""
    greys = [plane.copy() for plane in ClipBrightness(clip).read(TIMED)]
    with _empty(folder, "timed") as place:
        seconds = side_by_side(
            {
                "DIS alone, both ways": lambda: _search(greys),
                "extraction": lambda: extract(Extraction(clip, TIMED), place),
            }
        )
    table(f"{len(greys)} frames of {clip.size}", seconds, "DIS alone, both ways")


def stored_size(clip: Clip, folder: Path, steps: int) -> None:
    """Bytes in each direction, and what fp32 takes, for at most 100 frames."""
    span = Span(0, min(100, len(clip)))
    with _empty(folder, "sizes") as place:
        extract(Extraction(clip, span, steps_per_px=steps), place)
        raw = clip.size.area_px * 8 * (len(span) - 1)
        sizes = {name: (place / name).stat().st_size for name in (FORWARD, BACKWARD)}
        flow = FlowFile.at(place / FORWARD)
        started = time.perf_counter()
        count = sum(1 for _ in flow.flows(flow.header.sources))
        decode_ms = 1000 * (time.perf_counter() - started) / count
    print(f"\n{clip.path.name}, {len(span)} frames of {clip.size} at 1/{steps} px, {decode_ms:.2f} ms to read one")
    for name, size in sizes.items():
        print(f"  {name:<14} {size / 1e6:6.1f} MB, {raw / size:6.1f} x smaller than fp32")


def exactness(folder: Path) -> None:
    """The end point error against the walker's true motion, before storing and after."""
    scene = Scene(HD)
    before: list[float] = []
    after: dict[int, list[float]] = {16: [], 32: [], 64: []}
    for index in TRUE_PAIRS:
        greys = [cv2.cvtColor(scene.frame(number)[0], cv2.COLOR_RGB2GRAY) for number in (index, index + 1)]
        true = scene.flow(index, index + 1)
        vectors = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(greys[0], greys[1], None)
        before.append(_miss(vectors, true.vectors, true.valid))
        for steps, misses in after.items():
            back = _through_a_file(folder, vectors, steps)
            misses.append(_miss(back, true.vectors, true.valid))
    print(f"\nmean end point error on the walker, {len(before)} pairs: {np.mean(before):.4f} px as found")
    for steps, misses in after.items():
        more = 100 * (np.mean(misses) / np.mean(before) - 1)
        print(f"  stored at 1/{steps} px: {np.mean(misses):.4f} px, {more:+.3f} %")


def slices(folder: Path) -> None:
    """What is read of a long file for a slice of it."""
    rng = np.random.default_rng(0)
    flows = []
    for _ in range(8):
        rough = rng.normal(size=(240, 416, 2)).astype(np.float32)
        vectors = np.asarray(60 * cv2.GaussianBlur(rough, (0, 0), 12) + 0.03 * rough, np.float32)
        flows.append(encoded(Flow(vectors, np.ones((240, 416), bool), 0, 1)))
    size, path = Size(416, 240), folder / "long.flow"
    with FlowWriter(path, FlowHeader("0" * 64, size, size, Fraction(24), 0, LONG, 1, "made up")) as file:
        for number in range(LONG):
            file.add(flows[number % len(flows)])
    data, read = path.read_bytes(), [0]

    def ranged(start: int, stop: int) -> bytes:
        read[0] += len(data[start:stop])
        return data[start:stop]

    assert len(list(FlowFile(ranged).flows(Span(500, 500 + SLICE)))) == SLICE
    chunks = sum(len(flows[number % len(flows)]) for number in range(500, 500 + SLICE))
    print(f"\n{SLICE} of {LONG} flows: {read[0]} bytes read, their chunks have {chunks}: "
          f"{(read[0] - 65536) / chunks:.2f} x and 64 KB")  # fmt: skip


def segments(clip: Clip, folder: Path) -> None:
    """Three guides on one structure video: what the second and the third spend on flow, beside the first."""
    context = RunContext(Store(folder / "cache"), KIND.settings.load("", {}).flat())
    seconds = []
    for number in range(3):
        structure = Structure(clip, Span(0, 41), clip.span)
        plan = GuidePlan(Size(832, 480), clip.rate, 41 + number, (structure,))
        seconds.append(next(stage.seconds for stage in make_guide(plan, context).done if stage.name == "flow"))
    shares = ", ".join(f"{100 * each / seconds[0]:.2f} %" for each in seconds[1:])
    print(f"\nflow of the first of three guides: {seconds[0]:.1f} s; of the others {shares} of it")


def _search(greys: list[Grey]) -> None:
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for before, after in pairwise(greys):
        search.calc(before, after, None)
        search.calc(after, before, None)


def _through_a_file(folder: Path, vectors: np.ndarray, steps: int) -> np.ndarray:  # type: ignore[type-arg]
    size, path = Size.of(vectors), folder / "one.flow"
    with FlowWriter(path, FlowHeader("0" * 64, size, size, Fraction(24), 0, 1, 1, "DIS", steps)) as file:
        file.add(encoded(Flow(vectors, np.ones(vectors.shape[:2], bool), 0, 1), steps))
    return FlowFile.at(path).flow(0).vectors


def _miss(vectors: np.ndarray, true: np.ndarray, valid: np.ndarray) -> float:  # type: ignore[type-arg]
    return float(np.linalg.norm(vectors - true, axis=-1)[valid].mean())


@contextmanager
def _empty(folder: Path, name: str) -> Iterator[Path]:
    place = folder / name
    place.mkdir()
    try:
        yield place
    finally:
        for file in place.iterdir():
            file.unlink()
        place.rmdir()


if __name__ == "__main__":
    main()
