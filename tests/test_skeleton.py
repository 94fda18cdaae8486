"""The skeleton in the joints and colours that models know."""

import numpy as np

from pipeline.make.skeleton import LIMBS, colour, openpose_joints, skeleton
from utils.people.pose import ANKLES, HIPS, KNEES, LANDMARKS, NOSE, SHOULDERS, Keypoints
from utils.walker import Shot, walk

BLACK = np.zeros((256, 192, 3), np.uint8)


def standing() -> Keypoints:
    """Somebody who faces the camera: their right side is on our left."""
    points = np.full((LANDMARKS, 2), np.nan, np.float32)
    points[NOSE] = 96, 30
    for pair, height_px in ((SHOULDERS, 60), (HIPS, 130), (KNEES, 180), (ANKLES, 230)):
        points[pair[0]], points[pair[1]] = (120, height_px), (72, height_px)
    return points


def test_colours_go_around_the_circle() -> None:
    assert [colour(number) for number in (0, 1, 3, 6, 12)] == [
        (255, 0, 0), (255, 85, 0), (255, 255, 0), (0, 255, 0), (0, 0, 255)
    ]  # fmt: skip
    assert len({colour(number) for number in range(18)}) == 18


def test_the_neck_is_between_the_shoulders_and_right_comes_first() -> None:
    joints = openpose_joints(standing())
    assert joints[1].tolist() == [96, 60]
    assert joints[2].tolist() == [72, 60] and joints[5].tolist() == [120, 60]
    assert joints[8, 0] < joints[11, 0] and np.isnan(joints[3]).all()


def test_limbs_have_their_colours_and_missing_ones_are_left_out() -> None:
    drawn = skeleton(standing(), BLACK)
    right_thigh, left_shin = drawn[155, 72], drawn[205, 120]
    assert np.abs(right_thigh.astype(int) - colour(LIMBS.index((8, 9)), 0.6)).max() <= 2
    assert np.abs(left_shin.astype(int) - colour(LIMBS.index((12, 13)), 0.6)).max() <= 2
    assert np.abs(drawn[30, 96].astype(int) - colour(0)).max() <= 2, "the nose"
    assert not drawn[:, :60].any() and not drawn[:, 132:].any(), "no arms"


def test_a_walker_is_drawn_inside_of_its_matte() -> None:
    ((rgb, truth),) = walk(Shot(size=(320, 180), frames=1))
    drawn = skeleton(truth.keypoints.astype(np.float32), rgb).any(axis=2)
    assert drawn.sum() > 50
    assert (truth.matte[drawn] > 0).mean() > 0.8
