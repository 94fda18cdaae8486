"""Which frames people are offered to paint, each with its reason, so that the painted ones show all that moves.

Only the frames between two keys are held at once, as small grey pictures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from utils.flow import Grey
from utils.keyframes.carrying import unreached
from utils.keyframes.choosing import Rules, keys
from utils.keyframes.motion import Motion
from utils.keyframes.stretch import Check, Mask, Stretch

RULES = Rules(scale=1.3, frames=20, unreached=0.4)
"""Patch synthesis fills in what plain carrying does not reach, so that fewer frames have to be painted for it."""
LEAST_APART = 5
"""Frames that are nearer to a key than this are left to it, whatever they show."""
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
    coarse = keys(run.heights_px, lambda start, stop: {}, rules)
    held = [next(frames)]
    yield Offer(0, "the first frame of a shot with something to paint")
    for start, stop in pairwise(coarse):
        held += [next(frames) for _ in range(stop - start)]
        greys, subjects = [grey for grey, _ in held], [subject for _, subject in held]
        stretch = Stretch(greys, subjects, check)
        inner = [start + frame for frame in _between(stretch, run.heights_px[start : stop + 1], rules)]
        for before, key, after in zip([start, *inner], inner, [*inner[1:], stop], strict=False):
            yield Offer(key, _why_between(run, before, key, after))
        last = inner[-1] if inner else start
        if stop < len(run) - 1:
            yield Offer(stop, _why(run, start, stop, rules))
        elif not _alone(run, last, greys[last - start :], subjects[last - start :], rules):
            yield Offer(stop, "the last frame")
        held = held[-1:]


def _between(stretch: Stretch, heights_px: Sequence[float], rules: Rules) -> list[int]:
    """The frames between the ends of a stretch that show too much that no key near them shows."""

    def unreached(start: int, stop: int) -> dict[int, float]:
        shares = stretch.unreached(start, stop)
        return {frame: share for frame, share in shares.items() if min(frame - start, stop - frame) >= LEAST_APART}

    return list(keys(heights_px, unreached, rules)[1:-1])


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


def seen_runs(seen: Sequence[bool], longest_gap: int = RULES.frames) -> list[tuple[int, int]]:
    """The runs of frames in which somebody is seen, half-open; a short gap does not end one."""
    indexes: NDArray[np.intp] = np.flatnonzero(np.asarray(seen))
    if not len(indexes):
        return []
    breaks = np.flatnonzero(np.diff(indexes) > longest_gap) + 1
    return [(int(part[0]), int(part[-1]) + 1) for part in np.split(indexes, breaks)]
