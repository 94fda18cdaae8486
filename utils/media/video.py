"""Frame sources: the frames of a clip by index, exact and in ascending order, never the whole clip in memory."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.colour import ColourConverter, ColourTags
from utils.media.cursor import Cursor
from utils.media.planes import Plane, PlaneReader, Planes
from utils.prefetch import prefetch


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a clip: upright, full-range RGB."""

    index: int
    pts: int
    rgb: RGB


class FrameSource(Protocol):
    """Anything that yields frames by index without holding them all: a file, a stabilised view, a chunk."""

    @property
    def size(self) -> Size: ...

    def __len__(self) -> int: ...

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        """Yield the frames of the given indices, in ascending order; a Span can be passed too."""
        ...


@dataclass(frozen=True)
class ClipFrames:
    """The frames of a clip, decoded on demand and scaled to `size`."""

    clip: Clip
    size: Size

    @classmethod
    def of(cls, clip: Clip, size: Size | None = None) -> "ClipFrames":
        return cls(clip, size or clip.size)

    def __len__(self) -> int:
        return len(self.clip)

    def __iter__(self) -> Iterator[Frame]:
        return self.read(self.clip.span)

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        """Yield the frames of the given indices, in ascending order, each exactly that frame."""
        clip = self.clip
        stored = clip.orientation.size(self.size)
        colour = ColourConverter(clip.colour)
        with closing(Cursor(clip)) as cursor, closing(prefetch(cursor.frames(wanted))) as pictures:
            for index, picture in pictures:
                yield Frame(index, clip.pts[index], clip.orientation.apply(colour.to_rgb(picture, stored)))


@dataclass(frozen=True)
class ClipBrightness:
    """The luma of a clip's frames, for camera tracking, at a fraction of the cost of RGB."""

    clip: Clip

    def __iter__(self) -> Iterator[Plane]:
        return self.read(self.clip.span)

    def read(self, wanted: Iterable[int]) -> Generator[Plane]:
        """Yield the luma planes of these frames, upright, H x W, full range. They must not be written to."""
        reader = PlaneReader(self.clip)
        with closing(Cursor(self.clip)) as cursor, closing(prefetch(cursor.frames(wanted))) as pictures:
            for _, picture in pictures:
                yield reader.brightness(picture)


@dataclass(frozen=True, slots=True)
class PlanesFrame:
    """One frame of a clip as its YUV planes."""

    index: int
    planes: Planes


@dataclass(frozen=True)
class ClipPlanes:
    """The YUV planes of a clip's frames, decoded on demand, in the colours of a file that is written of them."""

    clip: Clip
    colour: ColourTags

    @property
    def size(self) -> Size:
        return self.clip.size

    def __len__(self) -> int:
        return len(self.clip)

    def read(self, wanted: Iterable[int]) -> Iterator[PlanesFrame]:
        """Yield the frames of the given indices, in ascending order. Their planes must not be written to."""
        reader = PlaneReader(self.clip, self.colour)
        with closing(Cursor(self.clip)) as cursor, closing(prefetch(cursor.frames(wanted))) as pictures:
            for index, picture in pictures:
                yield PlanesFrame(index, reader.planes(picture))


class Numbered(Protocol):
    """A frame in whatever form, which knows its index."""

    @property
    def index(self) -> int: ...


FrameT = TypeVar("FrameT", bound=Numbered)
FrameOut = TypeVar("FrameOut", bound=Numbered, covariant=True)


class Frames(Protocol[FrameOut]):
    """Anything that yields frames of one form by index, in ascending order."""

    @property
    def size(self) -> Size: ...

    def __len__(self) -> int: ...

    def read(self, wanted: Iterable[int]) -> Iterator[FrameOut]: ...


class Rolling(Generic[FrameT]):
    """A frame source for overlapping spans read one after the other: it keeps the last few frames and its position.

    Decoding continues where it was. A new start for every span would decode again from the key frame before it, which
    may lie hundreds of frames earlier.
    """

    def __init__(self, source: Frames[FrameT], keep: int) -> None:
        self._source, self._recent = source, deque[FrameT](maxlen=max(1, keep))
        self._decoding: Iterator[FrameT] = iter(())
        self._next = -1

    @property
    def size(self) -> Size:
        return self._source.size

    def __len__(self) -> int:
        return len(self._source)

    def read(self, wanted: Iterable[int]) -> Iterator[FrameT]:
        """Yield the frames of the given indices, in ascending order."""
        for index in wanted:
            yield self._frame(index)

    def _frame(self, index: int) -> FrameT:
        if self._recent and self._recent[0].index <= index < self._next:
            return self._recent[index - self._next]
        if not self._next <= index < self._next + len(self._recent) + 1:
            self._start(index)
        while self._next <= index:
            self._recent.append(next(self._decoding))
            self._next += 1
        return self._recent[-1]

    def _start(self, index: int) -> None:
        close = getattr(self._decoding, "close", None)
        if close is not None:
            close()
        self._recent.clear()
        self._decoding, self._next = self._source.read(range(index, len(self))), index
