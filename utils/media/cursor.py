"""Cursor: reads frames by ascending index, by decoding on or by seeking, and verifies where every seek landed."""

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
"""Number of frames below which decoding on is cheaper than seeking to a key frame."""


class Cursor:
    """Gives the decoded pictures of ascending frame indices.

    A seek is accepted only when it lands on a key frame known to be there, at or before the goal. Otherwise it is tried
    again from further back, and at last from the beginning of the file.
    """

    def __init__(self, clip: Clip) -> None:
        self._first, self._stop = clip.start, clip.start + len(clip)
        self._clip = clip = clip.of_file
        self._may_seek = clip.seekable
        self._next = 0
        self._goal = Goal()
        self._key_bytes = dict(zip(clip.keys, clip.key_bytes, strict=True))
        self._files = ExitStack()
        self._open()

    def close(self) -> None:
        """Close the file."""
        self._files.close()

    def frames(self, wanted: Iterable[int]) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield each index with its picture."""
        for index in wanted:
            yield index, self.frame(index)

    def frame(self, index: int) -> av.VideoFrame:
        """The picture of a frame, reached by decoding on or by seeking."""
        index += self._first
        if not max(self._next, self._first) <= index < self._stop:
            raise IndexError(f"frame {index} of {self._stop} in the file, wanted after frame {self._next - 1}")
        if self._clip.seekable:
            self._goal.pts = self._clip.pts[index]
        self._seek_before(index)
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
        """Open the file at its first frame, after checking that it is still the one that was probed."""
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
        """Index of a decoded picture: by its pts, or by counting where pts are not reliable."""
        if self._clip.seekable and picture.pts is not None:
            return bisect_left(self._clip.pts, picture.pts)
        return self._next

    def _seek_before(self, index: int) -> None:
        """Seek to the last key frame at or before `index`, if that saves decoding."""
        keys = self._clip.keys
        goal = bisect_right(keys, index) - 1
        if not self._may_seek or goal < 1 or keys[goal] - self._next < WORTH_A_SEEK:
            return
        back = 0
        while goal - back > 0:
            if self._seek_to(keys[goal - back], latest=keys[goal]):
                return
            back = 2 * back + 1
        self._may_seek = False
        self._open()

    def _seek_to(self, key: int, latest: int) -> bool:
        """Seek to a key frame; True if the first picture is a key frame not after `latest`, at its known position.

        A container's index can be wrong, and pts can be counted from there; the byte position of the key frame's packet
        tells which one it really is.
        """
        try:
            self._container.seek(self._clip.pts[key], stream=self._stream)
        except av.FFmpegError:
            return False
        losses = Losses()
        pictures = decode(self._container, self._stream, losses, from_key=True, goal=self._goal)
        first = next(pictures, None)
        if first is None or first.pts is None:
            return False
        position = self._position(first)
        if position > latest or self._clip.pts[position] != first.pts:
            return False
        if self._key_bytes.get(position) != losses.key_bytes.get(first.pts, -1):
            return False
        self._pictures = chain([first], pictures)
        self._next = position
        return True
