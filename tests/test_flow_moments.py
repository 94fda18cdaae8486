"""Flow between moments: however a way is cut, its displacement is the same; and flow is found once for a clip."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.panned import panned
from utils.flow import Flow, fetched
from utils.flow.extraction import BACKWARD, FORWARD, Extraction, extract
from utils.flow.flow_file import FlowFile
from utils.flow.moments import Moments
from utils.flow.wheel import NO_MOTION, flow_colours
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.size import Size

SIZE = Size(96, 64)


def even(step_px: tuple[float, float]) -> Moments:
    """The same displacement everywhere in each frame."""

    def flow(frame: int, way: int) -> Flow:
        vectors = np.tile(np.float32(way) * np.array(step_px, np.float32), (SIZE.height_px, SIZE.width_px, 1))
        return Flow(vectors, np.ones(SIZE[::-1], bool), frame, frame + way)

    return Moments(SIZE, lambda frame: flow(frame, 1), lambda frame: flow(frame, -1))


def swelling() -> Moments:
    """Each frame is the one before, made larger by 2 % around a corner: motion that differs from place to place."""
    rows, columns = np.indices(SIZE[::-1], np.float32)

    def flow(frame: int, way: int) -> Flow:
        scale = np.float32(0.02 if way > 0 else 1 / 1.02 - 1)
        return Flow(scale * np.dstack([columns, rows]), np.ones(SIZE[::-1], bool), frame, frame + way)

    return Moments(SIZE, lambda frame: flow(frame, 1), lambda frame: flow(frame, -1))


@pytest.mark.parametrize(("sources", "frames"), [(20, 40), (100, 82), (7, 1000), (3, 3)])
def test_retimed_steps_add_up_to_the_same_displacement(sources: int, frames: int) -> None:
    moments = even((3.0, -1.5))
    at = [Fraction(number * (sources - 1), frames - 1) for number in range(frames)]
    steps = [moments.between(*pair).vectors[20, 30] for pair in pairwise(at)]
    back = [moments.between(*pair).vectors[20, 30] for pair in pairwise(at[::-1])]
    total = np.array([3.0, -1.5]) * (sources - 1)
    assert np.abs(np.sum(steps, axis=0) - total).max() <= 0.01 * np.abs(total).max()
    assert np.abs(np.sum(back, axis=0) + total).max() <= 0.01 * np.abs(total).max()
    lengths = np.linalg.norm(steps, axis=1)
    assert lengths.max() <= 1.02 * lengths.min(), "no step is doubled and none is left out"


def test_a_way_in_steps_ends_where_the_way_at_once_does() -> None:
    moments = swelling()
    cuts = [Fraction(1, 4), Fraction(5, 3), Fraction(2), Fraction(17, 5), Fraction(6)]
    at_once = moments.between(cuts[0], cuts[-1]).vectors
    joined = np.zeros_like(at_once)
    for begin, end in pairwise(cuts):
        joined = joined + fetched(moments.between(begin, end).vectors, joined)
    inner = (slice(0, 50), slice(0, 80))
    assert np.abs(joined - at_once)[inner].max() < 0.05
    rows, columns = np.indices(SIZE[::-1], np.float32)
    true = (1.02 ** (6 - 0.25) - 1) * np.dstack([columns, rows])
    assert np.abs(at_once - true)[inner].max() < 0.02 * true[inner].max()


def test_there_and_back_is_where_it_began() -> None:
    moments = swelling()
    there = moments.between(Fraction(1, 2), Fraction(9, 2))
    back = moments.between(Fraction(9, 2), Fraction(1, 2))
    returned = there.vectors + fetched(back.vectors, there.vectors)
    assert np.abs(returned[:50, :80]).max() < 0.1
    nowhere = moments.between(Fraction(3), Fraction(3), (4, 4))
    assert not nowhere.vectors.any() and nowhere.valid.all() and nowhere.source == 4


def test_what_is_not_valid_on_the_way_is_not_valid() -> None:
    valid = np.ones(SIZE[::-1], bool)
    valid[:, 60:] = False
    right = np.tile(np.array([10, 0], np.float32), (SIZE.height_px, SIZE.width_px, 1))
    moments = Moments(SIZE, lambda frame: Flow(right, valid, frame, frame + 1), lambda frame: Flow(-right, valid, 1, 0))
    way = moments.between(Fraction(0), Fraction(2)).valid
    assert way[:, :50].all() and not way[:, 50:].any()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return panned(tmp_path_factory.mktemp("pan") / "pan.mp4", Size(320, 192), [(3, -2)] * 11)


@pytest.fixture(scope="module")
def extracted(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("flow")
    told: list[int] = []
    extract(Extraction(clip, Span(2, 10)), folder, told.append)
    assert told == list(range(1, 8))
    yield folder


def test_a_pan_is_found_to_a_quarter_of_a_pixel_both_ways(extracted: Path, clip: Clip) -> None:
    forward, backward = (FlowFile.at(extracted / name) for name in (FORWARD, BACKWARD))
    assert forward.header.sources == Span(2, 9) and backward.header.sources == Span(3, 10)
    assert forward.header.source == clip.digest and "DIS" in forward.header.method
    inner = (slice(16, -16), slice(16, -16))
    for file, way in ((forward, 1), (backward, -1)):
        for flow in file.flows(file.header.sources):
            assert flow.target == flow.source + way
            assert np.abs(flow.vectors[inner] - way * np.array([3, -2])).mean() < 0.25
            assert flow.valid[inner].mean() > 0.98


def test_large_pictures_are_reduced_to_the_cap_and_vectors_count_in_its_pixels(clip: Clip, tmp_path: Path) -> None:
    extract(Extraction(clip, Span(0, 3), most_area_px=160 * 96), tmp_path)
    file = FlowFile.at(tmp_path / FORWARD)
    assert file.header.size == Size(160, 96) and file.header.picture_size == Size(320, 192)
    assert np.abs(file.flow(0).vectors[16:-16, 16:-16] - (1.5, -1)).mean() < 0.2


def test_a_clip_of_one_frame_has_no_flow(clip: Clip, tmp_path: Path) -> None:
    extract(Extraction(clip, Span(4, 5)), tmp_path)
    assert len(FlowFile.at(tmp_path / FORWARD)) == len(FlowFile.at(tmp_path / BACKWARD)) == 0


def test_directions_have_hues_and_what_stands_is_white() -> None:
    vectors = np.zeros((1, 5, 2), np.float32)
    vectors[0, 1:] = [(8, 0), (-8, 0), (4, 0), (80, 0)]
    still, right, left, half, far = flow_colours(vectors, 8)[0].astype(int)
    assert (still == NO_MOTION).all() and np.array_equal(right, far)
    assert right.argmax() == 0 and left.argmin() == 0, "red leads to the right, its opposite to the left"
    assert np.abs((255 - half) * 2 - (255 - right)).max() <= 2


def test_the_wheel_is_the_one_that_models_were_trained_on() -> None:
    torch = pytest.importorskip("torch")
    flow_to_image = pytest.importorskip("torchvision.utils").flow_to_image
    rows, columns = np.indices((41, 61), np.float32)
    vectors = np.dstack([columns - 30, rows - 20])
    theirs = flow_to_image(torch.from_numpy(vectors.transpose(2, 0, 1).copy())).numpy().transpose(1, 2, 0)
    ours = flow_colours(vectors, float(np.hypot(30, 20)))
    assert cv2.absdiff(theirs, ours).max() <= 2
