"""Finds placements by features (SIFT) that frames of both clips have, before anything is known of their times."""

from collections.abc import Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.align.placement import Placement
from utils.align.proxies import Luma, Proxies
from utils.align.scan import scanned
from utils.size import Size

FEATURES, RATIO, LEAST_AGREEING, REACH_PX = 300, 0.8, 8, 1.5
"""Features of a frame; how much better a match is than the next best; how many agree; to within how many proxy px."""
SAME_SHARE, LEAST_SCALE = 0.01, 0.05
"""Placements that differ by less of the foreground's width are one; the smallest scale that is believed."""
PASSES = ((2, 8), (3, 16), (8, 48))
"""How many frames of the foreground and of the background are compared; more where a pass is not sure."""
SURE_AGREEING, LEAST_LIKELY = 40, 0.25
"""So many features that agree on one place, in all pairs of frames together, are enough; and places on which less than
this share of what agrees on the best one agree are not looked at."""
LEAST_TURN, MORE_AGREEING, ROUNDS = 0.005, 1.3, 400
"""A turn in radians that is believed before it is refined; so many times as many features show that a clip is
stretched; how many guesses RANSAC makes."""
SCALE_SEEN, SCANNED_FRAMES = 5, 5
"""How many candidates show the scale, and how many frames of the foreground are looked for with it."""
GOLDEN = 0.618034
"""Multiples of it fall evenly and never in step."""
THREADS = 2
"""How many threads look for features, which find the same in any number."""


Places = NDArray[np.float32]


@dataclass(frozen=True)
class Candidate:
    """A placement that pairs of frames show, and how many features agree on it."""

    placement: Placement
    agreeing: int
    in_pair: int
    """How many of them in the pair of frames in which most do."""
    own: Places
    """Where features of the foreground are that are alike in the background."""
    theirs: Places
    """Where those are."""
    reach_px: float

    @cached_property
    def stretch(self) -> float:
        """How many times as wide the foreground seems to be, beside its height, as a part of the background would be.

        It is 1 unless clearly more features agree on more.
        """
        matrix, inside = cv2.estimateAffine2D(
            self.own, self.theirs, ransacReprojThreshold=self.reach_px, maxIters=ROUNDS
        )
        if matrix is None or inside.sum() < MORE_AGREEING * self.in_pair:
            return 1.0
        return float(np.linalg.norm(matrix[:, 1]) / np.linalg.norm(matrix[:, 0]))


@dataclass(frozen=True)
class _Features:
    """Features of a frame: positions in px of its clip, and descriptors of unit length."""

    places: Places
    descriptors: NDArray[np.float32]


def candidates(background: Proxies, foreground: Proxies, most: int = 16) -> list[Candidate]:
    """The placements that features agree on in most pairs of frames, the best first, each clearly different."""
    found: list[Candidate] = []
    with ThreadPoolExecutor(THREADS) as threads:
        own, theirs = _Described(foreground, threads), _Described(background, threads)
        for foregrounds, backgrounds in PASSES:
            few, many = _spread(len(foreground), foregrounds), _spread(len(background), backgrounds)
            alike = _alike(own, theirs, [(index, place) for index in few for place in many])
            if alike:
                alike += _alike(own, theirs, _at_one_moment(background, foreground, alike))
            found = _places(alike, foreground.size)
            if found and found[0].agreeing >= SURE_AGREEING:
                break
    likely = LEAST_LIKELY * found[0].agreeing if found else 0
    return [each for each in found if each.agreeing >= likely][:most]


def _places(found: list[Candidate], size: Size) -> list[Candidate]:
    """One candidate for each place, on which all features agree that show it, in whichever pair of frames."""
    places: list[list[Candidate]] = []
    for each in sorted(found, key=lambda each: -each.agreeing):
        same_px = SAME_SHARE * size.width_px * each.placement.scale
        near = (place for place in places if each.placement.differs_px(place[0].placement, size) <= same_px)
        same = next(near, None)
        if same is None:
            places.append([each])
        else:
            same.append(each)
    united = [replace(place[0], agreeing=sum(each.agreeing for each in place)) for place in places]
    return sorted(united, key=lambda each: -each.agreeing)


