"""Strays: a joint that is elsewhere for a moment is taken out, and nothing else is."""

import numpy as np
import pytest

from utils.people.pose import ANKLES, HEELS, HIPS, KNEES, Poses
from utils.people.smoothing import remove_outliers

COUNT, RATE_HZ, LEG_PX = 30, 30, 300.0
TIMES_S = np.arange(COUNT) / RATE_HZ


def standing() -> Poses:
    """Somebody who sways by a few pixels."""
    points = np.zeros((COUNT, 33, 2), np.float32)
    points[:, list(HIPS)] = (600, 200)
    points[:, list(KNEES)] = (600, 200 + LEG_PX / 2)
    points[:, list(ANKLES)] = (600, 200 + LEG_PX)
    points[:, list(HEELS)] = (590, 210 + LEG_PX)
    points += np.random.default_rng(0).normal(0, 2, points.shape).astype(np.float32)
    return Poses(points, np.full((COUNT, 33), 0.9, np.float32), np.ones(COUNT, bool))


@pytest.mark.parametrize("frames", [[12], [12, 13]])
def test_a_joint_that_jumps_away_and_back_is_missing_there(frames: list[int]) -> None:
    poses = standing()
    poses.keypoints[frames, HEELS[1]] -= (190, 30)
    found = remove_outliers(poses, TIMES_S)
    lost = np.isnan(found.keypoints[..., 0])
    assert sorted(zip(*np.nonzero(lost), strict=True)) == [(frame, HEELS[1]) for frame in frames]
    assert (found.confidence[lost] == 0).all() and (found.confidence[~lost] > 0).all()


def test_a_step_and_a_quick_foot_are_kept() -> None:
    """A swing takes a third of a second, and the foot comes down somewhere else."""
    poses = standing()
    swing = np.clip((np.arange(COUNT) - 10) / 10, 0, 1) * 400
    poses.keypoints[:, HEELS[0], 0] += swing.astype(np.float32)
    poses.keypoints[5:15, HEELS[1], 1] -= 100 * np.sin(np.linspace(0, np.pi, 10)).astype(np.float32)
    assert np.array_equal(remove_outliers(poses, TIMES_S).keypoints, poses.keypoints)


def test_who_has_no_legs_in_the_picture_has_no_strays() -> None:
    poses = standing()
    poses.keypoints[:, 23:] = np.nan
    poses.keypoints[12, 0] += 500
    found = remove_outliers(poses, TIMES_S)
    assert np.array_equal(np.isnan(found.keypoints), np.isnan(poses.keypoints))
