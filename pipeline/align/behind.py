"""The background behind each picture of a composed clip, without the foreground: what a result is compared with."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from pipeline.align.overlay import Overlay
from pipeline.preview.web_copies import ENCODING, WIDEST_PX, even_size, is_page_size
from pipeline.stage import Stage, Work
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.video import ClipFrames, Rolling
from utils.media.write import ClipWriter, Shape, times
from utils.prefetch import prefetch

CLIP = "behind.mp4"


@dataclass(frozen=True)
class Behind:
    """Frames of a background in the times of another clip, small enough for a page."""

    background: Clip
    indices: tuple[int, ...]
    timed: Clip
    """The clip whose times they have."""

    @classmethod
    def of(cls, overlay: Overlay) -> "Behind":
        """The nearest frame behind each picture of an overlay."""
        timeline = overlay.timeline
        return cls(overlay.background, tuple(round(each.moment) for each in timeline.shown), timeline.clip)

    @property
    def digest(self) -> str:
        """Digest of everything that the pictures depend on."""
        return digest_bytes(canonical_json([self.background.digest, list(self.indices), self.timed.digest]))

    @property
    def size(self) -> Size:
        """That of the background, or of the widest clip that a page shows."""
        size = self.background.size
        return size if is_page_size(size) else even_size(size, Fraction(WIDEST_PX, size.width_px))

    def pictures(self) -> Iterator[RGB]:
        """The frames."""
        source = Rolling(ClipFrames.of(self.background, self.size), keep=3)
        for index in self.indices:
            yield next(source.read([index])).rgb


def _write(work: Work) -> None:
    behind: Behind = work.inputs["behind"]
    shape = replace(Shape.like(behind.timed), size=behind.size, colour=behind.background.colour.worked)
    with ClipWriter(work.folder / CLIP, shape, ENCODING) as writer:
        for index, (picture, place) in enumerate(zip(prefetch(behind.pictures()), times(behind.timed), strict=True)):
            work.report(index + 1, len(behind.timed))
            writer.write(picture, *place)


BEHIND = Stage("background in time", version=1, run=_write, tools=("av", "numpy"))
