"""Where a painted picture lies over its frame: scaled, cropped or moved, found from the outlines that both have.

Matrices lead from pixels of the frame to pixels of the picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from utils.image import Size
from utils.image.geometry import Matrix, inverse, moved, resize, shift
from utils.image.picture_file import RGBA
from utils.paintings.outlines import Outlines, best_shift, likeness

COARSE_PX, FINE_PX = 160, 480
"""The longer side of pictures in which frames are told apart, and in which a picture is placed."""
REACH_SHARE = 0.15
"""Of the longer side: how far a picture may have been moved."""
SCALES = tuple(1.04**step for step in range(-7, 8))
"""Scales that are tried beside the obvious ones, relative to a picture that shows the whole frame."""
SAME_SHAPE = 1.02
"""Sides that grew alike up to this ratio belong to one scale."""
CLEARLY = 0.05
"""By so much more alike a picture has to be elsewhere than where it should lie, to be moved there."""
PLAIN, FEW_SHARE = 0.6, 0.015
"""Where its place is known it is moved far only if it is this like the frame there. Up to this share of the longer
side, and without a change of scale, less is enough: so much a program may move what it saves."""
MOVED_COST = 0.1
STEP_PX, STEP_SCALE = 1.5, 0.006
"""First steps of the fine search."""


@dataclass(frozen=True)
class Placed:
    """A picture over a frame: the homography from frame to picture, and how alike their outlines are there."""

    likeness: float
    to_picture: Matrix
    moved: bool = False
    """Whether it lies elsewhere than a picture of this size should."""

    @property
    def score(self) -> float:
        """What frames are compared by: one over which a picture lies where it should is likelier than another."""
        return self.likeness - MOVED_COST * self.moved


class Painting:
    """A picture that people gave, and its outlines at sizes that were asked for."""

    def __init__(self, pixels: RGBA) -> None:
        self.size = Size.of(pixels)
        self._pixels, self._outlines = pixels, dict[Size, Outlines]()

    def outlines(self, size: Size) -> Outlines:
        """Its outlines at a size."""
        if size not in self._outlines:
            self._outlines[size] = Outlines.of(self._pixels, size)
        return self._outlines[size]


@dataclass(frozen=True)
class Given:
    """A picture and what is expected of it: the size and place of the one that it was painted on."""

    painting: Painting
    frame_size: Size
    size: Size
    """The size of the picture that was given out."""
    to_given: Matrix
    """From the frame to the picture that was given out."""
    known: bool = False
    """Whether that picture was given out, and this one still has its size."""

    def places(self) -> Iterator[Matrix]:
        """Where it may lie before anything is compared: the obvious places first."""
        own = self.painting.size
        whole = resize(self.size, own) @ self.to_given
        yield whole
        across, down = (mine / theirs for mine, theirs in zip(own, self.size, strict=True))
        same_shape = max(across / down, down / across) <= SAME_SHAPE
        base = whole if same_shape else self._in_the_middle((across * down) ** 0.5)
        if own != self.size:
            yield self._in_the_middle(1.0)
        for scale in SCALES:
            if scale != 1 or not same_shape:
                yield _scaled(base, 1 / scale, own)

    def _in_the_middle(self, scale: float) -> Matrix:
        """The whole picture that was given out, scaled, with its middle in the middle of this one."""
        own = self.painting.size
        across, down = ((mine - 1) / 2 - scale * (theirs - 1) / 2 for mine, theirs in zip(own, self.size, strict=True))
        return np.asarray(shift(across, down) @ np.diag([scale, scale, 1.0]) @ self.to_given)

    def over(self, place: Matrix, frame_px: Size) -> "Laid":
        """The picture ready to be laid over outlines of the frame at a size."""
        scale = abs(float(np.linalg.det(place[:2, :2]))) ** 0.5 * self.frame_size.width_px / frame_px.width_px
        small = self.painting.size.scaled(1 / max(scale, 1e-3), 8)
        own = resize(self.painting.size, small)
        to_frame = resize(self.frame_size, frame_px) @ inverse(place) @ inverse(own)
        return Laid(self.painting.outlines(small), to_frame, place, resize(self.frame_size, frame_px))


@dataclass(frozen=True)
class Laid:
    """Outlines of a picture, the homography from these to outlines of the frame, and the place that this means."""

    outlines: Outlines
    to_frame: Matrix
    place: Matrix
    shrunk: Matrix
    """From the frame to its outlines."""

    def after(self, move: Matrix) -> Matrix:
        """The place after a move in the outlines of the frame."""
        in_frame = inverse(self.shrunk) @ move @ self.shrunk
        return np.asarray(self.place @ inverse(in_frame))

    def likeness(self, frame: Outlines, move: Matrix) -> float:
        """How alike frame and picture are after such a move."""
        return likeness(frame, self.outlines.laid(move @ self.to_frame, frame.size))


def expected(frame: Outlines, given: Given) -> Placed:
    """A picture where it should lie over outlines of a frame."""
    place = next(given.places())
    return Placed(given.over(place, frame.size).likeness(frame, np.eye(3)), place)


def found(frame: Outlines, laid: Laid) -> Placed:
    """The best shift of a picture over small outlines of a frame."""
    reach_px = round(REACH_SHARE * max(frame.size))
    alike, (right_px, down_px) = best_shift(frame, laid.outlines.laid(laid.to_frame, frame.size), reach_px)
    return Placed(alike, laid.after(shift(right_px, down_px)), moved=True)


def placed(frame: Outlines, given: Given, start: Matrix) -> Placed:
    """Where a picture lies exactly, searched from a start; where it should lie if it is hardly more alike elsewhere.

    What is painted flat and over its outline is often more alike elsewhere or at another scale, but only faintly.
    """
    usual = expected(frame, given)
    starts = [usual.to_picture] if np.allclose(start, usual.to_picture) else [usual.to_picture, start]
    searched = max((_searched(frame, given.over(each, frame.size)) for each in starts), key=_alike)
    believed = not given.known or searched.likeness >= PLAIN or _is_near(searched, usual, given.painting.size)
    return searched if believed and searched.likeness > usual.likeness + CLEARLY else usual


def _is_near(one: Placed, other: Placed, size: Size) -> bool:
    """Whether two places of a picture of this size differ by a few pixels and not in scale."""
    move = one.to_picture @ inverse(other.to_picture)
    middle = np.array([[(side - 1) / 2 for side in size]])
    scale = abs(float(np.linalg.det(move[:2, :2]))) ** 0.5
    away_px = float(np.linalg.norm(moved(move, middle) - middle))
    return 1 / SAME_SHAPE <= scale <= SAME_SHAPE and away_px <= FEW_SHARE * max(size)


def _searched(frame: Outlines, laid: Laid) -> Placed:
    """The best scale and shift around a place, by the simplex method."""

    def unlike(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        return -laid.likeness(frame, _move(values, frame.size))

    steps = np.array([[0, 0, 0], [STEP_PX, 0, 0], [0, STEP_PX, 0], [0, 0, STEP_SCALE]], float)
    options = {"initial_simplex": steps, "xatol": 0.01, "fatol": 1e-4, "maxfev": 90}
    best = minimize(unlike, np.zeros(3), method="Nelder-Mead", options=options)
    return Placed(-float(best.fun), laid.after(_move(best.x, frame.size)), moved=True)


def _move(values: np.ndarray[tuple[int], np.dtype[np.float64]], size: Size) -> Matrix:
    """A shift, and a change of scale around the middle of a picture."""
    right, down, log_scale = (float(each) for each in values)
    return np.asarray(shift(right, down) @ _scaled(np.eye(3), float(np.exp(log_scale)), size))


def _scaled(place: Matrix, scale: float, size: Size) -> Matrix:
    """A place whose picture, of this size, is scaled around its middle."""
    middle = shift((size.width_px - 1) / 2, (size.height_px - 1) / 2)
    return np.asarray(middle @ np.diag([scale, scale, 1.0]) @ inverse(middle) @ place)


def _alike(placed: Placed) -> float:
    return placed.likeness
