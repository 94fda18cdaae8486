"""The pictures that people get to paint on: of the calm camera, or the frames as they were filmed."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from pipeline.keys.story import Proposed
from pipeline.plan.key_frames import part_to_paint
from utils.digest import digest_bytes
from utils.image import RGB, Box
from utils.image.picture_file import RGBA
from utils.media.video import ClipFrames
from utils.paintings.key_set import IDENTITY, Canvas, Key, file_of, png, rows_of
from utils.people.matte import Mask


@dataclass(frozen=True)
class ToPaint:
    """A frame to paint: what keys.json says of it, its picture as a file, and the frame with what is painted of it."""

    key: Key
    content: bytes = field(repr=False)
    rgb: RGB = field(repr=False)
    part: Mask = field(repr=False)


def to_paint(proposed: Proposed, canvas: Canvas) -> Iterator[ToPaint]:
    """The proposed frames in order; what is not painted is transparent, and keeps its colours."""
    stable, start = proposed.stable, proposed.stable.clip.start
    wanted = [offer.frame for offer in proposed.offers]
    frames = zip(ClipFrames.of(stable.clip).read(wanted), stable.analysis.mattes(wanted), strict=True)
    for offer, reach, (frame, matte) in zip(proposed.offers, proposed.reaches, frames, strict=True):
        picture = _painted_on(proposed, canvas, frame.rgb, matte, offer.frame)
        content, index = png(picture), offer.frame + start
        key = Key(
            frame=index,
            file=file_of(index),
            to_picture=IDENTITY if canvas == "as filmed" else rows_of(stable.path.matrices[offer.frame]),
            size=(picture.shape[1], picture.shape[0]),
            given_out=digest_bytes(content),
            reason=offer.reason,
            reaches=(reach.start + start, reach.stop - 1 + start),
        )
        yield ToPaint(key, content, frame.rgb, part_to_paint(matte, proposed.apply_to))


def _painted_on(proposed: Proposed, canvas: Canvas, rgb: RGB, matte: Mask, index: int) -> RGBA:
    """The picture of a frame that people paint on."""
    if canvas == "stable":
        view = proposed.stable.view(index, rgb, matte, Box(0, 0, *proposed.stable.canvas))
        rgb, matte = view.rgb, view.matte
    return np.dstack([rgb, part_to_paint(matte, proposed.apply_to)])
