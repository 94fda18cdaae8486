"""Exact motion: what is carried along it is the same surface, and what cannot be seen is said."""

from typing import Any

import cv2
import numpy as np
import pytest

from utils.walker import Scene, Shot, TrueFlow

SHOT = Shot(size=(480, 270), frames=120, noise=0, exposure_drift=0, second_person=True)
PAIRS = [(20, 21), (60, 61), (61, 60), (100, 101)]


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(SHOT)


def fetched(image: Any, flow: TrueFlow) -> Any:
    """What the flow says each pixel looks like in the other frame."""
    y, x = np.indices(flow.valid.shape, np.float32)
    return cv2.remap(image, x + flow.vectors[..., 0], y + flow.vectors[..., 1], cv2.INTER_LINEAR)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_other_frame_carried_back_is_this_frame(scene: Scene, pair: tuple[int, int]) -> None:
    flow = scene.flow(*pair)
    (here, truth), (there, _) = scene.frame(pair[0]), scene.frame(pair[1])
    person = cv2.erode(truth.matte, np.ones((3, 3))) == 255
    place = (cv2.dilate(truth.matte | truth.others, np.ones((5, 5))) == 0) & (truth.shadow == 0)
    for part in (person, place):
        inside = part & flow.valid
        assert inside.sum() > 0.5 * part.sum() > 500
        carried = np.abs(fetched(there, flow).astype(int) - here)[inside]
        assert np.median(carried) <= 4


@pytest.mark.parametrize("pair", [(100, 101), (98, 104)])
def test_a_moving_person_is_far_off_without_the_flow(scene: Scene, pair: tuple[int, int]) -> None:
    flow = scene.flow(*pair)
    (here, truth), (there, _) = scene.frame(pair[0]), scene.frame(pair[1])
    inside = (cv2.erode(truth.matte, np.ones((3, 3))) == 255) & flow.valid
    carried = np.abs(fetched(there, flow).astype(int) - here)[inside].mean()
    left = np.abs(there.astype(int) - here)[inside].mean()
    assert carried < 0.35 * left


@pytest.mark.parametrize("pair", PAIRS)
def test_there_and_back_is_here(scene: Scene, pair: tuple[int, int]) -> None:
    out, back = scene.flow(*pair), scene.flow(*pair[::-1])
    returned = fetched(back.vectors, out)
    certain = fetched(back.valid.astype(np.float32), out) == 1
    apart = np.linalg.norm(out.vectors + returned, axis=-1)[out.valid & certain]
    assert apart.size > 0.8 * out.valid.size
    assert np.median(apart) < 0.01 and np.percentile(apart, 99) < 0.5


def test_the_place_moves_by_the_camera_alone(scene: Scene) -> None:
    flow, truth = scene.flow(30, 31), scene.frame(30)[1]
    matrix = np.linalg.inv(scene.view(31).camera) @ scene.view(30).camera
    for y, x in ((3, 3), (250, 40), (20, 460)):
        assert truth.matte[y, x] == 0
        there = matrix @ [x, y, 1]
        assert np.allclose(flow.vectors[y, x], there[:2] / there[2] - [x, y], atol=1e-3)


def test_what_gets_covered_is_not_valid(scene: Scene) -> None:
    """While it walks off to the right, the place ahead of it disappears and the place behind it appears."""
    source, target = 105, 112
    flow = scene.flow(source, target)
    here, there = scene.frame(source)[1], scene.frame(target)[1]
    covered = fetched(there.matte, flow) > 200
    lost = covered & (here.matte == 0) & (here.others == 0)
    assert lost.sum() > 200 and not flow.valid[lost].any()
    open_place = (here.matte == 0) & (here.others == 0) & (fetched(there.matte | there.others, flow) == 0)
    inner = np.zeros_like(open_place)
    inner[30:-30, 30:-30] = True
    assert flow.valid[open_place & inner].mean() > 0.995


def test_flow_to_itself_is_nothing(scene: Scene) -> None:
    flow = scene.flow(50, 50)
    assert np.abs(flow.vectors).max() < 2e-3 and flow.valid.mean() > 0.999


def test_keypoints_on_the_skin_move_with_the_flow(scene: Scene) -> None:
    flow, here, there = scene.flow(60, 61), scene.frame(60)[1], scene.frame(61)[1]
    for index in (0, 29, 31, 32):
        x, y = np.rint(here.keypoints[index]).astype(int)
        if here.visible[index] and here.matte[y, x] > 200:
            assert np.allclose(flow.vectors[y, x], there.keypoints[index] - here.keypoints[index], atol=0.6)
