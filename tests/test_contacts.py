"""Feet are found planted when they are: heel and toe, walking and standing, through noise, gaps, cuts and any rate."""

from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from utils.camera.path import CameraPath
from utils.feet.contacts import PARTS, SIDES, Contact, ContactRule, find_contacts
from utils.feet.stance import stances
from utils.image import Size
from utils.image.geometry import inverse, normal
from utils.people.pose import ANKLES, HEELS, HIPS, KNEES, TOES, Poses
from utils.walker import Scene, Shot
from utils.walker.gait import pose_at

Flags = NDArray[np.bool_]


class Walked:
    """A walk without its pictures: joints, contacts and the camera."""

    def __init__(self, shot: Shot) -> None:
        scene = Scene(shot)
        moments = [shot.time_s(index) for index in range(shot.frames)]
        poses, feet = zip(*(pose_at(scene.walker.plan, scene.walker.manner, each) for each in moments), strict=True)
        cameras = np.array([scene.view(index).camera for index in range(shot.frames)])
        landmarks = np.array([pose.landmarks() for pose in poses])
        solid = np.concatenate([landmarks, np.ones((*landmarks.shape[:2], 1))], axis=-1)
        seen = solid @ np.swapaxes(inverse(cameras) @ scene.lens.matrix, 1, 2)
        joints = seen[..., :2] / seen[..., 2:]
        inside = ((joints > -0.5) & (joints < np.array(shot.size) - 0.5)).all(axis=-1)
        self.joints = np.where(inside[..., None], joints, np.nan).astype(np.float32)
        self.down = {
            "heel": np.array([[foot.heel_down for foot in pair] for pair in feet]),
            "toe": np.array([[foot.toe_down for foot in pair] for pair in feet]),
        }
        size = Size(*shot.size)
        count = shot.frames
        self.camera = CameraPath(
            normal(inverse(cameras[0]) @ cameras), np.ones(count), tuple(range(count)), 1 / shot.rate, size, size
        )

    def poses(self, noise_leg: float = 0.0) -> Poses:
        """The joints, trembling by a share of the leg."""
        exact = _poses(self.joints)
        noise = np.random.default_rng(4).normal(0, 1, self.joints.shape)
        return _poses(self.joints + (noise_leg * exact.leg_px()[:, None, None] * noise).astype(np.float32))


def _poses(joints: NDArray[np.float32]) -> Poses:
    known = np.isfinite(joints[:, :, 0])
    return Poses(joints, known.astype(np.float32), known.any(axis=1))


def f1(found: tuple[Contact, ...], walked: Walked, tolerance: int = 2) -> float:
    """Over frames of both feet's heels and toes; one is right if the other side says the same within the tolerance."""
    near = np.ones((2 * tolerance + 1, 1))
    counts = np.zeros(4)
    for part, pair in zip(PARTS, (HEELS, TOES), strict=True):
        seen = np.isfinite(walked.joints[:, list(pair), 0])
        truth = walked.down[part] & seen
        claim = np.zeros_like(truth)
        for contact in found:
            if contact.part == part:
                claim[contact.span.start : contact.span.stop, SIDES.index(contact.foot)] = True
        claim &= seen
        counts += [
            (claim & binary_dilation(truth, near)).sum(), claim.sum(),
            (truth & binary_dilation(claim, near)).sum(), truth.sum(),
        ]  # fmt: skip
    precision, recall = counts[0] / counts[1], counts[2] / counts[3]
    return float(2 * precision * recall / (precision + recall))


@pytest.fixture(scope="module")
def walked() -> Walked:
    """Eight seconds, without rendering them."""
    return Walked(Shot(size=(640, 360), frames=240))


def test_contacts_are_found(walked: Walked) -> None:
    assert f1(find_contacts(walked.poses(), walked.camera), walked) > 0.95


def test_contacts_are_found_in_trembling_joints(walked: Walked) -> None:
    """As much as pose measurements do."""
    assert f1(find_contacts(walked.poses(0.02), walked.camera), walked) > 0.9


@pytest.mark.parametrize(
    "shot",
    [
        Shot(size=(360, 640), frames=240, seed=3),
        Shot(size=(640, 360), frames=192, rate=Fraction(24), seed=4),
        Shot(size=(640, 360), frames=480, rate=Fraction(60), seed=5),
    ],
    ids=["portrait", "24", "60"],
)
def test_contacts_are_found_at_other_rates_and_shapes(shot: Shot) -> None:
    other = Walked(shot)
    assert f1(find_contacts(other.poses(), other.camera), other) > 0.95


