"""A known restyle of the walker, carried from its keys through a walk, against the restyle itself."""

import cv2
import numpy as np
import pytest

from tests.restyled_walk import Walk, from_one_side
from utils.keyframes.motion import Motion
from utils.keyframes.stretch import Stretch
from utils.walker import Scene, Shot

pytestmark = pytest.mark.slow

SHOT = Shot(size=(320, 180), frames=90)
SPANS = ((0, 36), (54, 90))
"""Approach and exit, where most moves."""


@pytest.fixture(scope="module", params=SPANS, ids=["approach", "exit"])
def walk(request: pytest.FixtureRequest) -> Walk:
    return Walk(SHOT, request.param)


def near(values_db: list[float]) -> bool:
    """Whether frames are near enough to the truth, on the whole and each of them."""
    return bool(np.mean(values_db) > 26 and min(values_db) > 22)


def test_carried_frames_are_near_the_restyle_that_the_keys_show(walk: Walk) -> None:
    stretch = Stretch(walk.greys, walk.mattes)
    keys = stretch.keys()
    made = list(stretch.carried({key: walk.restyled[key] for key in keys}))
    both, one = walk.psnr_db(made, keys), walk.psnr_db(from_one_side(walk, keys), keys)
    assert len(made) == len(walk.source) and len(keys) < len(made) / 3
    assert near(both), (np.mean(both), min(both))
    assert not near(one), "the floor is above what one side alone reaches"


def test_keys_are_kept_as_they_are(walk: Walk) -> None:
    stretch = Stretch(walk.greys[:9], walk.mattes[:9])
    made = list(stretch.carried({0: walk.restyled[0], 8: walk.restyled[8]}))
    assert np.array_equal(made[0], walk.restyled[0]) and np.array_equal(made[8], walk.restyled[8])


def test_a_match_is_the_true_flow_where_it_is_sure() -> None:
    scene = Scene(SHOT)
    frames = range(20, 29)
    pairs = [scene.frame(index) for index in frames]
    motion = Motion([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame, _ in pairs])
    for step, match in motion.away(0, len(frames)):
        truth = scene.flow(frames[step], frames[0])
        inside = (pairs[step][1].matte > 127) & truth.valid & (match.sure > 0.5)
        apart = np.linalg.norm(match.vectors - truth.vectors, axis=-1)[inside]
        assert inside.sum() > 200 and np.median(apart) < 0.7


def test_a_key_that_shows_only_a_part_is_used_for_that_part_alone(walk: Walk) -> None:
    """As where the window before saw less."""
    stretch = Stretch(walk.greys[:5], walk.mattes[:5])
    half = np.zeros_like(walk.mattes[0])
    half[:, : half.shape[1] // 2] = 255
    stretch.known(0, half)
    black = np.where(half[..., None] > 0, walk.restyled[0], 0).astype(np.uint8)
    made = list(stretch.carried({0: black, 4: walk.restyled[4]}))
    right = half[:, ::-1] > 0
    right[:, : right.shape[1] // 2 + 6] = False
    assert np.abs(made[1].astype(int) - walk.restyled[1])[right].mean() < 12
