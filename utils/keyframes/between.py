"""A stretch of frames with painted keys: every other frame, put together from the key before it and the one after."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.flow import packed, unpacked
from utils.flow.quantised import Steps
from utils.image import RGB
from utils.keyframes import MOST_WORKERS
from utils.keyframes.motion import Match, Motion
from utils.keyframes.proposals import Chosen, chosen
from utils.keyframes.synthesis import Flags, Key, Proposal, Seen, carried, exposure, synthesised

WORKERS = min(MOST_WORKERS, os.cpu_count() or 1)
"""How many frames are made at the same time."""
Check = Callable[[], None]
"""Called before each frame; raises where the work is cancelled."""


class Between:
    """Frames in their order, what of each is painted, and the painted keys among them: at least one."""

    def __init__(
        self,
        frames: Sequence[Seen],
        regions: Sequence[Flags],
        pictures: Mapping[int, RGB],
        seed: int = 0,
        check: Check = lambda: None,
    ) -> None:
        self._frames, self._regions, self._seed, self._check = frames, regions, seed, check
        self._keys = {index: Key.of(frames[index], picture) for index, picture in sorted(pictures.items())}
        self._motion = Motion([cv2.cvtColor(each.rgb, cv2.COLOR_RGB2GRAY) for each in frames])

    def made(self) -> Iterator[Chosen]:
        """All frames; the keys are as they were painted."""
        edges = [-1, *self._keys, len(self._frames)]
        with ThreadPoolExecutor(WORKERS) as pool:
            for before, after in pairwise(edges):
                if before in self._keys:
                    yield Chosen(self._keys[before].painted, np.zeros(self._regions[before].shape, np.float32))
                yield from self._stretch(before, after, pool)

    def _stretch(self, before: int, after: int, pool: ThreadPoolExecutor) -> Iterator[Chosen]:
        """The frames between two keys, or between one and an end of the stretch; some are made at the same time."""
        ahead: deque[Future[Chosen]] = deque()
        try:
            for frame, sides in self._sides(before, after):
                self._check()
                ahead.append(pool.submit(self._frame, frame, sides))
                if len(ahead) > WORKERS:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()

    def _sides(self, before: int, after: int) -> Iterator[tuple[int, list["_Side"]]]:
        """The frames between two keys, each with its match with either."""
        later = dict(self._kept(after, before)) if after in self._keys else {}
        earlier = self._motion.away(before, after) if before in self._keys else None
        for frame in range(before + 1, after):
            place = (frame - before) / (after - before)
            sides = list[_Side]()
            if earlier is not None:
                sides.append(_Side(before, next(earlier)[1], 1 - place if later else 1.0))
            if later:
                sides.append(_Side(after, later.pop(frame).match(), place if earlier is not None else 1.0))
            yield frame, sides

    def _frame(self, frame: int, sides: Sequence["_Side"]) -> Chosen:
        """One frame, of what its keys propose."""
        seen, proposals = self._frames[frame], list[tuple[Proposal, float]]()
        for side in sides:
            key = self._keys[side.key]
            key = key.exposed(exposure(key, seen, side.match))
            made = synthesised(key, seen, side.match, self._regions[frame], self._seed + frame)
            proposals += [(made, side.near), (carried(key, side.match), side.near)]
        return chosen(proposals, seen.rgb)

    def _kept(self, key: int, stop: int) -> Iterator[tuple[int, "_Kept"]]:
        """The matches of the frames before a key, kept small, for they are found from the key backwards."""
        for frame, match in self._motion.away(key, stop):
            self._check()
            yield frame, _Kept(packed(match.vectors), np.rint(255 * match.sure).astype(np.uint8))


@dataclass(frozen=True)
class _Side:
    """A key next to a frame, where each pixel of the frame lies in it, and how near it is in time (0..1)."""

    key: int
    match: Match
    near: float


@dataclass(frozen=True)
class _Kept:
    """A match in a few bytes a pixel."""

    steps: Steps
    sure: NDArray[np.uint8]

    def match(self) -> Match:
        return Match(unpacked(self.steps), self.sure.astype(np.float32) / 255)
