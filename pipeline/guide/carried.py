"""Anchors carried: the pixels of given pictures taken along the motion of the structure videos, with holes marked.

Between two anchors both are carried towards each other and mixed, each where it is surer and nearer. The way from a
frame to an anchor is corrected by comparing these two frames of the structure themselves, so that the errors of the
steps between them do not add up.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.guide.led import Led
from utils.flow import Flow, Grey, Vectors, fetched, packed, unpacked
from utils.image import RGB, Size
from utils.keyframes.carrying import REACHED, Side, carried
from utils.keyframes.motion import Match, Motion, flow_size, same_surface
from utils.keyframes.strength import identity, scaled_motion
from utils.media.timebase import Span

Holes = NDArray[np.uint8]
"""H x W: 255 where no anchor reaches."""
SURE_STEPS = 255
SEEN = 0.4
"""How sure a match is at least where it shows the same surface: enough to be no hole."""


@dataclass(frozen=True)
class CarriedFrame:
    """A frame that anchors show, and where none does."""

    index: int
    picture: RGB
    holes: Holes


class CarriedAnchors:
    """The frames that one structure leads, as anchors among them show these; pictures have the size of its box."""

    def __init__(self, led: Led, anchors: Mapping[int, RGB], check: Callable[[], None]) -> None:
        self._led, self._check = led, check
        self._span = led.structure.led(led.plan.rate)
        self._anchors = {index: picture for index, picture in anchors.items() if index in self._span}

    def frames(self) -> Iterator[CarriedFrame]:
        """All frames of the range, in order; none if no anchor lies in it."""
        keys = sorted(self._anchors)
        if not keys:
            return
        yield from self._from_one(keys[0], Span(self._span.start, keys[0]))
        for before, after in pairwise(keys):
            yield self._as_given(before)
            yield from self._between(before, after)
        yield self._as_given(keys[-1])
        yield from self._from_one(keys[-1], Span(keys[-1] + 1, self._span.stop))

    def _as_given(self, index: int) -> CarriedFrame:
        picture = self._anchors[index]
        return CarriedFrame(index, picture, np.zeros(picture.shape[:2], np.uint8))

    def _from_one(self, key: int, span: Span) -> Iterator[CarriedFrame]:
        """Frames on one side of a key, from that key alone."""
        if not span:
            return
        way = _Way(self._led, min(key, span.start), max(key, span.stop - 1))
        if span.start > key:
            matches = self._matches(way, key, list(span))
        else:
            matches = reversed(list(self._matches(way, key, list(span)[::-1])))
        for index, packed_match in matches:
            match = packed_match.match()
            yield CarriedFrame(index, Side(self._anchors[key], match).carried(), self._holes([match]))

    def _between(self, before: int, after: int) -> Iterator[CarriedFrame]:
        """The frames between two keys, from both."""
        if after - before < 2:
            return
        way = _Way(self._led, before, after)
        inner = range(before + 1, after)
        later = dict(self._matches(way, after, list(reversed(inner))))
        for index, earlier in self._matches(way, before, list(inner)):
            sides = [Side(self._anchors[before], earlier.match()), Side(self._anchors[after], later.pop(index).match())]
            picture = carried(sides[0], sides[1], (index - before) / (after - before))
            yield CarriedFrame(index, picture, self._holes([side.match for side in sides]))

    def _matches(self, way: "_Way", key: int, indices: list[int]) -> Iterator[tuple[int, "_Packed"]]:
        """The matches of indices, which lead away from a key, with that key."""
        for index, match in way.matches(key, indices):
            self._check()
            yield index, _Packed.of(scaled_motion(match, self._led.structure.strength))

    def _holes(self, matches: list[Match]) -> Holes:
        """Where no match is sure, at the size of the pictures."""
        missing = (np.maximum.reduce([match.sure for match in matches]) < REACHED).astype(np.uint8) * 255
        size = self._led.framing.inside.size
        return np.asarray(np.where(cv2.resize(missing, size, interpolation=cv2.INTER_LINEAR) > 127, 255, 0), np.uint8)


class _Way:
    """The motion of a structure's clip between two indices, with the pictures that it is checked against."""

    def __init__(self, led: Led, first: int, last: int) -> None:
        self._led = led
        begin, end = round(led.moment(first)), round(led.moment(last))
        self._start = begin
        size = flow_size(led.framing.inside.size)
        self._greys = [_grey(picture, size) for picture in led.clip_pictures(Span(begin, end + 1))]
        self._motion = Motion(self._greys, self._known)
        self._moments = led.moments

    def matches(self, key: int, indices: list[int]) -> Iterator[tuple[int, Match]]:
        """Each index, in an order that leads away from a key, with its match."""
        key_moment = self._led.moment(key)
        frame = round(key_moment)
        match, to_key = identity(self._motion.size), self._between(Fraction(frame), key_moment)
        side = 1 if indices[-1] > key else -1
        key_number = frame - self._start
        ahead = self._motion.away(key_number, len(self._motion) if side > 0 else -1)
        for index in indices:
            at = self._led.moment(index)
            while side * (round(at) - frame) > 0:
                number, match = next(ahead)
                frame = number + self._start
                match = self._seen(number, key_number, match)
            yield index, _joined(self._between(at, Fraction(frame)), match, to_key)

    def _seen(self, number: int, key: int, match: Match) -> Match:
        """The match, sure enough to be no hole where frame and key show the same surface."""
        same = same_surface(self._greys[number], self._greys[key], match.vectors)
        return Match(match.vectors, np.where(same, np.maximum(match.sure, np.float32(SEEN)), match.sure))

    def _known(self, source: int, target: int) -> Flow:
        return self._moments.between(Fraction(source + self._start), Fraction(target + self._start))

    def _between(self, begin: Fraction, end: Fraction) -> Flow | None:
        return None if begin == end else self._moments.between(begin, end).resized(self._motion.size)


def _joined(before: Flow | None, match: Match, after: Flow | None) -> Match:
    """A match with a part of a step before and after it."""
    vectors, sure = match.vectors, match.sure
    if before is not None:
        vectors = np.add(before.vectors, fetched(vectors, before.vectors))
        sure = fetched(sure, before.vectors) * before.valid.astype(np.float32)
    if after is not None:
        vectors = np.add(vectors, fetched(after.vectors, vectors))
    return Match(vectors, sure)


@dataclass(frozen=True)
class _Packed:
    """A match in a quarter of the memory, for those that wait for their turn."""

    steps: NDArray[np.int16]
    sure: NDArray[np.uint8]

    @classmethod
    def of(cls, match: Match) -> "_Packed":
        return cls(packed(match.vectors), np.rint(SURE_STEPS * match.sure).astype(np.uint8))

    def match(self) -> Match:
        """The match, to within 1/32 px."""
        vectors: Vectors = unpacked(self.steps)
        return Match(vectors, self.sure.astype(np.float32) / SURE_STEPS)


def _grey(picture: RGB, size: Size) -> Grey:
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
