"""Finds placements by features (SIFT) that frames of both clips have, before anything is known of their times."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.align.placement import Placement
from utils.align.proxies import Luma, Proxies
from utils.align.scan import scanned

FEATURES, RATIO, LEAST_AGREEING, REACH_PX = 300, 0.8, 8, 1.5
"""Features of a frame; how much better a match is than the next best; how many agree; to within how many proxy px."""
SAME_SHARE, LEAST_SCALE = 0.01, 0.05
"""Placements that differ by less of the foreground's width are one; the smallest scale that is believed."""
PASSES = ((3, 16), (8, 48))
"""How many frames of the foreground and of the background are compared; more where the first pass is not sure."""
SURE_AGREEING = 40
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
    """A placement that a pair of frames shows, and how many features agree on it."""

    placement: Placement
    agreeing: int
    stretch: float
    """How many times as wide the foreground seems to be, beside its height, as a part of the background would be."""


@dataclass(frozen=True)
class _Features:
    """Features of a frame: positions in px of its clip, and descriptors of unit length."""

    places: Places
    descriptors: NDArray[np.float32]


def candidates(background: Proxies, foreground: Proxies, most: int = 16) -> list[Candidate]:
    """The placements that most features agree on, the best first, each clearly different from those before it."""
    found: list[Candidate] = []
    for foregrounds, backgrounds in PASSES:
        with ThreadPoolExecutor(THREADS) as threads:
            own = threads.map(partial(_described, foreground), _spread(len(foreground), foregrounds))
            theirs = list(threads.map(partial(_described, background), _spread(len(background), backgrounds)))
            for features in own:
                alike = threads.map(partial(_candidate, features, background=background), theirs)
                found += [candidate for candidate in alike if candidate is not None]
        if max((each.agreeing for each in found), default=0) >= SURE_AGREEING:
            break
    found.sort(key=lambda each: -each.agreeing)
    found += _at_one_moment(background, foreground, found)
    found.sort(key=lambda each: -each.agreeing)
    kept: list[Candidate] = []
    for each in found:
        same_px = SAME_SHARE * foreground.size.width_px * each.placement.scale
        if all(each.placement.differs_px(other.placement, foreground.size) > same_px for other in kept):
            kept.append(each)
        if len(kept) == most:
            break
    return kept


def _at_one_moment(background: Proxies, foreground: Proxies, found: list[Candidate]) -> list[Candidate]:
    """Candidates of frames that were found to show one moment, once it is known how large the foreground is."""
    if not found:
        return []
    scale = float(np.median([each.placement.scale for each in found[:SCALE_SEEN]]))
    few = _spread(len(foreground), SCANNED_FRAMES)
    pairs = zip(few, scanned(background, foreground, scale, few), strict=True)
    features = [(_described(foreground, index), _described(background, place)) for index, place in pairs]
    alike = [_candidate(own, other, background) for own, other in features]
    return [each for each in alike if each is not None]


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
    own, theirs = ({pair[side] for pair in pairs} for side in (0, 1))
    with ThreadPoolExecutor(THREADS) as threads:
        shown = dict(zip(own, threads.map(partial(_described, foreground), own), strict=True))
        behind = dict(zip(theirs, threads.map(partial(_described, background), theirs), strict=True))
        alike = list(threads.map(lambda pair: _candidate(shown[pair[0]], behind[pair[1]], background), pairs))
    return sorted((each for each in alike if each is not None), key=lambda each: -each.agreeing)


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
    return Candidate(placement, int(inside.sum()), _stretch(*pairs, int(inside.sum()), reach_px))


def _stretch(own: Places, other: Places, agreeing: int, reach_px: float) -> float:
    """How far the foreground is stretched across, if clearly more features agree on that than on none."""
    matrix, inside = cv2.estimateAffine2D(own, other, ransacReprojThreshold=reach_px, maxIters=ROUNDS)
    if matrix is None or inside.sum() < MORE_AGREEING * agreeing:
        return 1.0
    return float(np.linalg.norm(matrix[:, 1]) / np.linalg.norm(matrix[:, 0]))
