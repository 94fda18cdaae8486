"""What frames of ControlNet start from: the order they are made in, the noise, and the warped frames around them."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.engines.base import View
from pipeline.engines.controlnet.noise import SIDE, field, fixed, moved
from pipeline.engines.controlnet.order import KEY_EVERY, Turn, key_indices, rounds
from pipeline.engines.controlnet.starts import BETWEEN_SHARE, KEY_SHARE, Look, Starts
from utils.flow import Flow
from utils.image import RGB, Size
from utils.walker import Shot, walk

CELLS = Size(24, 16)


@pytest.mark.parametrize("frames", [1, 2, 3, 9, 17, 18, 40, 97])
def test_every_frame_is_made_once_from_frames_that_are_finished(frames: int) -> None:
    finished = set[int]()
    for turns in rounds(frames):
        assert all(set(turn.sources) <= finished for turn in turns)
        assert finished.isdisjoint(turn.index for turn in turns)
        finished |= {turn.index for turn in turns}
    assert finished == set(range(frames))


def test_keys_are_renewed_every_8_to_16_frames() -> None:
    for frames in range(18, 98):
        gaps = np.diff(key_indices(frames))
        assert KEY_EVERY / 2 <= gaps.min() <= gaps.max() <= KEY_EVERY


def test_what_lies_between_keys_starts_from_both_and_is_made_at_once() -> None:
    *keys, between = rounds(97)
    assert [len(turns) for turns in keys] == [1] * 7 and len(between) == 90
    for turn in between:
        before, after = turn.sources
        assert before < turn.index < after and {before, after} <= set(key_indices(97))


def test_noise_is_fixed_in_the_stabilised_picture() -> None:
    plane = field(7, 4)
    first, other = fixed(plane, CELLS, (3, 5)), fixed(plane, CELLS, (6, 1))
    assert np.array_equal(first[:, :-4, 3:], other[:, 4:, :-3])
    assert not np.array_equal(plane, field(8, 4))
    assert fixed(plane, CELLS, (SIDE - 1, 0)).shape == (4, 16, 24)


def test_noise_moves_along_with_the_flow_and_stays_as_strong() -> None:
    plane = field(0, 4)
    source, own = fixed(plane, CELLS, (0, 0)), fixed(plane, CELLS, (100, 0))
    vectors = np.full((128, 192, 2), (16.4, 0), np.float32)
    valid = np.ones((128, 192), np.bool_)
    valid[:, 160:] = False
    result = moved(own, source, Flow(vectors, valid, 1, 0))
    assert np.array_equal(result[:, :, :20], source[:, :, 2:22]), "two cells of 8 px"
    assert np.array_equal(result[:, :, 20:], own[:, :, 20:]), "where something appears it has its own"


@pytest.fixture(scope="module")
def views() -> list[View]:
    return [
        View(truth.index, rgb, truth.matte, truth.keypoints.astype(np.float32))
        for rgb, truth in walk(Shot(size=Size(192, 128), frames=9))
    ]


def starts(views: list[View], strength: float = 1.0, part: str = "both") -> Starts:
    return Starts(views, Look(Size(192, 128), 8, part, strength, None, 0))


def test_a_frame_starts_from_the_finished_ones_warped_to_it(views: list[View]) -> None:
    """Their colour is carried, at the place that the flow leads to; where it leads nowhere the source is taken."""
    given = starts(views)
    for index in (0, 8):
        given.finished[index] = bluish(given.source(index))
    start = given.of(Turn(4, (0, 8), is_key=False))
    carried = cv2.resize(start.strength, (192, 128), interpolation=cv2.INTER_NEAREST) < 0.51
    assert 0.3 < carried.mean() < 1
    wanted = bluish(given.source(4)).astype(int)
    assert np.abs(start.picture.astype(int) - wanted)[carried].mean() < 8
    unwarped = np.abs(given.finished[0].astype(int) - wanted)[carried].mean()
    assert np.abs(start.picture.astype(int) - wanted)[carried].mean() < unwarped
    appears = cv2.resize(start.strength, (192, 128), interpolation=cv2.INTER_NEAREST) > 0.99
    assert np.array_equal(start.picture[appears], given.source(4)[appears])


def bluish(rgb: RGB) -> RGB:
    return np.asarray(np.stack([rgb[..., 0] // 2, rgb[..., 1] // 2, 128 + rgb[..., 2] // 2], axis=-1))


def test_only_what_appears_is_made_with_the_full_strength(views: list[View]) -> None:
    appearing = views[8].rgb.copy()
    appearing[8:56, 8:56] = np.random.default_rng(0).integers(0, 255, (48, 48, 3), np.uint8)
    given = starts([*views[:8], replace(views[8], rgb=appearing)], strength=0.8)
    given.finished = {index: given.source(index) for index in (0, 8)}
    first, key, between = (
        given.of(turn).strength
        for turn in (Turn(0, (), is_key=True), Turn(8, (0,), is_key=True), Turn(4, (0, 8), is_key=False))
    )
    assert first.min() == pytest.approx(0.8) == first.max()
    assert key.min() == pytest.approx(0.8 * KEY_SHARE) and key[3:5, 3:5].min() > 0.75
    assert key[10:, 10:].max() < 0.65
    assert between.min() == pytest.approx(0.8 * BETWEEN_SHARE) and between.mean() < key.mean()


def test_outside_the_person_nothing_is_made(views: list[View]) -> None:
    start = starts(views, part="person").of(Turn(4, (), is_key=True))
    inside = cv2.resize(views[4].matte, (24, 16), interpolation=cv2.INTER_AREA) > 0
    assert (start.strength[inside] > 0).all() and (start.strength == 0).mean() > 0.5


def test_a_window_continues_from_the_one_before_where_that_had_pixels(views: list[View]) -> None:
    look, red = Look(Size(192, 128), 8, "both", 1.0, None, 0), np.full((128, 192, 3), (255, 0, 0), np.uint8)
    valid = np.full((128, 192), 255, np.uint8)
    assert np.array_equal(Starts(views, look, (red, valid)).finished[0], red), "nothing is left to make"
    valid[:, 96:] = 0
    partly = Starts(views, look, (red, valid))
    start = partly.of(Turn(0, (), is_key=True))
    assert not partly.finished and (start.picture[:, :96] == red[:, :96]).all()
    assert np.array_equal(start.picture[:, 96:], partly.source(0)[:, 96:])
    assert not start.strength[:, :12].any() and (start.strength[:, 12:] == 1).all()
