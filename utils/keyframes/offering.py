"""Which frames people are offered to paint, each with its reason, so that the painted ones show all that moves.

Only the frames between two keys are held at once, as small grey pictures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf

import numpy as np
from numpy.typing import NDArray

from utils.flow import Grey
from utils.keyframes.carrying import unreached
from utils.keyframes.choosing import Rules, keys
from utils.keyframes.motion import Motion
from utils.keyframes.stretch import Check, Mask, Stretch

RULES = Rules(scale=1.3, frames=48, unreached=0.6, least=5)
"""As few as patch synthesis needs, by `benchmarks.keyframe choice`. It finds again most of what the flow loses; only
where that is most of the subject it takes one thing for another."""
GAP_FRAMES, NEAR_FRAMES = 20, 20
"""How long somebody may be out of sight within one run; and among how many frames it is judged who is well seen."""
WELL_SEEN = 0.6
"""Of their height in the frames around: somebody who is seen less of comes into the picture, or leaves it."""
TURNED = 0.35
"""A person who faces the camera by so much more or less than in the keys beside it has turned."""
ALONE_SHARE = 0.5
"""Of the most frames between two keys, and of what they may leave unreached: what one key is left to do alone."""


@dataclass(frozen=True)
class Offer:
    """A frame to paint, and why."""

    frame: int
    reason: str


@dataclass(frozen=True)
class Run:
    """Frames that are followed from key to key: how tall the subject is in each, and how far it faces the camera."""

    heights_px: Sequence[float]
    facings: Sequence[float]

    def __len__(self) -> int:
        return len(self.heights_px)


Seen = tuple[Grey, Mask]
"""A small frame in grey, and what has to be shown of it (0..255)."""


def offers(run: Run, frames: Iterator[Seen], check: Check, rules: Rules = RULES) -> Iterator[Offer]:
    """The frames of a run to paint, in order; `frames` are all of them, read once."""
    shown = replace(rules, scale=inf)  # what size asks for is known already
    coarse = keys(run.heights_px, lambda start, stop: {}, rules)
    held = [next(frames)]
    yield Offer(0, "the first frame of a shot with something to paint")
    for start, stop in pairwise(coarse):
        held += [next(frames) for _ in range(stop - start)]
        greys, subjects = [grey for grey, _ in held], [subject for _, subject in held]
        inner = [start + frame for frame in Stretch(greys, subjects, check).keys(shown)[1:-1]]
        for before, key, after in zip([start, *inner], inner, [*inner[1:], stop], strict=False):
            yield Offer(key, _why_between(run, before, key, after))
        last = inner[-1] if inner else start
        if stop < len(run) - 1:
            yield Offer(stop, _why(run, start, stop, rules))
        elif not _alone(run, last, greys[last - start :], subjects[last - start :], rules):
            yield Offer(stop, "the last frame")
        held = held[-1:]


def _alone(run: Run, key: int, greys: Sequence[Grey], subjects: Sequence[Mask], rules: Rules) -> bool:
    """Whether a key shows all that follows it, so that the last frame need not be painted."""
    small, large = sorted((run.heights_px[key], run.heights_px[-1]))
    if len(greys) - 1 > ALONE_SHARE * rules.frames or (small > 0 and large > rules.scale * small):
        return False
    most = ALONE_SHARE * rules.unreached
    matches = Motion(greys).away(0, len(greys))
    return all(unreached([match.sure], subjects[frame]) <= most for frame, match in matches)


def _why(run: Run, before: int, key: int, rules: Rules) -> str:
    """Why a key follows another one."""
    if key - before >= rules.frames:
        return f"{key - before} frames after the one before"
    was_px, is_px = run.heights_px[before], run.heights_px[key + 1]
    if is_px > was_px:
        return f"the person grew {is_px / was_px:.1f} times"
    return f"the person shrank {was_px / is_px:.1f} times"


def _why_between(run: Run, before: int, key: int, after: int) -> str:
    """Why a key lies between two others."""
    beside = [run.facings[before], run.facings[after]]
    if min(abs(run.facings[key] - each) for each in beside) > TURNED:
        return "the person turned"
    return "something comes into sight that no other key shows"


def seen_runs(heights_px: Sequence[float], longest_gap: int = GAP_FRAMES) -> list[tuple[int, int]]:
    """The runs of frames in which somebody is well seen, half-open; a short gap does not end one."""
    indexes: NDArray[np.intp] = np.flatnonzero(np.asarray(heights_px))
    if not len(indexes):
        return []
    breaks = np.flatnonzero(np.diff(indexes) > longest_gap) + 1
    return [_well_seen(heights_px, int(part[0]), int(part[-1]) + 1) for part in np.split(indexes, breaks)]


def _well_seen(heights_px: Sequence[float], start: int, stop: int) -> tuple[int, int]:
    """A run without the frames at its ends in which little of somebody is seen."""
    near = NEAR_FRAMES
    first = next(i for i in range(start, stop) if heights_px[i] >= WELL_SEEN * max(heights_px[i : min(i + near, stop)]))
    last = next(
        i
        for i in reversed(range(first, stop))
        if heights_px[i] >= WELL_SEEN * max(heights_px[max(first, i - near + 1) : i + 1])
    )
    return first, last + 1
