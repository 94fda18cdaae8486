"""The walker's pictures: the same every time, every size, and nothing but the person differs from the plate."""

import hashlib
import subprocess
import sys
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest

from utils.errors import SettingsError
from utils.project import PROJECT_ROOT
from utils.walker import Scene, Shot, walk

pytestmark = pytest.mark.slow

SMALL = Shot(size=(192, 108), frames=120)
CLEAN = Shot(size=(320, 180), frames=120, noise=0, exposure_drift=0)

DIGEST = """
import hashlib
from utils.walker import Scene, Shot
scene = Scene(Shot(size=(192, 108), frames=120))
digest = hashlib.sha256()
for index in (20, 60, 100):
    picture, truth = scene.frame(index)
    for part in (picture, truth.matte, truth.keypoints, truth.view.camera, truth.plate):
        digest.update(part.tobytes())
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(SMALL)


@pytest.fixture(scope="module")
def clean() -> Scene:
    return Scene(CLEAN)


def digest(scene: Scene, indices) -> str:
    found = hashlib.sha256()
    for index in indices:
        picture, truth = scene.frame(index)
        for part in (picture, truth.matte, truth.keypoints, truth.view.camera, truth.plate):
            found.update(part.tobytes())
    return found.hexdigest()


def test_another_process_gives_the_same_bytes(scene: Scene) -> None:
    told = subprocess.run([sys.executable, "-c", DIGEST], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == digest(scene, (20, 60, 100))


def test_the_stream_gives_the_frames_that_are_asked_for_alone(scene: Scene) -> None:
    streamed = list(walk(SMALL))
    assert [truth.index for _, truth in streamed] == list(range(120))
    for index in (119, 0, 63):
        assert np.array_equal(streamed[index][0], scene.frame(index)[0])


def test_another_seed_is_another_shot(scene: Scene) -> None:
    other = Scene(Shot(size=(192, 108), frames=120, seed=1))
    assert not np.allclose(other.view(40).shake, scene.view(40).shake)
    assert not np.array_equal(other.walker.palette, scene.walker.palette)


def test_a_stream_that_is_left_stops() -> None:
    stream = walk(Shot(size=(64, 36), frames=100_000))
    assert next(iter(stream))[1].index == 0
    stream.close()  # type: ignore[attr-defined]


def test_a_frame_far_into_a_long_shot_costs_no_more_than_the_first() -> None:
    scene = Scene(Shot(size=(64, 36), frames=100_000))
    _, truth = scene.frame(50_000)
    assert truth.phase == "hold" and np.isfinite(truth.keypoints[27]).all()


def test_the_plate_in_camera_space_is_the_stable_plate_warped(clean: Scene) -> None:
    for index in (0, 50, 110):
        truth = clean.frame(index)[1]
        matrix = clean.place.from_stable @ truth.view.camera
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        warped = cv2.warpPerspective(clean.place.image, matrix, CLEAN.size, flags=flags)
        assert np.array_equal(warped, truth.plate)


def test_the_place_reaches_beyond_every_frame(clean: Scene) -> None:
    height, width = clean.place.image.shape[:2]
    for index in range(0, CLEAN.frames, 3):
        corners = np.array([[0, 0, 1], [319, 0, 1], [0, 179, 1], [319, 179, 1]])
        seen = corners @ (clean.place.from_stable @ clean.view(index).camera).T
        seen = seen[:, :2] / seen[:, 2:]
        assert (seen >= 0).all() and (seen <= [width - 1, height - 1]).all()


def test_the_camera_is_what_is_meant_and_what_is_shake(clean: Scene) -> None:
    for index in (0, 60, 119):
        view = clean.view(index)
        camera = view.intended @ view.shake
        assert np.allclose(camera / camera[2, 2], view.camera)
    assert not np.allclose(clean.view(0).intended, clean.view(60).intended)


def test_a_tripod_does_not_move() -> None:
    still = Scene(Shot(size=(64, 36), frames=30, shake=0, pan=False))
    assert all(np.allclose(still.view(index).camera, np.eye(3)) for index in (0, 11, 29))


def test_the_shake_falls_off_like_a_hand() -> None:
    scene = Scene(Shot(size=(1280, 720), frames=1, pan=False))
    seconds = np.arange(0, 60, 1 / 60)
    x = np.array([(scene.hand.view(second).camera @ [640, 360, 1]) for second in seconds])
    x = x[:, 0] / x[:, 2]
    power = np.abs(np.fft.rfft((x - x.mean()) * np.hanning(len(x)))) ** 2
    hz = np.fft.rfftfreq(len(x), 1 / 60)
    slow, middle, fast = (power[(hz >= a) & (hz < b)].sum() for a, b in ((0.1, 1), (1, 4), (4, 11)))
    assert slow > 4 * middle > 8 * fast and fast > 0
    assert power[hz > 12].sum() < 1e-3 * power.sum()
    assert 3 < x.std() < 15


def test_only_the_person_and_the_shadow_differ_from_the_plate(clean: Scene) -> None:
    for index in (10, 70, 100):
        picture, truth = clean.frame(index)
        apart = np.abs(picture.astype(int) - truth.plate).max(-1)
        assert apart[(truth.matte == 0) & (truth.shadow == 0)].max() <= 1
        inside = apart[truth.matte > 250]
        assert inside.size > 300 and (inside > 12).mean() > 0.85
        assert (truth.shadow > 60).sum() > 100


def test_edges_of_the_matte_are_soft(clean: Scene) -> None:
    matte = clean.frame(70)[1].matte
    soft = ((matte > 10) & (matte < 245)).sum()
    assert 0.05 < soft / (matte > 127).sum() < 0.6 and len(np.unique(matte)) > 12


def test_exposure_and_noise_are_as_told() -> None:
    scene = Scene(Shot(size=(192, 108), frames=200, noise=3, exposure_drift=0.1))
    gains = []
    for index in (0, 60, 150):
        picture, truth = scene.frame(index)
        empty = (truth.matte == 0) & (truth.shadow == 0) & (truth.plate < 200).all(-1)
        rest = picture[empty] - truth.plate[empty] * truth.gain
        assert abs(rest.mean()) < 0.3 and 2.5 < rest.std() < 3.5
        gains.append(truth.gain)
    assert np.ptp(gains) > 0.02 and max(abs(gain - 1) for gain in gains) <= 0.1


def test_a_second_person_crosses_behind() -> None:
    scene = Scene(Shot(size=(320, 180), frames=120, second_person=True))
    truths = [scene.frame(index)[1] for index in (44, 51, 75)]
    assert all((truth.others > 127).sum() > 50 for truth in truths)
    middles = [np.argwhere(truth.others > 127)[:, 1].mean() for truth in truths]
    assert middles[0] > middles[1] > middles[2]
    for truth in truths:
        assert (truth.matte.astype(int) + truth.others).max() <= 256
    assert not any(scene.frame(60)[1].others[0])


@pytest.mark.parametrize("size", [(108, 192), (191, 107), (96, 96), (64, 36), (256, 96), (72, 160)])
def test_every_shape_shows_the_whole_person_while_it_holds(size: tuple[int, int]) -> None:
    scene = Scene(Shot(size=size, frames=60, shake=0))
    picture, truth = scene.frame(30)
    assert picture.shape == (size[1], size[0], 3) and picture.dtype == np.uint8
    assert np.isfinite(truth.keypoints).all()
    rows = np.flatnonzero((truth.matte > 127).any(1))
    assert rows[0] > 0 and rows[-1] < size[1] - 1


@pytest.mark.parametrize("frames", [1, 2, 5, 30])
def test_every_length_has_its_phases(frames: int) -> None:
    scene = Scene(Shot(size=(64, 36), frames=frames))
    phases = [truth.phase for _, truth in scene.frames()]
    order = ["approach", "hold", "exit"]
    assert len(phases) == frames and phases == sorted(phases, key=order.index) and phases[0] == "approach"


def test_phases_are_what_the_person_does(scene: Scene) -> None:
    hold, leave = SMALL.phases
    at = np.arange(0, SMALL.frames, 4)
    places = np.array([scene.walker.plan.path.place(SMALL.time_s(int(index))) for index in at])
    tall, aside = 1 / places[:, 2], places[:, 0]
    assert (np.diff(tall[at <= hold]) > 0).all() and tall[at <= hold][-1] > 1.2 * tall[0]
    still = (at >= hold) & (at <= leave)
    assert np.ptp(tall[still]) < 1e-4 and np.ptp(aside[still]) < 1e-3
    assert aside[-1] > 0.4 and (np.diff(aside[at > leave]) >= 0).all()


def test_a_rate_is_exact() -> None:
    shot = Shot(size=(64, 36), rate=Fraction(30000, 1001), frames=300)
    assert shot.seconds == Fraction(1001, 100) and shot.time_s(300) == pytest.approx(10.01)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": (0, 720)},
        {"size": (1280, 100_000)},
        {"size": (2000, 100)},
        {"frames": 0},
        {"frames": 10**9},
        {"rate": Fraction(0)},
        {"rate": Fraction(1000)},
        {"shake": -1.0},
        {"noise": float("nan")},
        {"exposure_drift": 2.0},
        {"seed": -1},
    ],
)
def test_what_cannot_be_rendered_is_said_with_a_remedy(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as told:
        Shot(**wrong)
    assert told.value.problem.endswith(".") and told.value.remedy.endswith(".")


def test_kernels_work_where_nothing_can_be_kept() -> None:
    """A function without a file of its own is what numba refuses to cache."""
    from utils.walker.kernel import kernel

    made: dict[str, Any] = {}
    exec("def twice(x):\n    return 2 * x", made)
    assert kernel(made["twice"])(21) == 42


def test_the_package_itself_loads_nothing_heavy() -> None:
    code = "import sys, utils.walker; assert not {'numba', 'numpy', 'cv2'} & set(sys.modules), 'heavy'"
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, check=True)