class _Described:
    """The features of some frames of a clip, which are looked for once."""

    def __init__(self, clip: Proxies, threads: Executor) -> None:
        self.clip, self.threads = clip, threads
        self._known: dict[int, _Features] = {}

    def of(self, indices: Iterable[int]) -> dict[int, _Features]:
        """Those of these frames."""
        new = sorted(set(indices) - self._known.keys())
        self._known.update(zip(new, self.threads.map(partial(_described, self.clip), new), strict=True))
        return self._known


def _alike(own: _Described, theirs: _Described, pairs: list[tuple[int, int]]) -> list[Candidate]:
    """The placements that pairs of frames show, the one that most features agree on first."""
    mine, other = own.of(index for index, _ in pairs), theirs.of(place for _, place in pairs)
    found = own.threads.map(lambda pair: _candidate(mine[pair[0]], other[pair[1]], theirs.clip), pairs)
    return sorted((each for each in found if each is not None), key=lambda each: -each.agreeing)


def _at_one_moment(background: Proxies, foreground: Proxies, found: list[Candidate]) -> list[tuple[int, int]]:
    """Pairs of frames that show one moment, once it is known how large the foreground is."""
    scale = float(np.median([each.placement.scale for each in found[:SCALE_SEEN]]))
    few = _spread(len(foreground), SCANNED_FRAMES)
    return list(zip(few, scanned(background, foreground, scale, few), strict=True))


def _spread(count: int, wanted: int) -> list[int]:
    """Spread indices, unevenly, so that nothing that repeats itself is always met in the same state."""
    return sorted({int((number + number * GOLDEN % 1) * count / wanted) for number in range(min(count, wanted))})


def _described(clip: Proxies, index: int) -> _Features:
    points, descriptors = cv2.SIFT.create(nfeatures=FEATURES).detectAndCompute(_even(clip.luma[index]), None)
    if descriptors is None:
        return _Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    places = (np.array([point.pt for point in points], np.float32) + 0.5) / np.array(clip.reduction, np.float32)
    return _Features(places, descriptors / np.maximum(np.linalg.norm(descriptors, axis=1, keepdims=True), 1e-6))


def _even(luma: Luma) -> Luma:
    """A picture in its full contrast, so that dark and pale ones have features, too."""
    return np.asarray(cv2.normalize(luma, None, 0, 255, cv2.NORM_MINMAX), np.uint8)


def glimpsed(background: Proxies, foreground: Proxies, pairs: list[tuple[int, int]]) -> list[Candidate]:
    """The placements that a few pairs of frames show, of the foreground and of the background, the best first."""
    with ThreadPoolExecutor(THREADS) as threads:
        return _alike(_Described(foreground, threads), _Described(background, threads), pairs)


def _candidate(own: _Features, other: _Features, background: Proxies) -> Candidate | None:
    if min(len(own.descriptors), len(other.descriptors)) < LEAST_AGREEING:
        return None
    alike = own.descriptors @ other.descriptors.T
    best = np.argpartition(alike, -2, axis=1)[:, -2:]
    values = np.take_along_axis(alike, best, axis=1)
    first = best[np.arange(len(best)), values.argmax(axis=1)]
    near, next_near = (np.sqrt(np.maximum(2 - 2 * each, 0)) for each in (values.max(axis=1), values.min(axis=1)))
    good = near < RATIO * next_near
    if good.sum() < LEAST_AGREEING:
        return None
    reach_px = REACH_PX / background.reduction[0]
    pairs = own.places[good], other.places[first[good]]
    matrix, inside = cv2.estimateAffinePartial2D(*pairs, ransacReprojThreshold=reach_px, maxIters=ROUNDS)
    if matrix is None or inside.sum() < LEAST_AGREEING:
        return None
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if not LEAST_SCALE < scale < 1 / LEAST_SCALE:
        return None
    turn = float(np.arctan2(matrix[1, 0], matrix[0, 0]))
    left, top = map(float, matrix[:, 2])
    placement = Placement(scale, left, top, turn if abs(turn) > LEAST_TURN else 0.0)
    agreeing = int(inside.sum())
    return Candidate(placement, agreeing, agreeing, *pairs, reach_px)
