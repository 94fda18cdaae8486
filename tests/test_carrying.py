"""A known restyle of the walker, carried from its keys through a walk, against the restyle itself."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from tests.restyled_walk import Walk, from_one_side
from utils.image import RGB
from utils.keyframes.between import Between
from utils.keyframes.motion import Motion
from utils.keyframes.stretch import Stretch
from utils.keyframes.synthesis import Seen
from utils.walker import Scene, Shot

pytestmark = pytest.mark.slow

SHOT = Shot(size=(320, 180), frames=90)
SPANS = ((0, 36), (54, 90))
"""Approach and exit, where most moves."""


@pytest.fixture(scope="module", params=SPANS, ids=["approach", "exit"])
def walk(request: pytest.FixtureRequest) -> Walk:
    return Walk(SHOT, request.param)


def carried(walk: Walk, keys: Sequence[int]) -> list[RGB]:
    """All frames from these keys."""
    seen = [Seen(rgb, matte) for rgb, matte in zip(walk.source, walk.mattes, strict=True)]
    between = Between(seen, [matte > 0 for matte in walk.mattes], {key: walk.restyled[key] for key in keys})
    return [frame.picture for frame in between.made()]


def near(values_db: list[float]) -> bool:
    """Whether frames are near enough to the truth, on the whole and each of them."""
    return bool(np.mean(values_db) > 28 and min(values_db) > 24)


def test_carried_frames_are_near_the_restyle_that_the_keys_show(walk: Walk) -> None:
    keys = Stretch(walk.greys, walk.mattes).keys()
    made = carried(walk, keys)
    both, one = walk.psnr_db(made, keys), walk.psnr_db(from_one_side(walk, keys), keys)
    assert len(made) == len(walk.source) and len(keys) < len(made) / 3
    assert near(both), (np.mean(both), min(both))
    assert not near(one), "the floor is above what one side alone reaches"


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


def test_keys_that_show_a_part_are_counted_for_that_part_alone(walk: Walk) -> None:
    """As where the window before saw less: more frames are painted."""
    whole, part = (Stretch(walk.greys[:12], walk.mattes[:12]) for _ in range(2))
    half = np.zeros_like(walk.mattes[0])
    half[: len(half) // 2] = 255
    for key in (0, 11):
        part.known(key, half)
    assert len(part.keys()) > len(whole.keys())
