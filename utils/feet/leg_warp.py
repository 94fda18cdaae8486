"""Warp field that moves a foot in a picture: the foot keeps its shape, the shin follows, the knee stays in place."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import Box, Size
from utils.image.geometry import Matrix, inverse, moved
from utils.people.pose import ANKLES, HEELS, KNEES, TOES, Keypoints

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

FOOT_LEG, SHIN_LEG = 0.1, 0.09
"""Half the width, in leg lengths, of what moves with a foot and with a shin."""
FALL = 1.6
"""Distance over which a move fades out, as a multiple of the move; at 1 the field would fold over."""
SOFT_LEG = 0.06
"""Least fade-out distance in leg lengths, so that small moves do not leave an edge."""
STEP_PX = 4
"""The smooth field is computed at every fourth pixel and interpolated."""
SLIGHT_PX = 0.02
"""Smaller moves are ignored."""


@dataclass(frozen=True)
class LegField:
    """Displacement of the sampling positions of a picture: h x w x 2 px over `box`, 0 at its edges."""

    box: Box
    vectors: Floats


def in_picture(moves_px: Doubles, keypoints: Keypoints, to_background: Matrix) -> Doubles:
    """Moves of both feet (2 x 2 px), converted from the background to a picture by its homography."""
    ankles = keypoints[list(ANKLES)].astype(float)
    there = moved(to_background, ankles)
    through: Doubles = moved(inverse(to_background), there + moves_px) - ankles
    return through


def leg_field(
    keypoints: Keypoints, moves_px: Doubles, size: Size, held: Sequence[float] = (1.0, 1.0)
) -> LegField | None:
    """The field that moves both feet (2 x 2 px: left, right) of a picture with the given joints (33 x 2 px).

    output(p) = picture(p + field(p)). None when there is nothing to move, or the leg to move is not seen. Between the
    legs a pixel follows the nearer one, and rather a leg that is held (0 to 1) than one that swings past.
    """
    legs = [_Leg.of(keypoints.astype(float), side, moves_px[side], held[side]) for side in (0, 1)]
    lengths = [leg.shin_px for leg in legs if leg]
    moving = [leg for leg in legs if leg and leg.move_length_px > SLIGHT_PX]
    if not moving:
        return None
    leg_px = 2 * max(lengths)
    fall_px = max(FALL * sum(leg.move_length_px for leg in moving), SOFT_LEG * leg_px)
    box = moving[0].box(leg_px, fall_px, size)
    for leg in moving[1:]:
        box = box | leg.box(leg_px, fall_px, size)
    if min(box.size) < 2:
        return None
    grid = _grid(box)
    field = np.zeros((*grid.shape[:2], 2), np.float32)
    for leg in moving:
        weight = leg.weight(grid, leg_px, fall_px)
        other = legs[1 - leg.side]
        if other:
            nearer = (other.distance(grid) - leg.distance(grid)) / (2 * fall_px)
            weight = np.minimum(weight, np.clip((1 + leg.held - other.held) / 2 + nearer, 0, 1))
        field -= weight[..., None] * leg.move_px.astype(np.float32)
    return LegField(box, _interpolated(field, box.size))


@dataclass(frozen=True)
class _Leg:
    """Knee, ankle, heel and toe of one leg after the move."""

    side: int
    knee: Doubles
    ankle: Doubles
    heel: Doubles
    toe: Doubles
    move_px: Doubles
    held: float

    @classmethod
    def of(cls, joints: Doubles, side: int, move_px: Doubles, held: float) -> "_Leg | None":
        """The leg of one side; None when the foot is not seen.

        A foot cut off by the picture's edge ends where it was seen; a missing knee is placed as on the other leg.
        """
        ankle, heel, toe = (joints[pair[side]] for pair in (ANKLES, HEELS, TOES))
        heel, toe = np.where(np.isfinite(heel), heel, toe), np.where(np.isfinite(toe), toe, heel)
        own, other = (joints[KNEES[each]] - joints[ANKLES[each]] for each in (side, 1 - side))
        knee = ankle + (own if np.isfinite(own).all() else other)
        if not np.isfinite([knee, ankle, heel, toe, move_px]).all():
            return None
        return cls(side, knee, ankle + move_px, heel + move_px, toe + move_px, move_px, held)

    @property
    def move_length_px(self) -> float:
        return float(np.linalg.norm(self.move_px))

    @property
    def shin_px(self) -> float:
        return float(np.linalg.norm(self.ankle - self.knee))

    def box(self, leg_px: float, fall_px: float, size: Size) -> Box:
        """The part of the picture that may move with this leg."""
        joints = np.array([self.knee, self.ankle, self.heel, self.toe])
        left, top = np.floor(joints.min(axis=0)).astype(int).tolist()
        right, bottom = np.ceil(joints.max(axis=0)).astype(int).tolist()
        reach = int(np.ceil(FOOT_LEG * leg_px + fall_px)) + 2 * STEP_PX
        return Box(left, top, right + 1, bottom + 1).grown(reach, size) & Box(0, 0, *size)

    def distance(self, grid: Floats) -> Floats:
        """Distance of each point from this leg, px."""
        return np.minimum(_distance_to_segment(grid, self.knee, self.ankle), self._distance_to_foot(grid))

    def weight(self, grid: Floats, leg_px: float, fall_px: float) -> Floats:
        """Weight of the move at each point: 1 on the foot, rising from 0 to 1 down the shin, fading beside them."""
        foot = 1 - (self._distance_to_foot(grid) - FOOT_LEG * leg_px) / fall_px
        shin = 1 - (_distance_to_segment(grid, self.knee, self.ankle) - SHIN_LEG * leg_px) / fall_px
        down = (self.ankle - self.knee) / max(self.shin_px, 1.0)
        below = ((grid - self.knee.astype(np.float32)) @ down.astype(np.float32)) / max(0.8 * self.shin_px, fall_px)
        weight: Floats = np.clip(np.minimum(np.maximum(foot, shin), below), 0, 1)
        return weight

    def _distance_to_foot(self, grid: Floats) -> Floats:
        sole = _distance_to_segment(grid, self.heel, self.toe)
        return np.minimum(
            sole,
            np.minimum(
                _distance_to_segment(grid, self.ankle, self.heel), _distance_to_segment(grid, self.ankle, self.toe)
            ),
        )


def _grid(box: Box) -> Floats:
    """The coarse grid of a box: every fourth pixel and one beyond, as points."""
    rows, columns = (-(-length // STEP_PX) + 1 for length in (box.size.height_px, box.size.width_px))
    x = box.left + STEP_PX * np.arange(columns, dtype=np.float32)
    y = box.top + STEP_PX * np.arange(rows, dtype=np.float32)
    return np.stack(np.meshgrid(x, y), axis=-1)


def _interpolated(field: Floats, size: Size) -> Floats:
    """The field at all pixels, by bilinear interpolation of the coarse grid."""
    rows, columns = field.shape[:2]
    fine = np.array([[STEP_PX, 0, 0], [0, STEP_PX, 0]], float)
    padded = (STEP_PX * columns, STEP_PX * rows)
    spread = cv2.warpAffine(field, fine, padded, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    vectors: Floats = np.ascontiguousarray(spread[: size.height_px, : size.width_px])
    return vectors


def _distance_to_segment(grid: Floats, start: Doubles, stop: Doubles) -> Floats:
    """Distance of each point from a line segment."""
    way = (stop - start).astype(np.float32)
    off = grid - start.astype(np.float32)
    share = np.clip(off @ way / max(float(way @ way), 1e-6), 0, 1)
    distance: Floats = np.hypot(off[..., 0] - share * way[0], off[..., 1] - share * way[1])
    return distance
