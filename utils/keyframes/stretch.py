"""A stretch of frames, of which some are to be painted: chooses which, by what the others show that these do not."""

from collections.abc import Callable, Collection, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.flow import Grey, fetched
from utils.image import bounding_box
from utils.keyframes.carrying import unreached
from utils.keyframes.choosing import Rules, keys
from utils.keyframes.motion import Match, Motion

Mask = NDArray[np.uint8]
Check = Callable[[], None]
"""Called before each frame; raises where the work is cancelled."""


class Stretch:
    """The frames of a stretch, as grey pictures, and where in each is what has to be carried well (0..255)."""

    def __init__(self, greys: Sequence[Grey], subjects: Sequence[Mask], check: Check = lambda: None) -> None:
        self._motion, self._check = Motion(greys), check
        boxes = [bounding_box(subject, 128) for subject in subjects]
        self._heights_px = [box.size.height_px if box else 0 for box in boxes]
        self._subjects = [cv2.resize(each, self._motion.size, interpolation=cv2.INTER_AREA) for each in subjects]
        self._known: dict[int, NDArray[np.float32]] = {}

    def known(self, key: int, mask: Mask) -> None:
        """Say that the picture of a key holds nothing outside a mask."""
        small = cv2.resize(mask, self._motion.size, interpolation=cv2.INTER_AREA)
        self._known[key] = small.astype(np.float32) / 255

    def keys(self, rules: Rules | None = None, first: int = 0, given: Collection[int] = ()) -> tuple[int, ...]:
        """The key frames, in order, from `first` on, which is painted already where it is not 0, as the `given` are."""
        return keys(self._heights_px, self._unreached, rules or Rules(), first, given)

    def _unreached(self, start: int, stop: int) -> dict[int, float]:
        return {
            frame: unreached([match.sure for match in both], self._subjects[frame])
            for frame, both in self._between(start, stop).items()
        }

    def _between(self, start: int, stop: int) -> dict[int, tuple[Match, Match]]:
        """The matches of the frames between two keys with both of them."""
        later = dict(self._matches(stop, start))
        return {frame: (match, later[frame]) for frame, match in self._matches(start, stop)}

    def _matches(self, key: int, stop: int) -> Iterator[tuple[int, Match]]:
        for frame, match in self._motion.away(key, stop):
            self._check()
            if key in self._known:
                match = Match(match.vectors, match.sure * fetched(self._known[key], match.vectors))
            yield frame, match
