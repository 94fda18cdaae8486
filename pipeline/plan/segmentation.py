"""Segmentation: cuts a clip into approach, hold and exit by how the person moves, or else into equal parts.

The hold is the stretch that is most surely standing still; what lies before it is the approach, what lies after it the
exit. Cuts of the film always end a segment.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.plan.movement import Movement, movement
from utils.camera.path import CameraPath
from utils.media.timebase import Span
from utils.people.pose import Poses

Name = Literal["approach", "hold", "exit", "part"]
Doubles = NDArray[np.float64]

SEEN_SHARE = 0.3
"""A shot is cut by movement only if the person is seen in at least this share of its frames."""
MOVES_HEIGHTS = 0.4
"""A person who covers less than this distance, in own heights, does not move."""
LEAP, LEAPS_SHARE = 3.0, 0.03
"""A speed, in heights a second, that nobody walks; and the share of frames in which it may be measured all the same."""
GROWS = 0.15
"""Growth in the picture, as a logarithm, below which nobody is said to come nearer."""
SLOWEST, QUICKEST = 0.2, 0.8
"""Limits of the walking speed that is assumed for a clip, in heights a second."""
STROLL, REST = 0.35, 0.2
"""Shares of the walking speed: below the first a person rather stands than walks, below the second hardly moves."""
EASE_S = 0.3
"""How much longer it takes to come to rest, or to get going, than the speed shows."""
AUTO_S = ((12.0, 3), (24.0, 5))
"""Clips up to each length (s) are cut into so many segments; longer ones into `MOST`."""
MOST = 7


@dataclass(frozen=True)
class Segment:
    """A stretch of the clip, with the reason for it as part of a sentence."""

    name: Name
    span: Span
    reason: str


@dataclass(frozen=True)
class SplitRule:
    """The number of segments, what they are cut by, and the shortest length."""

    count: Literal["auto", 3, 5, 7] = "auto"
    split: Literal["phase", "uniform"] = "phase"
    least_s: float = 0.7

    def pieces(self, length_s: float) -> int:
        """The number of segments of a clip of this length."""
        if self.count != "auto":
            return self.count
        return next((count for limit_s, count in AUTO_S if length_s <= limit_s), MOST)


@dataclass(frozen=True)
class Split:
    """Segments in order, without a gap; and a sentence if they are not the phases that were asked for."""

    segments: tuple[Segment, ...]
    reason_of_fallback: str | None = None


def split(poses: Poses, camera: CameraPath, rule: SplitRule | None = None) -> Split:
    """The segments of a clip, as many as the rule asks for unless they would be too short or the film has more cuts."""
    rule = rule or SplitRule()
    if len(poses) != len(camera):
        raise ValueError(f"{len(poses)} poses of {len(camera)} frames")
    times_s = camera.times_s()
    frame_s = float(np.median(np.diff(times_s))) if len(camera) > 1 else 1.0
    least = max(1, round(rule.least_s / max(frame_s, 1e-3)))
    count = rule.pieces(float(times_s[-1]) + frame_s)
    moves = movement(poses, camera)
    pieces: list[Segment] = []
    for shot in camera.shots:
        if rule.split == "uniform":
            pieces.append(_whole("part", shot, "equal lengths were asked for"))
        else:
            pieces += _phases(moves.part(shot), shot, least, frame_s)
    fallback = None
    if rule.split == "phase" and all(piece.name == "part" for piece in pieces):
        reason = pieces[0].reason
        fallback = f"The clip is cut into equal parts instead of approach, hold and exit: {reason}."
    pieces = _joined(pieces, count, set(camera.breaks))
    return Split(tuple(_divided(pieces, count, least, moves.speed)), fallback)


def _whole(name: Name, frames: range, reason: str) -> Segment:
    return Segment(name, Span(frames.start, frames.stop), reason)


def _phases(moves: Movement, shot: range, least: int, frame_s: float) -> list[Segment]:
    """The approach, hold and exit of one shot, as far as it has them; one part where they cannot be told."""
    if moves.seen.mean() < SEEN_SHARE or moves.seen.sum() < 2:
        return [_whole("part", shot, "the person is not seen well enough to tell how they move")]
    if len(shot) < 2 * least:
        return [_whole("part", shot, "it is too short to be cut by what the person does")]
    if _distance_heights(moves) < MOVES_HEIGHTS:
        return [_whole("part", shot, "the person stays in one place all the time")]
    if (moves.speed > LEAP).mean() > LEAPS_SHARE:
        return [_whole("part", shot, "what was taken for the person leaps about, as if it were several people")]
    walking = float(np.clip(np.percentile(moves.speed[moves.seen], 85), SLOWEST, QUICKEST))
    hold = _hold(moves, walking, least, frame_s)
    if hold is None:
        return _without_hold(moves, shot, least)
    names: tuple[tuple[Name, int, int, str], ...] = (
        ("approach", 0, hold.start, "the person walks up"),
        ("hold", hold.start, hold.stop, "the person stands"),
        ("exit", hold.stop, len(shot), "the person walks off"),
    )
    return [_whole(name, shot[start:stop], reason) for name, start, stop, reason in names if stop > start]


def _distance_heights(moves: Movement) -> float:
    """How far apart the places are between which the person moves, in own heights, without outliers."""
    low, high = np.percentile(moves.place[moves.seen], [5, 95], axis=0)
    return float(np.linalg.norm(high - low))


def _hold(moves: Movement, walking: float, least: int, frame_s: float) -> Span | None:
    """The stretch in which standing outweighs walking most, from coming to rest to getting going."""
    stroll, rest = STROLL * walking, REST * walking
    standing = np.clip((stroll - moves.sure_speed) / stroll, -1, 1)
    present = np.flatnonzero(moves.seen)
    standing[: present[0]] = standing[present[-1] + 1 :] = -1
    start, stop = _largest_run(standing)
    if stop - start < least:
        return None
    middle, ease = (start + stop) // 2, round(EASE_S / frame_s)
    if start > 0:
        start += int(np.argmax(moves.speed[start : middle + 1] < rest)) + ease
    if stop < len(standing):
        stop -= int(np.argmax(moves.speed[middle:stop][::-1] < rest)) + ease
    if stop - start < least:
        return None
    return Span(start if start >= least else 0, stop if len(standing) - stop >= least else len(standing))


def _largest_run(values: Doubles) -> tuple[int, int]:
    """The run with the largest sum (maximum subarray), half-open."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    lowest = np.minimum.accumulate(sums)
    stop = int(np.argmax(sums - lowest))
    return int(np.argmin(sums[: stop + 1])), stop


