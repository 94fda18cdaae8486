"""How it walks: planted feet stay, knees bend the right way, nothing jumps."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from utils.walker import NAMES, Scene, Shot
from utils.walker.gait import pose_at
from utils.walker.skeleton import SHIN_M, THIGH_M, Bone
from utils.walker.steps import STEP_S, forward

pytestmark = pytest.mark.slow

HEELS, TOES = (29, 30), (31, 32)
RATE = 240


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(Shot(size=(64, 36), rate=Fraction(RATE), frames=RATE * 8))


@pytest.fixture(scope="module")
def poses(scene: Scene):
    """Every pose of eight seconds, with its feet, 240 a second."""
    times = [scene.shot.time_s(index) for index in range(len(scene))]
    return [pose_at(scene.walker.plan, scene.walker.manner, time_s) for time_s in times]


def spans(down: Any) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], down.astype(int), [0]])))
    return [slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def test_planted_feet_do_not_move_in_the_world(poses) -> None:
    marks = np.array([pose.landmarks() for pose, _ in poses])
    for side in (0, 1):
        heel = np.array([feet[side].heel_down for _, feet in poses])
        toe = np.array([feet[side].toe_down for _, feet in poses])
        assert 0.4 < heel.mean() < 0.9 and 0.4 < toe.mean() < 0.9
        for down, index in ((heel, HEELS[side]), (toe, TOES[side])):
            for span in spans(down):
                assert np.ptp(marks[span, index], 0).max() < 1e-9
                assert np.abs(marks[span, index, 1]).max() < 1e-9


def test_every_step_is_heel_first_and_toe_last(poses) -> None:
    for side in (0, 1):
        heel = spans(np.array([feet[side].heel_down for _, feet in poses]))
        toe = spans(np.array([feet[side].toe_down for _, feet in poses]))
        assert len(heel) >= 5
        starts = [(min(toe, key=lambda t: abs(t.start - h.start)), h) for h in heel if h.start > 0]
        assert all(h.start < t.start for t, h in starts)
        ends = [(min(toe, key=lambda t: abs(t.stop - h.stop)), h) for h in heel if h.stop < len(poses) - RATE // 2]
        assert all(h.stop < t.stop for t, h in ends)


def test_planted_feet_do_not_move_in_the_stable_picture() -> None:
    scene = Scene(Shot(size=(192, 108), frames=150))
    limit_px = 0.05 * 192 / 1280
    anchors: dict[int, Any] = {}
    apart: list[float] = []
    for index in range(90):
        truth = scene.frame(index)[1]
        stable = np.column_stack([truth.keypoints, np.ones(33)]) @ truth.view.camera.T
        stable = stable[:, :2] / stable[:, 2:]
        down = dict(zip((*HEELS, *TOES), (*truth.heel_down, *truth.toe_down), strict=True))
        apart += [float(np.abs(stable[mark] - anchors[mark]).max()) for mark in anchors if down[mark]]
        anchors = {mark: anchors.get(mark, stable[mark]) for mark in down if down[mark]}
    assert len(apart) > 100 and max(apart) < limit_px


def test_no_foot_sinks_into_the_ground(poses) -> None:
    marks = np.array([pose.landmarks() for pose, _ in poses])
    assert marks[:, (*HEELS, *TOES), 1].min() > -0.006


def test_knees_bend_forward_and_never_overstretch(poses) -> None:
    bent = []
    for pose, feet in poses:
        for side in (0, 1):
            hip, knee, ankle = (pose.joints[bone + side] for bone in (Bone.THIGH, Bone.SHIN, Bone.FOOT))
            assert np.linalg.norm(knee - hip) == pytest.approx(THIGH_M)
            assert np.linalg.norm(knee - ankle) == pytest.approx(SHIN_M)
            thigh, shin = (knee - hip) / THIGH_M, (ankle - knee) / SHIN_M
            bent.append(math.degrees(math.acos(np.clip(thigh @ shin, -1, 1))))
            assert (knee - (hip + ankle) / 2) @ forward(feet[side].heading) > 0
    assert min(bent) > 1 and 40 < max(bent) < 80


def test_bones_keep_their_lengths_and_turn_without_shear(poses) -> None:
    for pose, _ in poses[::37]:
        assert np.allclose(pose.turns @ pose.turns.transpose(0, 2, 1), np.eye(3), atol=1e-9)
        assert np.allclose(np.linalg.det(pose.turns), 1)


def test_nothing_jumps(poses) -> None:
    marks = np.array([pose.landmarks() for pose, _ in poses])
    speed = np.linalg.norm(np.diff(marks, axis=0), axis=-1) * RATE
    push = np.linalg.norm(np.diff(marks, 2, axis=0), axis=-1) * RATE**2
    for index, name in enumerate(NAMES):
        assert speed[:, index].max() < 7, name
        assert push[:, index].max() < 160, name


def test_a_passer_by_steps_evenly() -> None:
    scene = Scene(Shot(size=(64, 36), frames=90, second_person=True))
    assert scene.passer_by is not None
    plan = scene.passer_by.plan
    strikes = [plan.strike_s(index) for index in range(-4, 6)]
    places = [plan.footfall(index).place for index in range(-4, 6)]
    assert np.allclose(np.diff(strikes), STEP_S)
    strides = np.linalg.norm(np.array(places[2:]) - np.array(places[:-2]), axis=1)
    assert np.allclose(strides, strides[0])


def test_it_stands_still_between_coming_and_going(scene: Scene, poses) -> None:
    hold, leave = scene.shot.phases
    feet = np.array([pose.landmarks()[[*HEELS, *TOES]] for pose, _ in poses[hold : leave - 12]])
    assert np.ptp(feet, 0).max() < 1e-9
    nose = np.array([pose.landmarks()[0] for pose, _ in poses[hold:leave]])
    assert 0.003 < np.ptp(nose, 0).max() < 0.1


def test_arms_swing_against_the_legs(scene: Scene, poses) -> None:
    walking = poses[: int(2.5 * RATE)]
    wrist, ankle = [], []
    for pose, _ in walking:
        marks = pose.landmarks()
        wrist.append(marks[15, 2] - marks[16, 2])
        ankle.append(marks[27, 2] - marks[28, 2])
    assert np.corrcoef(wrist, ankle)[0, 1] < -0.8
    assert np.ptp(wrist) > 0.3 and len(walking) > 2 * STEP_S * RATE