def test_an_anchor_is_where_the_foot_stands(walked: Walked) -> None:
    contacts = find_contacts(walked.poses(), walked.camera)
    longest = max(contacts, key=lambda each: len(each.span))
    assert len(longest.span) > 20
    at = (HEELS if longest.part == "heel" else TOES)[SIDES.index(longest.foot)]
    middle = (longest.span.start + longest.span.stop) // 2
    there = walked.camera.matrices[middle] @ np.array([*walked.joints[middle, at], 1])
    assert np.linalg.norm(there[:2] / there[2] - longest.anchor) < 0.3


def test_a_panning_camera_does_not_lift_a_foot(walked: Walked) -> None:
    """Without the camera's path the standing feet drift through the picture; with it they stand."""
    still = CameraPath(
        np.array([np.eye(3)] * len(walked.camera)), walked.camera.confidence, walked.camera.pts,
        walked.camera.time_base, walked.camera.size, walked.camera.canvas,
    )  # fmt: skip
    poses = walked.poses()
    assert f1(find_contacts(poses, still), walked) < f1(find_contacts(poses, walked.camera), walked) - 0.02


def standing(frames: int) -> tuple[Poses, CameraPath]:
    """Somebody who does not move, 100 px of leg."""
    joints = np.full((frames, 33, 2), np.nan, np.float32)
    for side, x in ((0, 60), (1, 90)):
        for pair, y in ((HIPS, 20), (KNEES, 70), (ANKLES, 120), (HEELS, 128), (TOES, 130)):
            joints[:, pair[side]] = (x, y)
    size = Size(160, 160)
    eyes = np.array([np.eye(3)] * frames)
    return _poses(joints), CameraPath(eyes, np.ones(frames), tuple(range(frames)), Fraction(1, 30), size, size)


def test_who_stands_has_four_contacts() -> None:
    contacts = find_contacts(*standing(150))
    assert {(each.foot, each.part) for each in contacts} == {(foot, part) for foot in SIDES for part in PARTS}
    assert [len(each.span) for each in contacts] == [150] * 4


def test_no_contact_crosses_a_cut() -> None:
    poses, camera = standing(60)
    cut = CameraPath(
        camera.matrices, camera.confidence, camera.pts, camera.time_base, camera.size, camera.canvas, (25,)
    )
    spans = {(each.span.start, each.span.stop) for each in find_contacts(poses, cut)}
    assert spans == {(0, 25), (25, 60)}


def test_short_gaps_are_bridged_and_long_ones_are_not() -> None:
    poses, camera = standing(60)
    joints = poses.keypoints.copy()
    joints[20:22, HEELS[0]] = np.nan
    joints[20:40, TOES[1]] = np.nan
    contacts = find_contacts(_poses(joints), camera)
    spans: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for each in contacts:
        spans[each.foot, each.part].append((each.span.start, each.span.stop))
    assert spans["left", "heel"] == [(0, 60)]
    assert spans["right", "toe"] == [(0, 20), (40, 60)]


def test_nobody_has_no_contacts() -> None:
    poses, camera = standing(30)
    assert find_contacts(_poses(np.full_like(poses.keypoints, np.nan)), camera) == ()


def test_a_foot_that_glides_is_not_planted_until_it_may_be_faster() -> None:
    poses, camera = standing(60)
    joints = poses.keypoints + np.arange(60, dtype=np.float32)[:, None, None] * np.array([2, 0], np.float32)
    assert find_contacts(_poses(joints), camera) == ()
    assert find_contacts(_poses(joints), camera, ContactRule(plant_leg_per_s=3, lift_leg_per_s=4))


def test_a_stance_has_sharp_edges() -> None:
    """Standing between two movements, with an outlier in the middle."""
    x = np.concatenate([np.linspace(-60, -6, 10), np.zeros(20), np.linspace(6, 60, 10)])
    x[20] = 30
    track = np.column_stack([x, np.zeros(40)])
    found = stances(track, np.arange(40) / 30, np.full(40, 1.0), 1.5)
    assert [(each.start, each.stop) for each in found] == [(10, 30)]


def test_a_foot_whose_joint_wanders_before_it_leaves_stands_until_then() -> None:
    """For half a second the toe is seen a few pixels further on, then it is gone; a moment of it would be movement."""
    poses, camera = standing(90)
    for gone, stop in ((55, 70), (68, 68)):
        joints = poses.keypoints.copy()
        joints[gone:70, TOES[0]] += (7, 0)
        joints[70:, TOES[0], 0] += 12 * np.arange(1, 21)
        toes = [each for each in find_contacts(_poses(joints), camera) if (each.foot, each.part) == ("left", "toe")]
        assert toes[0].span.start == 0 and abs(toes[-1].span.stop - stop) <= 1
        assert len(toes) == 1
