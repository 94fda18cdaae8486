"""How near frames between painted keys come to a restyle that is known, and what they cost.

python -m benchmarks.keyframe [quality|choice|cost]

The walker in clothes of other colours is the perfect painting of every frame; each twentieth frame is a key. PSNR
inside the matte of the frames between, beside plain flow from the nearest key, flow from both keys, and the bound: each
frame put together from its own perfect painting. `choice` takes the keys that the engine `edit` paints, and those that
the command `keys` proposes.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np

from benchmarks.measure import peak_mb
from tests.restyled_walk import Walk
from utils.flow import fetched, flow_pair
from utils.image import RGB, Size, bounding_box
from utils.image.metrics import warp_error
from utils.keyframes.between import Between
from utils.keyframes.carrying import Side, carried
from utils.keyframes.choosing import Rules
from utils.keyframes.motion import Match, Motion
from utils.keyframes.offering import RULES
from utils.keyframes.strength import identity
from utils.keyframes.stretch import Stretch
from utils.keyframes.synthesis import Flags, Key, Seen, synthesised
from utils.walker import Shot

SHOT = Shot(size=(512, 640), frames=150)
CASES = {"approach, 1.7 times larger": (20, 61), "turn and walk off": (100, 141), "stand": (64, 105)}
EVERY = 20
CLOSE = Shot(size=(1280, 1600), frames=150)
CLOSE_SPAN = (66, 77)
CROP = Size(512, 640)
LENGTHS = 20, 60
CHOICE_SHOT = Shot(size=(480, 270), frames=90)
CHOICE_SPANS = {"approach": (0, 49), "turn": (30, 79), "exit": (42, 90)}
CHOICES = {
    "edit": Rules(), "keys": RULES, "as edit, more reached": Rules(unreached=0.1),
    "as keys, by distance alone": replace(RULES, unreached=1.0),
}  # fmt: skip
MEMORY = """
from benchmarks.keyframe import SHOT, made, EVERY
from tests.restyled_walk import Walk
import sys
walk = Walk(SHOT, (60, 60 + EVERY + 1))
for _ in range(int(sys.argv[1]) // EVERY):
    made(walk, walk.restyled, (0, EVERY))
"""


def main() -> None:
    """The tables that the arguments name, or both."""
    asked = sys.argv[1:] or ["quality", "choice", "cost"]
    if "quality" in asked:
        _quality()
    if "choice" in asked:
        _choice()
    if "cost" in asked:
        _cost()


def _quality() -> None:
    for name, span in CASES.items():
        walk = Walk(SHOT, span)
        keys = tuple(range(0, len(walk.source), EVERY))
        print(f"\n{name}, keys {', '.join(str(span[0] + key) for key in keys)}", flush=True)
        for way, frames in _ways(walk, keys):
            _say(way, walk, frames, keys)
        painted = _each(walk.restyled, _recoloured)
        _say("  keys recoloured by hand", walk, made(walk, painted, keys), keys, painted)


def _ways(walk: Walk, keys: Sequence[int]) -> Iterator[tuple[str, list[RGB]]]:
    yield "flow from the nearest key", _flowed(walk, keys)
    yield "flow from both keys", _flowed_from_both(walk, keys)
    yield "bound: each from its own painting", _own(walk)
    yield "patches of both keys", made(walk, walk.restyled, keys)
    yield "  keys encoded again (JPEG 80)", made(walk, _each(walk.restyled, _encoded), keys)
    yield "  keys moved by 2 px", made(walk, _each(walk.restyled, _moved), keys)


def _say(way: str, walk: Walk, frames: list[RGB], keys: Sequence[int], truth: list[RGB] | None = None) -> None:
    known, walk.restyled = walk.restyled, truth or walk.restyled
    values = walk.psnr_db(frames, keys)
    walk.restyled = known
    print(f"  {way:<36} mean {np.mean(values):5.1f} dB, worst {min(values):5.1f} dB, warp error"
          f" {_warp_ratio(walk, frames):4.2f} of the source's", flush=True)  # fmt: skip


def made(walk: Walk, painted: Sequence[RGB], keys: Sequence[int]) -> list[RGB]:
    """All frames from these keys."""
    between = Between(_seen(walk), _regions(walk), {key: painted[key] for key in keys})
    return [each.picture for each in between.made()]


def _seen(walk: Walk) -> list[Seen]:
    return [Seen(rgb, matte) for rgb, matte in zip(walk.source, walk.mattes, strict=True)]


def _regions(walk: Walk) -> list[Flags]:
    return [cv2.dilate(matte, np.ones((9, 9))) > 20 for matte in walk.mattes]


def _own(walk: Walk) -> list[RGB]:
    result = list[RGB]()
    for number, (seen, region) in enumerate(zip(_seen(walk), _regions(walk), strict=True)):
        proposal = synthesised(Key.of(seen, walk.restyled[number]), seen, identity(seen.size), region, number)
        result.append(np.clip(np.rint(proposal.painted), 0, 255).astype(np.uint8))
    return result


def _flowed(walk: Walk, keys: Sequence[int]) -> list[RGB]:
    """Each frame from its nearest key, by flow from neighbour to neighbour."""
    result, last = list(walk.restyled), len(walk.source) - 1
    middles = [(one + other) // 2 for one, other in pairwise(keys)]
    for key, first, stop in zip(keys, [0, *(each + 1 for each in middles)], [*middles, last], strict=True):
        for side, end in ((1, stop), (-1, first)):
            vectors = None
            for frame in range(key + side, end + side, side):
                step, _ = flow_pair(walk.greys[frame], walk.greys[frame - side])
                vectors = step.vectors if vectors is None else step.vectors + fetched(vectors, step.vectors)
                match = Match(np.asarray(vectors, np.float32), step.valid.astype(np.float32))
                result[frame] = fetched(walk.restyled[key], match.vectors, sharp=True)
    return result


def _flowed_from_both(walk: Walk, keys: Sequence[int]) -> list[RGB]:
    """Each frame from the keys on both sides, each pixel from the surer one."""
    result, motion = list(walk.restyled), Motion(walk.greys)
    for start, stop in pairwise(keys):
        later = dict(motion.away(stop, start))
        for frame, match in motion.away(start, stop):
            before, after = Side(walk.restyled[start], match), Side(walk.restyled[stop], later[frame])
            result[frame] = carried(before, after, (frame - start) / (stop - start))
    return result


def _warp_ratio(walk: Walk, frames: Sequence[RGB]) -> float:
    """Warp error inside the matte, as a share of that of the source."""
    errors = list[tuple[float, float]]()
    for number in range(len(frames) - 1):
        flow, _ = flow_pair(walk.greys[number], walk.greys[number + 1])
        inside = walk.mattes[number] > 127
        errors.append((
            warp_error(frames[number], frames[number + 1], flow, inside),
            warp_error(walk.source[number], walk.source[number + 1], flow, inside),
        ))  # fmt: skip
    ours, source = np.mean(errors, axis=0)
    return float(ours / source)


def _each(pictures: Sequence[RGB], change: Callable[[RGB], RGB]) -> list[RGB]:
    return [change(picture) for picture in pictures]


def _encoded(picture: RGB) -> RGB:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], 1))


def _moved(picture: RGB) -> RGB:
    return np.asarray(np.roll(picture, (2, 2), (0, 1)))


def _recoloured(picture: RGB) -> RGB:
    """A warmer, flatter copy, as a hand at the colours of a paint program makes one."""
    tones = np.rint(255 * (np.arange(256) / 255) ** np.array([[0.8], [0.95], [1.2]])).astype(np.uint8)
    return np.asarray(cv2.merge([cv2.LUT(picture[..., channel], tones[channel]) for channel in range(3)]))


def _close_up(shot: Shot, span: tuple[int, int], size: Size) -> Walk:
    """A walk cropped to the person, who fills the height of the crop."""
    walk = Walk(shot, span)
    rows, columns = np.nonzero(walk.mattes[len(walk.mattes) // 2] > 127)
    height_px = round(1.06 * (rows.max() - rows.min()))
    width_px = round(height_px * size.width_px / size.height_px)
    left, top = (max(0, round(middle)) for middle in (columns.mean() - width_px / 2, rows.min() - 0.03 * height_px))
    part = slice(top, top + height_px), slice(left, left + width_px)
    walk.source, walk.restyled, walk.mattes, walk.greys = (
        [np.asarray(cv2.resize(each[part], size, interpolation=cv2.INTER_AREA)) for each in frames]
        for frames in (walk.source, walk.restyled, walk.mattes, walk.greys)
    )
    return walk


def _around_the_person(walk: Walk) -> Walk:
    """A walk cropped to all that the person ever covers, as engines see it."""
    box = bounding_box(np.maximum.reduce(walk.mattes), 20)
    assert box
    part = box.grown(12, Size.of(walk.source[0])).slices
    walk.source, walk.restyled, walk.mattes, walk.greys = (
        [np.ascontiguousarray(each[part]) for each in frames]
        for frames in (walk.source, walk.restyled, walk.mattes, walk.greys)
    )
    return walk


def _choice() -> None:
    """How many keys each set of rules asks for, with the first and the last frame, and how near the others come."""
    for name, span in CHOICE_SPANS.items():
        walk = _around_the_person(Walk(CHOICE_SHOT, span))
        for whose, rules in CHOICES.items():
            keys = Stretch(walk.greys, walk.mattes).keys(rules)
            values = walk.psnr_db(made(walk, walk.restyled, keys), keys)
            print(f"\n{name}, {whose:26}: {len(keys):2} keys in {len(walk.source)} frames,"
                  f" mean {np.mean(values):.1f} dB, worst {min(values):.1f} dB", end="", flush=True)  # fmt: skip
    print()


def _cost() -> None:
    walk = _close_up(CLOSE, CLOSE_SPAN, CROP)
    last = len(walk.source) - 1
    share = np.mean([(matte > 127).mean() for matte in walk.mattes])
    made(walk, walk.restyled, (0, last))
    for name, part in (("the person", None), ("the whole picture", np.ones(walk.mattes[0].shape, bool))):
        between = Between(_seen(walk), _regions(walk) if part is None else [part] * (last + 1),
                          {key: walk.restyled[key] for key in (0, last)})  # fmt: skip
        started, wall = time.process_time(), time.perf_counter()
        frames = list(between.made())
        seconds, wall = (now - then for now, then in ((time.process_time(), started), (time.perf_counter(), wall)))
        print(f"\n{name} in a crop of {CROP}, {share:.0%} of it the person: {seconds / (len(frames) - 2):.2f} CPU-s a"
              f" frame, {wall / (len(frames) - 2):.2f} s on the clock", flush=True)  # fmt: skip
    peaks = [peak_mb(MEMORY, str(length)) for length in LENGTHS]
    print(f"peak memory of {LENGTHS[0]} and {LENGTHS[1]} frames in windows from key to key:"
          f" {peaks[0]:.0f} and {peaks[1]:.0f} MB, {peaks[1] / peaks[0]:.2f} times")  # fmt: skip


if __name__ == "__main__":
    main()
