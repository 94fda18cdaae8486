"""Approach, hold and exit are found where they are, and whatever a person does, every frame is in one segment."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.plan.segmentation import Split, SplitRule, split
from utils.camera.path import CameraPath
from utils.image import Size
from utils.image.geometry import Matrix, inverse, normal
from utils.people.pose import Keypoints, Poses
from utils.walker import Scene, Shot
from utils.walker.gait import pose_at

SIZE = (256, 144)
Array = NDArray[np.float64]
Filmed = tuple[Poses, CameraPath, tuple[int, int]]


def filmed(shot: Shot) -> Filmed:
    """What is known of a walk: joints as good as measured ones, the camera, and the first frames of hold and exit.

    Nothing is drawn: the joints are those of the walker's pose, seen through the camera of each frame.
    """
    scene = Scene(shot)
    camera = np.array([scene.view(index).camera for index in range(shot.frames)])
    keypoints = []
    for index in range(shot.frames):
        pose, _ = pose_at(scene.walker.plan, scene.walker.manner, shot.time_s(index))
        seen = np.column_stack([pose.landmarks(), np.ones(33)]) @ (inverse(camera[index]) @ scene.lens.matrix).T
        points = seen[:, :2] / seen[:, 2:]
        inside = ((points >= 0) & (points < shot.size)).all(axis=1)
        keypoints.append(np.where(inside[:, None], points, np.nan))
    matrices = normal(inverse(camera[0]) @ camera)
    return poses_of(shaken(np.array(keypoints))), path(matrices, shot.rate, Size(*shot.size)), shot.phases


def shaken(keypoints: Array) -> Keypoints:
    """With errors that last some frames, as pose models make them: about one hundredth of the person's height."""
    rng = np.random.default_rng(5)
    errors = rng.standard_normal((len(keypoints), 66))
    errors = np.stack([np.convolve(each, np.ones(5) / 5**0.5, "same") for each in errors.T], axis=1)
    height = float(np.nanmax(np.ptp(keypoints[..., 1], axis=1)))
    return np.asarray(keypoints + 0.006 * height * errors.reshape(keypoints.shape), np.float32)


def poses_of(keypoints: Keypoints) -> Poses:
    known = np.isfinite(keypoints[..., 0])
    return Poses(keypoints, known.astype(np.float32), known.any(axis=1))


def path(matrices: Matrix, rate: Fraction, size: Size, breaks: tuple[int, ...] = ()) -> CameraPath:
    count = len(matrices)
    return CameraPath(matrices, np.ones(count), tuple(range(count)), 1 / rate, size, size, breaks)


def cut_to(film: Filmed, frames: slice | list[int]) -> tuple[Poses, CameraPath]:
    """Some frames as a clip of its own."""
    poses, camera, _ = film
    matrices = camera.matrices[frames]
    few = path(normal(inverse(matrices[0]) @ matrices), 1 / camera.time_base, camera.size)
    return Poses(poses.keypoints[frames], poses.confidence[frames], poses.measured[frames]), few


def names(found: Split) -> list[str]:
    return [segment.name for segment in found.segments]


def covers(found: Split, count: int) -> bool:
    """Every frame once, in order."""
    return [index for segment in found.segments for index in segment.span] == list(range(count))


@pytest.fixture(scope="module")
def film() -> Filmed:
    return filmed(Shot(size=SIZE, frames=300))


def edges(found: Split) -> list[int]:
    return [segment.span.start for segment in found.segments[1:]]


@pytest.mark.parametrize(
    "shot",
    [
        Shot(size=SIZE, frames=240, rate=Fraction(24), seed=2),
        Shot(size=SIZE, frames=600, rate=Fraction(60), seed=3),
        Shot(size=(144, 256), frames=240, seed=4),
        Shot(size=SIZE, frames=150, seed=5),
        Shot(size=SIZE, frames=600, seed=6),
        Shot(size=SIZE, frames=300, seed=7, shake=2, pan=False),
    ],
    ids=["24 fps", "60 fps", "portrait", "5 s", "20 s", "shaky"],
)
def test_the_phases_of_other_films_are_found(shot: Shot) -> None:
    poses, camera, phases = filmed(shot)
    found = split(poses, camera, SplitRule(3))
    assert names(found) == ["approach", "hold", "exit"]
    assert found.reason_of_fallback is None
    assert np.abs(np.array(edges(found)) - phases).max() <= 6 * max(1.0, float(shot.rate) / 30)


