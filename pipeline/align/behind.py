"""The background in the foreground's time, without the foreground: what a result is compared with on its page."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from pipeline.align.overlay import Overlay
from pipeline.preview.web_copies import ENCODING, WIDEST_PX, even_size, is_page_size
from pipeline.stage import Stage, Work
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.clip_part import part_of
from utils.media.video import ClipFrames, Rolling
from utils.media.write import ClipWriter, Shape, times
from utils.prefetch import prefetch

CLIP = "behind.mp4"


@dataclass(frozen=True)
class Behind:
    """The frame of the background that lies behind each frame of an overlay, small enough for a page."""

    overlay: Overlay

    @property
    def digest(self) -> str:
        """Digest of everything that the pictures depend on."""
        laid = self.overlay
        clips, span = [laid.background.digest, laid.foreground.digest], [laid.span.start, laid.span.stop]
        return digest_bytes(canonical_json([*clips, span, laid.map.to_json()]))

    @property
    def shown(self) -> Clip:
        """The part of the foreground in whose time it is."""
        return part_of(self.overlay.foreground, self.overlay.span)

    @property
    def size(self) -> Size:
        """That of the background, or of the widest clip that a page shows."""
        size = self.overlay.background.size
        return size if is_page_size(size) else even_size(size, Fraction(WIDEST_PX, size.width_px))

    def pictures(self) -> Iterator[RGB]:
        """The nearest frame of the background for each frame that is shown; in a gap the way across it."""
        found, span, count = self.overlay.map, self.overlay.span, len(self.overlay.background)
        matched = found.matched()
        moments = np.interp(np.arange(span.start, span.stop), matched, found.moments[matched])
        source = Rolling(ClipFrames.of(self.overlay.background, self.size), keep=3)
        for index in np.clip(np.rint(moments), 0, count - 1):
            yield next(source.read([int(index)])).rgb


def _write(work: Work) -> None:
    behind: Behind = work.inputs["behind"]
    shown = behind.shown
    shape = replace(Shape.like(shown), size=behind.size, colour=behind.overlay.background.colour.worked)
    with ClipWriter(work.folder / CLIP, shape, ENCODING) as writer:
        for index, (picture, place) in enumerate(zip(prefetch(behind.pictures()), times(shown), strict=True)):
            work.report(index + 1, len(shown))
            writer.write(picture, *place)


BEHIND = Stage("background in time", version=1, run=_write, tools=("av", "numpy"))
