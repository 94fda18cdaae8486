"""Movement: the subject's speed over the ground and height in the picture, which tell walking from standing.

Only torso and legs count, so that somebody who waves or nods stands still, and somebody who crouches does not seem to
walk away.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from utils.camera.path import CameraPath
from utils.image.geometry import moved
from utils.people.pose import ANKLES, HIPS, KNEES, SHOULDERS, Poses

Doubles = NDArray[np.float64]

BODY = (*SHOULDERS, *HIPS, *KNEES, *ANKLES)
"""The joints that count, left and right of each."""
SURE = 0.3
"""Joints of less confidence are ignored."""
UPRIGHT = 1.2
"""A standing person is this many times as tall as torso, thigh and shin together."""
SIDE_SMOOTHED_S, SIZE_SMOOTHED_S = 0.15, 0.25
"""Standard deviations of the Gaussians that smooth the place sideways and the size, which is known less well."""
LENS = 1.0
"""Focal length of a usual lens in widths of the picture, by which growth in the picture becomes approach."""


@dataclass(frozen=True)
class Movement:
    """For each of n frames: the subject's height in px of the ground, its place and speed in own heights, whether seen.

    `place` is n x 2: sideways and away from the camera, each roughly. `speed` is in heights a second; `sure_speed` is
    the part of it that no bent limb explains.
    Where the subject was not seen, the values are those of the nearest frames in which it was; NaN if there is none.
    """

    height_px: Doubles
    place: Doubles
    speed: Doubles
    sure_speed: Doubles
    seen: NDArray[np.bool_]

    def part(self, frames: range) -> "Movement":
        """The movement in a range of frames."""
        cut = slice(frames.start, frames.stop)
        return Movement(**{each.name: getattr(self, each.name)[cut] for each in fields(self)})


def movement(poses: Poses, ground: CameraPath) -> Movement:
    """The movement of the subject over the ground, measured in each shot by itself."""
    sure = np.where(poses.confidence[..., None] >= SURE, poses.keypoints, np.nan)[:, BODY].astype(float)
    joints = moved(ground.matrices[:, None], sure)
    shots = [_of_shot(joints[shot.start : shot.stop], shot, ground) for shot in ground.shots]
    names = (each.name for each in fields(Movement))
    return Movement(**{name: np.concatenate([getattr(shot, name) for shot in shots]) for name in names})


def _of_shot(joints: Doubles, shot: range, ground: CameraPath) -> Movement:
    """The movement in one shot, from n x 8 x 2 joints in the ground picture.

    By how much they grow in it says what share of their distance to the camera they walked towards it.
    """
    whole, longest = _log_sizes(joints)
    across = joints[:, :4, 0].mean(axis=1)
    seen: NDArray[np.bool_] = np.isfinite(whole) & np.isfinite(across)
    if seen.sum() < 2:
        nowhere = np.full((len(shot), 5), np.nan)
        return Movement(nowhere[:, 0], nowhere[:, 1:3], nowhere[:, 3], nowhere[:, 4], seen)
    times_s = ground.times_s()[shot.start : shot.stop]
    frame_s = max(float(np.median(np.diff(times_s))), 1e-3)

    def smooth(values: Doubles, over_s: float) -> Doubles:
        filled = np.interp(times_s, times_s[seen], values[seen])
        return np.asarray(gaussian_filter1d(filled, over_s / frame_s, mode="nearest"))

    size, across = smooth(whole, SIZE_SMOOTHED_S), smooth(across, SIDE_SMOOTHED_S)
    height_px = np.exp(size)
    away = LENS * max(ground.size) / (height_px / ground.zooms[shot.start : shot.stop])
    sideways = np.gradient(across) / frame_s / height_px
    speeds = [
        np.hypot(np.gradient(each) / frame_s * away, sideways) for each in (size, smooth(longest, SIZE_SMOOTHED_S))
    ]
    place = np.cumsum(np.column_stack([sideways * frame_s, -np.gradient(size) * away]), axis=0)
    return Movement(height_px, place, speeds[0], np.minimum(*speeds), seen)


def _log_sizes(joints: Doubles) -> tuple[Doubles, Doubles]:
    """The logarithm of the height in px, estimated from torso, thigh and shin together, and from the longest of them.

    A limb that is bent or turned looks short: in a crouch the longest is right, in a walk all together are.
    """
    shoulder, hip = joints[:, 0:2].mean(axis=1), joints[:, 2:4].mean(axis=1)
    thigh = np.linalg.norm(joints[:, 2:4] - joints[:, 4:6], axis=-1)
    shin = np.linalg.norm(joints[:, 4:6] - joints[:, 6:8], axis=-1)
    parts = np.stack([np.linalg.norm(shoulder - hip, axis=-1), np.fmax(*thigh.T), np.fmax(*shin.T)], axis=1)
    complete = np.isfinite(parts).all(axis=1)
    shares = np.full(3, 1 / 3)
    if complete.any():
        shares = np.median(parts[complete] / parts[complete].sum(axis=1, keepdims=True), axis=0)
    known = np.where(np.isfinite(parts), shares, 0.0).sum(axis=1)
    whole = np.nansum(parts, axis=1) / np.where(known > 0, known, np.nan)
    longest = np.fmax.reduce(parts / shares, axis=1)
    return np.log(np.maximum(whole, 1e-3) * UPRIGHT), np.log(np.maximum(longest, 1e-3) * UPRIGHT)
