"""How far a person faces the camera: what the walker's true joints and mirrored ones give."""

import numpy as np
import pytest

from utils.people.facing import facing
from utils.people.pose import LANDMARKS, Keypoints
from utils.walker import Scene, Shot

SHOT = Shot(size=(320, 180), frames=150)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(SHOT)


def joints(scene: Scene, index: int) -> Keypoints:
    found: Keypoints = scene.frame(index)[1].keypoints.astype(np.float32)
    return found


def test_who_walks_up_faces_the_camera_and_who_walks_off_does_not(scene: Scene) -> None:
    hold, leave = SHOT.phases
    assert facing(joints(scene, hold // 2)) > 0.85
    assert facing(joints(scene, (hold + leave) // 2)) > 0.85
    assert facing(joints(scene, SHOT.frames - 20)) < 0.3


def test_who_is_seen_from_behind_does_not_face_the_camera(scene: Scene) -> None:
    front = joints(scene, SHOT.phases[0] // 2)
    assert facing(front * np.array([-1, 1], np.float32)) == 0.0


def test_missing_joints_leave_it_to_the_others_and_none_are_nobody(scene: Scene) -> None:
    front = joints(scene, SHOT.phases[0] // 2)
    front[:11] = np.nan
    assert facing(front) > 0.85
    assert facing(np.full((LANDMARKS, 2), np.nan, np.float32)) == 0.0
