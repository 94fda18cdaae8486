"""A place in a clip's decoded stream that moves forward, by decoding on or by seeking."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain

import av

from utils.digest import digest_file
from utils.errors import UnreadableClip
from utils.media.clip import Clip
from utils.media.decode import Goal, Losses, decode, open_input, picture_stream

WORTH_A_SEEK = 12
"""Frames: below this many it is cheaper to decode on than to jump to a key frame."""


class Cursor:
    """Gives the decoded picture of each index asked for, ascending.

    A seek is believed only when it lands on a key frame known to lie there, at or before the goal; otherwise it is
    tried again from further back, at last from the beginning of the file.
    """

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self._seeks = clip.seekable
        self._next = 0
        self._goal = Goal()
        self._places = dict(zip(clip.keys, clip.key_bytes, strict=True))
        self._files = ExitStack()
        self._open()

    def close(self) -> None:
        self._files.close()

    def frames(self, wanted: Iterable[int]) -> Iterator[tuple[int, av.VideoFrame]]:
        """Each index with its picture."""
        for index in wanted:
            yield index, self.frame(index)

    def frame(self, index: int) -> av.VideoFrame:
        """Decode on, or jump, to the frame of that index."""
        if not self._next <= index < len(self._clip):
            raise IndexError(f"frame {index} of {len(self._clip)}, wanted after frame {self._next - 1}")
        if self._clip.seekable:
            self._goal.pts = self._clip.pts[index]
        self._approach(index)
        for picture in self._pictures:
            position = self._position(picture)
            self._next = position + 1
            if position == index:
                return picture
            if position > index:
                break
        raise UnreadableClip(
            f"Frame {index} of {self._clip.path.name!r} no longer decodes.",
            "The file changed after it was read first; add it again.",
        )

    def _open(self) -> None:
        """Stand before the first frame of the very file that was probed."""
        self._files.close()
        if digest_file(self._clip.path) != self._clip.digest:
            raise UnreadableClip(
                f"{self._clip.path.name!r} is not the file any more that it was.", "Add it again, as a new clip."
            )
        self._container = self._files.enter_context(open_input(self._clip.path))
        self._stream = picture_stream(self._container, self._clip.path, intact=self._clip.seekable)
        self._pictures: Iterator[av.VideoFrame] = decode(self._container, self._stream, Losses(), goal=self._goal)
        self._next = 0

    def _position(self, picture: av.VideoFrame) -> int:
        """Which frame this is: by its pts, or by counting where pts say nothing."""
        if self._clip.seekable and picture.pts is not None:
            return bisect_left(self._clip.pts, picture.pts)
        return self._next

    def _approach(self, index: int) -> None:
        """Jump to the last key frame that leads to `index`, if that saves decoding."""
        keys = self._clip.keys
        goal = bisect_right(keys, index) - 1
        if not self._seeks or goal < 1 or keys[goal] - self._next < WORTH_A_SEEK:
            return
        back = 0
        while goal - back > 0:
            if self._land(keys[goal - back], latest=keys[goal]):
                return
            back = 2 * back + 1
        self._seeks = False
        self._open()

    def _land(self, key: int, latest: int) -> bool:
        """Seek towards a key frame; True if what comes first is a key frame not past `latest`, at its own place.

        A container's index can be wrong, and its pts be counted from there: the byte that a key frame begins at
        tells which one it is.
        """
        try:
            self._container.seek(self._clip.pts[key], stream=self._stream)
        except av.FFmpegError:
            return False
        met = Losses()
        pictures = decode(self._container, self._stream, met, from_key=True, goal=self._goal)
        first = next(pictures, None)
        if first is None or first.pts is None:
            return False
        position = self._position(first)
        if position > latest or self._clip.pts[position] != first.pts:
            return False
        if self._places.get(position) != met.key_bytes.get(first.pts, -1):
            return False
        self._pictures = chain([first], pictures)
        self._next = position
        return True