def test_the_phases_are_found_and_explained(film: Filmed) -> None:
    poses, camera, phases = film
    found = split(poses, camera)
    assert names(found) == ["approach", "hold", "exit"]
    assert np.abs(np.array(edges(found)) - phases).max() <= 6
    assert covers(found, 300)
    assert all(len(segment.reason.split()) > 2 for segment in found.segments)


def test_a_camera_that_is_not_taken_out_would_hide_the_hold(film: Filmed) -> None:
    """The person is measured against the background: a camera that pans along while they stand changes nothing."""
    poses, camera, phases = film
    pan = np.array([np.array([[1, 0, 1.5 * index], [0, 1, 0], [0, 0, 1]]) for index in range(300)])
    panned = replace(camera, matrices=normal(camera.matrices @ pan))
    moved_keypoints = poses.keypoints - np.array([1.5, 0]) * np.arange(300)[:, None, None]
    found = split(poses_of(moved_keypoints.astype(np.float32)), panned)
    assert np.abs(np.array(edges(found)) - phases).max() <= 6
    still = replace(camera, matrices=np.array([np.eye(3)] * 300))
    blind = split(poses_of(moved_keypoints.astype(np.float32)), still)
    assert edges(blind) != edges(found)


@pytest.mark.parametrize("count", [5, 7])
def test_more_pieces_keep_the_phases_and_their_names(film: Filmed, count: int) -> None:
    poses, camera, _ = film
    found = split(poses, camera, SplitRule(count))  # type: ignore[arg-type]
    three = split(poses, camera, SplitRule(3))
    assert len(found.segments) == count and covers(found, 300)
    assert set(edges(three)) <= set(edges(found))
    assert sorted(names(found), key=["approach", "hold", "exit"].index) == names(found)
    assert {"approach", "hold", "exit"} == set(names(found))
    lengths = [len(segment.span) for segment in found.segments]
    assert max(lengths) < 3 * min(lengths)
    assert "part 1 of 2" in found.segments[0].reason or "part 1 of 3" in found.segments[0].reason


def test_uniform_gives_equal_parts(film: Filmed) -> None:
    poses, camera, _ = film
    found = split(poses, camera, SplitRule(5, "uniform"))
    assert edges(found) == [60, 120, 180, 240]
    assert set(names(found)) == {"part"} and found.reason_of_fallback is None


def test_auto_follows_the_length(film: Filmed) -> None:
    poses, camera, _ = film
    assert len(split(poses, camera).segments) == 3
    slow = replace(camera, time_base=Fraction(1, 15))
    assert len(split(poses, slow).segments) == 5
    slower = replace(camera, time_base=Fraction(1, 10))
    assert len(split(poses, slower, SplitRule(split="uniform")).segments) == 7


def test_only_walking_up(film: Filmed) -> None:
    found = split(*cut_to(film, slice(0, 95)), SplitRule(3))
    assert names(found) == ["approach"] * 3 and covers(found, 95)
    assert found.reason_of_fallback is None


def test_only_walking_off(film: Filmed) -> None:
    """The walk up, backwards."""
    found = split(*cut_to(film, list(range(94, -1, -1))), SplitRule(3))
    assert names(found) == ["exit"] * 3 and covers(found, 95)


def test_walking_up_and_staying(film: Filmed) -> None:
    _, _, phases = film
    found = split(*cut_to(film, slice(0, 205)), SplitRule(3))
    assert names(found)[0] == "approach" and names(found)[-1] == "hold" and set(names(found)) == {"approach", "hold"}
    assert min(abs(edge - phases[0]) for edge in edges(found)) <= 6


def test_standing_first_and_walking_off(film: Filmed) -> None:
    _, _, phases = film
    found = split(*cut_to(film, slice(140, 300)))
    assert set(names(found)) == {"hold", "exit"} and names(found)[0] == "hold"
    assert min(abs(edge + 140 - phases[1]) for edge in edges(found)) <= 6


def test_never_standing(film: Filmed) -> None:
    """Up and off at once: the turn is where the person is largest."""
    found = split(*cut_to(film, [*range(0, 100), *range(99, -1, -1)]))
    assert set(names(found)) == {"approach", "exit"}
    assert any(abs(edge - 100) <= 6 for edge in edges(found))


