"""A steadied copy of a clip: the camera is followed through it once, and every frame is moved once.

Frames stay in the planes that they are stored in, so nothing but the move changes a pixel. While one is encoded the
next is moved and the one after that decoded.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import av
import numpy as np

from utils.camera.path import CameraPath
from utils.camera.tracking import Tracker
from utils.camera.warp import warp
from utils.image import Size
from utils.image.geometry import Matrix, inverse
from utils.media.clip import Clip
from utils.media.colour import samples
from utils.media.cursor import Cursor
from utils.media.planes import FORMAT, SITED, PlaneReader, Planes
from utils.media.video import ClipBrightness
from utils.media.write import ClipWriter, Encoding, Shape, times
from utils.prefetch import ahead

GREY = 128
"""The level of a colour plane where there is no colour."""


def followed(clip: Clip) -> CameraPath:
    """How the camera moved, without looking for people: enough where they do not fill the picture."""
    tracker = Tracker()
    motions = [tracker.motion(brightness) for brightness in ClipBrightness(clip)]
    matrices = np.array([motion.matrix for motion in motions])
    confidence = np.array([motion.confidence for motion in motions])
    return CameraPath(matrices, confidence, clip.pts, clip.time_base, clip.size, clip.size)


def write_steady(path: Path, clip: Clip, calm: CameraPath, encoding: Encoding | None = None) -> None:
    """The whole stable picture of each frame, no pixel left out, in the clip's own times, colours and sound."""
    if len(calm) != len(clip) or calm.size != clip.size:
        raise ValueError(f"a path of {len(calm)} frames of {calm.size} for a clip of {len(clip)} of {clip.size}")
    shape = replace(Shape.like(clip), size=calm.canvas)
    shape = replace(shape, size=shape.even_size)
    with (
        ClipWriter(path, shape, encoding, sound=clip) as writer,
        closing(ahead(_moved(clip, calm, shape))) as pictures,
    ):
        for picture, (pts, duration) in zip(pictures, times(clip), strict=True):
            writer.write(picture, pts, duration)


def _moved(clip: Clip, calm: CameraPath, shape: Shape) -> Iterator[av.VideoFrame]:
    """Each frame where the path says, in black."""
    reader, black = PlaneReader(clip), 0 if shape.colour.full_range else 16
    with closing(Cursor(clip)) as cursor, closing(ahead(cursor.frames(clip.span))) as pictures:
        for index, picture in pictures:
            yield moved_planes(reader.planes(picture), calm.matrices[index], shape.size, black)


def moved_planes(planes: Planes, matrix: Matrix, size: Size, black: int) -> av.VideoFrame:
    """A picture moved by one resample of each plane, as the encoder takes it."""
    made = av.VideoFrame(*size, FORMAT)
    brightness, *colours = (samples(plane) for plane in made.planes)
    warp(planes.brightness, matrix, brightness, black)
    for colour, into in zip(planes.colours, colours, strict=True):
        warp(colour, inverse(SITED) @ matrix @ planes.sited, into, GREY)
    return made
