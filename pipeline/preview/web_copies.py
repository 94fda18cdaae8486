"""Web copies: small copies of clips for browsers, frame for frame at the original times, and a poster for lists.

One is of the source, beside which a result is compared; another of a result that is too large for a page; a third is
for people who edit, and look now here, now there.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from pipeline.stage import Stage, Work
from utils.image import Size
from utils.image.jpeg import write_jpeg
from utils.media.clip import Clip
from utils.media.colour import ColourConverter
from utils.media.decode import Losses, decode, open_input, picture_stream
from utils.media.video import ClipFrames, Frame
from utils.media.write import Encoding, write_clip
from utils.prefetch import prefetch

CLIP = "proxy.mp4"
WIDEST_PX = 1280
"""The width of a copy; wider clips are reduced to it."""
ENCODING = Encoding(20, "superfast")
SCRUBBED = Encoding(20, "superfast", most_between_keys=10)
SCRUBBED_PX = 960
POSTER_WIDE_PX = 960
POSTER_QUALITY = 85


def is_page_size(size: Size) -> bool:
    """Whether a clip of this size is shown in a page without a copy."""
    return size.width_px <= WIDEST_PX


def scrubbed_size(clip: Clip) -> Size:
    """The size of a copy to scrub in: half the clip's, and less where that is still large."""
    return even_size(clip.size, min(Fraction(1, 2), Fraction(SCRUBBED_PX, clip.size.width_px)))


def _copy(work: Work, *, sounding: bool) -> None:
    clip: Clip = work.inputs["clip"]
    size = clip.size if is_page_size(clip.size) else even_size(clip.size, Fraction(WIDEST_PX, clip.size.width_px))
    _write(work, clip, size, ENCODING, sounding=sounding)


def _copy_to_scrub(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    _write(work, clip, scrubbed_size(clip), SCRUBBED, sounding=True)


def _write(work: Work, clip: Clip, size: Size, encoding: Encoding, *, sounding: bool) -> None:
    def reported() -> Iterator[Frame]:
        for frame in prefetch(ClipFrames.of(clip, size)):
            yield frame
            work.report(frame.index + 1, len(clip))

    like = replace(clip, size=size, audio=clip.audio if sounding else None)
    write_clip(work.folder / CLIP, reported(), like, encoding)


def _copy_silent(work: Work) -> None:
    _copy(work, sounding=False)


def _copy_sounding(work: Work) -> None:
    _copy(work, sounding=True)


COPY_OF_SOURCE = Stage("web copy", version=1, run=_copy_silent, tools=("av",))
"""The copy of a source, without its sound; all results of that source are compared with the same one."""
COPY_OF_RESULT = Stage("web copy of the result", version=1, run=_copy_sounding, tools=("av",))
"""The copy of a result, with its sound."""

COPY_TO_SCRUB = Stage("web copy of the clip", version=1, run=_copy_to_scrub, tools=("av",))
"""The copy of a clip, with its sound, in which any frame is found quickly: a key frame is never far."""


def write_poster(result: Path, time_s: Fraction, like: Clip, path: Path) -> None:
    """Write the frame of a finished clip at a time as a small JPEG."""
    with open_input(result) as container:
        stream = picture_stream(container, result)
        container.seek(round(time_s / (stream.time_base or 1)), stream=stream)
        with closing(decode(container, stream, Losses())) as frames:
            picture = next(frame for frame in frames if (frame.time or 0) >= time_s - like.time_base / 2)
    size = Size(picture.width, picture.height)
    wide = min(Fraction(1), Fraction(POSTER_WIDE_PX, size.width_px))
    rgb = ColourConverter(like.colour.worked).to_rgb(picture, even_size(size, wide))
    write_jpeg(path, rgb, POSTER_QUALITY)


def even_size(size: Size, scale: Fraction) -> Size:
    """A scaled size with even sides, as 4:2:0 pictures need."""
    width, height = (max(2, 2 * round(side * scale / 2)) for side in size)
    return Size(width, height)