def test_walking_across_is_cut_equally(film: Filmed) -> None:
    """Somebody of constant size who crosses the picture."""
    poses, camera, _ = film
    across = np.repeat(poses.keypoints[100:101], 90, axis=0)
    across = across + np.array([1.0, 0]) * (1.5 * np.arange(90) - 60)[:, None, None]
    still = path(np.array([np.eye(3)] * 90), Fraction(30), camera.size)
    found = split(poses_of(across.astype(np.float32)), still)
    assert names(found) == ["part"] * 3 and edges(found) == [30, 60]
    assert "without coming nearer or stopping" in str(found.reason_of_fallback)


def test_standing_all_the_time_is_cut_equally(film: Filmed) -> None:
    _, _, (hold, leave) = film
    found = split(*cut_to(film, slice(hold + 5, leave - 5)))
    assert set(names(found)) == {"part"}
    assert "one place" in str(found.reason_of_fallback)


def test_nobody_is_cut_equally(film: Filmed) -> None:
    poses, camera, _ = film
    nobody = poses_of(np.full_like(poses.keypoints, np.nan))
    found = split(nobody, camera)
    assert edges(found) == [100, 200] and set(names(found)) == {"part"}
    assert "not seen well enough" in str(found.reason_of_fallback)


def test_a_doubtful_person_is_nobody(film: Filmed) -> None:
    poses, camera, _ = film
    found = split(replace(poses, confidence=0.1 * poses.confidence), camera)
    assert "not seen well enough" in str(found.reason_of_fallback)


def test_two_people_taken_for_one_are_cut_equally(film: Filmed) -> None:
    """Every few frames the pose is somebody else's, at the other side of the picture."""
    poses, camera, _ = film
    keypoints = poses.keypoints.copy()
    keypoints[np.arange(300) // 10 % 2 == 1] += np.array([90, 0], np.float32)
    assert "several people" in str(split(poses_of(keypoints), camera).reason_of_fallback)


def test_arms_and_a_crouch_do_not_end_the_hold(film: Filmed) -> None:
    """Arms fly about and the knees bend by a third while the person stands: they stand all the same."""
    poses, camera, phases = film
    keypoints = poses.keypoints.copy()
    rng = np.random.default_rng(1)
    keypoints[130:210, 13:23] += rng.uniform(-60, 60, (80, 10, 2)).astype(np.float32)
    down = np.sin(np.linspace(0, np.pi, 40))[:, None] * 0.12 * 93
    keypoints[150:190, :25, 1] += down
    keypoints[150:190, 25:27, 1] += 0.5 * down
    found = split(poses_of(keypoints), camera, SplitRule(3))
    assert names(found) == ["approach", "hold", "exit"]
    assert np.abs(np.array(edges(found)) - phases).max() <= 6


def test_leaving_the_picture_belongs_to_the_exit_and_a_gap_to_what_is_around_it(film: Filmed) -> None:
    poses, camera, phases = film
    keypoints = poses.keypoints.copy()
    keypoints[:20] = keypoints[150:162] = keypoints[262:] = np.nan
    found = split(poses_of(keypoints), camera, SplitRule(3))
    assert names(found) == ["approach", "hold", "exit"] and covers(found, 300)
    assert np.abs(np.array(edges(found)) - phases).max() <= 6


def test_a_cut_of_the_film_ends_a_segment(film: Filmed) -> None:
    poses, camera, _ = film
    found = split(poses, replace(camera, breaks=(60,)), SplitRule(5))
    assert 60 in edges(found) and covers(found, 300) and len(found.segments) == 5
    assert {"approach", "hold", "exit"} <= set(names(found))
    many = split(poses, replace(camera, breaks=tuple(range(20, 300, 20))), SplitRule(3))
    assert edges(many) == list(range(20, 300, 20))


@pytest.mark.parametrize("count", [1, 2, 10, 25])
def test_very_short_clips_are_one_segment(film: Filmed, count: int) -> None:
    found = split(*cut_to(film, slice(0, count)), SplitRule(7))
    assert covers(found, count) and len(found.segments) == 1


def test_no_segment_is_shorter_than_allowed(film: Filmed) -> None:
    """A film that begins just before the hold has no approach worth the name."""
    _, _, phases = film
    for least_s in (0.7, 1.5):
        found = split(*cut_to(film, slice(phases[0] - 15, 300)), SplitRule(7, least_s=least_s))
        assert names(found)[0] == "hold" and covers(found, 315 - phases[0])
        assert min(len(segment.span) for segment in found.segments) >= least_s * 30