def _without_hold(moves: Movement, shot: range, least: int) -> list[Segment]:
    """The phases of somebody who never stands: approach up to the frame in which they are largest, then exit."""
    size = np.log(moves.height_px)
    nearest = int(np.argmax(size))
    comes, goes = size[nearest] - size[0] > GROWS, size[nearest] - size[-1] > GROWS
    if not comes and not goes:
        return [_whole("part", shot, "the person moves without coming nearer or stopping")]
    if comes and goes and least <= nearest <= len(shot) - least:
        return [
            _whole("approach", shot[:nearest], "the person walks up and does not stop"),
            _whole("exit", shot[nearest:], "the person walks off"),
        ]
    if size[nearest] - size[0] > size[nearest] - size[-1]:
        return [_whole("approach", shot, "the person walks up and does not stop")]
    return [_whole("exit", shot, "the person walks off from the start")]


def _joined(pieces: list[Segment], count: int, cuts: set[int]) -> list[Segment]:
    """At most `count` segments: the shortest joins a neighbour of its shot, and the longer of both lends its name."""
    pieces = list(pieces)
    while len(pieces) > count:
        pairs = [index for index in range(1, len(pieces)) if pieces[index].span.start not in cuts]
        if not pairs:
            break
        index = min(pairs, key=lambda at: min(len(pieces[at - 1].span), len(pieces[at].span)))
        one, other = pieces[index - 1 : index + 1]
        longer = max(one, other, key=lambda each: len(each.span))
        pieces[index - 1 : index + 1] = [replace(longer, span=Span(one.span.start, other.span.stop))]
    return pieces


def _divided(pieces: list[Segment], count: int, least: int, speed: Doubles) -> list[Segment]:
    """As many as `count` segments: the longest are cut further, near equal lengths where the speed changes most."""
    parts = [1] * len(pieces)
    while sum(parts) < count:
        room = [len(piece.span) / (n + 1) for piece, n in zip(pieces, parts, strict=True)]
        longest = int(
            np.argmax([len(p.span) / n if r >= least else 0 for p, n, r in zip(pieces, parts, room, strict=True)])
        )
        if room[longest] < least:
            break
        parts[longest] += 1
    return [cut for piece, number in zip(pieces, parts, strict=True) for cut in _cut(piece, number, least, speed)]


def _cut(piece: Segment, number: int, least: int, speed: Doubles) -> list[Segment]:
    """One segment cut into `number`; into exactly equal parts where it is no phase."""
    if number == 1:
        return [piece]
    start, stop = piece.span.start, piece.span.stop
    edges = [start + round(len(piece.span) * part / number) for part in range(number + 1)]
    length = len(piece.span) / number
    slack = int(min(length / 4, (length - least) / 2)) if piece.name != "part" else 0
    edges[1:-1] = [_largest_change(speed[start:stop], edge - start, slack) + start for edge in edges[1:-1]]
    spans = [Span(a, b) for a, b in pairwise(edges)]
    return [
        replace(piece, span=span, reason=f"{piece.reason} (part {index} of {number})")
        for index, span in enumerate(spans, start=1)
    ]


def _largest_change(speed: Doubles, middle: int, slack: int) -> int:
    """The frame near `middle` at which the mean speed before and after differ most."""
    if slack < 1 or not np.isfinite(speed).all():
        return middle
    sums = np.concatenate([[0.0], np.cumsum(speed)])
    places = np.arange(middle - slack, middle + slack + 1)
    step = np.abs(sums[places + slack] - 2 * sums[places] + sums[places - slack])
    return int(places[np.argmax(step)])
