"""The frames of a clip by index: forward, one at a time, exact, never the whole clip in memory."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.colour import ColourConverter
from utils.media.cursor import Cursor
from utils.media.planes import Plane, PlaneReader
from utils.prefetch import ahead


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of the timeline: upright, full-range RGB."""

    index: int
    pts: int
    rgb: RGB


class FrameSource(Protocol):
    """Anything that gives frames by index without holding them all: a file, a view, a chunk."""

    @property
    def size(self) -> Size: ...

    def __len__(self) -> int: ...

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        """The wanted frames, in ascending order; a Span is one way to want."""
        ...


@dataclass(frozen=True)
class ClipFrames:
    """The frames of a clip, decoded on demand. `size` other than the clip's scales while converting."""

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
        """The wanted frames, in ascending order, each exactly the one of that index."""
        clip = self.clip
        stored = clip.orientation.size(self.size)
        colour = ColourConverter(clip.colour)
        with closing(Cursor(clip)) as cursor, closing(ahead(cursor.frames(wanted))) as pictures:
            for index, picture in pictures:
                yield Frame(index, clip.pts[index], clip.orientation.apply(colour.to_rgb(picture, stored)))


@dataclass(frozen=True)
class ClipBrightness:
    """The brightness of a clip's frames: what following a camera needs, at a fraction of RGB's cost."""

    clip: Clip

    def __iter__(self) -> Iterator[Plane]:
        """Upright, H x W, full range. Not to be written to."""
        reader = PlaneReader(self.clip)
        with closing(Cursor(self.clip)) as cursor, closing(ahead(cursor.frames(self.clip.span))) as pictures:
            for _, picture in pictures:
                yield reader.brightness(picture)
