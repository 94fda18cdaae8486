"""Flow leads where it says, knows what it cannot follow, and survives being resized and packed."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from utils.flow import Flow, Search, Vectors, agreeing, flow_one_way, flow_pair, packed, unpacked, warped
from utils.image import RGB, Size
from utils.walker import Scene, Shot, TrueFlow

SHOT = Shot(size=(640, 360), frames=120)
PAIRS = [(26, 27), (60, 61), (100, 101)]
Filmed = dict[int, tuple[RGB, NDArray[np.uint8]]]


@pytest.fixture(scope="module")
def filmed() -> tuple[Filmed, dict[tuple[int, int], TrueFlow]]:
    scene = Scene(SHOT)
    frames = {index: scene.frame(index) for index in {index for pair in PAIRS for index in pair}}
    pictures = {index: (picture, truth.matte) for index, (picture, truth) in frames.items()}
    return pictures, {pair: scene.flow(*pair) for pair in PAIRS}


def grey(picture: RGB) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def read_flo(path: Path) -> Vectors:
    data = path.read_bytes()
    assert data[:4] == b"PIEH"
    width, height = np.frombuffer(data, np.int32, 2, 4)
    return np.array(np.frombuffer(data, np.float32, -1, 12).reshape(height, width, 2), np.float32)


def scattered(shape: tuple[int, int], sigma: float, seed: int = 0) -> NDArray[np.uint8]:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=shape).astype(np.float32), (0, 0), sigma)
    return np.asarray(np.clip(128 + 50 * noise / noise.std(), 0, 255), np.uint8)


def certain(vectors: Vectors) -> Flow:
    return Flow(vectors, np.ones(vectors.shape[:2], bool), 0, 1)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_walkers_motion_is_found(
    filmed: tuple[Filmed, dict[tuple[int, int], TrueFlow]], pair: tuple[int, int]
) -> None:
    pictures, truths = filmed
    (here, matte), (there, _), truth = pictures[pair[0]], pictures[pair[1]], truths[pair]
    flow, _ = flow_pair(grey(here), grey(there), pair, Search(shrink=1))
    assert (flow.source, flow.target) == pair
    miss = np.linalg.norm(flow.vectors - truth.vectors, axis=-1)
    person, place = matte > 200, cv2.dilate(matte, np.ones((15, 15))) == 0
    way = np.linalg.norm(truth.vectors, axis=-1)[person & truth.valid].mean()
    assert miss[place & flow.valid].mean() < 0.35
    assert miss[person & flow.valid & truth.valid].mean() < max(0.4 * way, 0.3)
    assert flow.valid[truth.valid].mean() > 0.9


def test_a_warp_fetches_from_where_the_way_ends() -> None:
    """What moved 7 right and 3 down is brought back by the flow from before to after, and not by its opposite."""
    before = scattered((90, 120), 2)
    after = np.roll(before, (3, 7), (0, 1))
    flow = certain(np.tile(np.array([7, 3], np.float32), (90, 120, 1)))
    inner = (slice(10, -10), slice(10, -10))
    assert np.array_equal(warped(after, flow)[inner], before[inner])
    wrong = warped(before, flow)[inner].astype(int) - after[inner]
    assert np.abs(wrong).mean() > 20


def test_flow_there_and_back_leads_in_opposite_directions() -> None:
    before = scattered((120, 160), 3)
    after = np.roll(before, (0, 4), (0, 1))
    forward, backward = flow_pair(before, after, (8, 9))
    assert (forward.source, forward.target, backward.source, backward.target) == (8, 9, 9, 8)
    middle = (slice(30, -30), slice(30, -30))
    assert np.abs(forward.vectors[middle] - (4, 0)).mean() < 0.3
    assert np.abs(backward.vectors[middle] + (4, 0)).mean() < 0.3
    alone = flow_one_way(before, after, (8, 9))
    assert np.array_equal(alone.vectors, forward.vectors)


def test_a_search_finds_the_same_whatever_was_searched_before() -> None:
    """OpenCV's objects keep something of the pictures that they saw; with `fast` it shows."""
    here, there = scattered((131, 47), 2), np.roll(scattered((131, 47), 2), 3, 1)
    first = flow_one_way(here, there, search=Search("fast", shrink=1))
    flow_one_way(scattered((131, 47), 2, seed=3), there, search=Search("fast", shrink=1))
    assert np.array_equal(flow_one_way(here, there, search=Search("fast", shrink=1)).vectors, first.vectors)


def test_what_is_covered_and_what_leaves_the_picture_is_not_valid() -> None:
    before = scattered((160, 240), 3)
    after = before.copy()
    block = scattered((60, 60), 3, seed=1)
    before[50:110, 60:120], after[50:110, 70:130] = block, block
    forward, backward = flow_pair(before, after, search=Search(shrink=1))
    assert forward.valid[55:105, 122:128].mean() < 0.7
    assert backward.valid[55:105, 62:68].mean() < 0.7
    assert forward.valid[:40].mean() > 0.95 and forward.valid[60:100, 80:100].mean() > 0.9
    away = agreeing(*(np.tile(np.array([sign * 30, 0], np.float32), (40, 100, 1)) for sign in (1, -1)))
    assert away[:, :70].all() and not away[:, 70:].any()


def test_a_resized_flow_leads_to_the_same_place() -> None:
    y, x = np.indices((80, 120), np.float32)
    flow = certain(np.dstack([0.05 * x, -0.1 * y]))
    large = flow.resized(Size(240, 160))
    assert large.size == Size(240, 160) and large.valid.all()
    y, x = np.indices((160, 240), np.float32)
    expected = np.dstack([2 * 0.05 * ((x + 0.5) / 2 - 0.5), -2 * 0.1 * ((y + 0.5) / 2 - 0.5)])
    assert np.abs(large.vectors - expected)[2:-2, 2:-2].max() < 1e-3
    assert flow.resized(flow.size) is flow


def test_the_compact_form_is_within_a_32nd_of_a_pixel() -> None:
    vectors = np.random.default_rng(4).uniform(-300, 300, (20, 30, 2)).astype(np.float32)
    steps = packed(vectors)
    assert steps.dtype == np.int16
    assert np.abs(unpacked(steps) - vectors).max() <= 1 / 32 + 1e-4
    far = packed(np.full((1, 1, 2), 1e6, np.float32))
    assert unpacked(far).min() > 2000


def test_pictures_of_two_sizes_have_no_flow() -> None:
    with pytest.raises(ValueError, match="flow between"):
        flow_pair(np.zeros((40, 40), np.uint8), np.zeros((40, 50), np.uint8))
    with pytest.raises(ValueError, match="flags"):
        Flow(np.zeros((4, 4, 2), np.float32), np.zeros((4, 5), bool), 0, 1)


@pytest.mark.footage
def test_known_flows_of_another_hand_warp_right(footage: Path) -> None:
    """Two pairs of pictures: flow carries one onto the other and its opposite does not; there and back is here."""
    folder = footage / "flow" / "tiny_50x50"
    first, second = (cv2.imread(str(folder / f"00001_img{number}.ppm")).astype(np.float32) for number in (1, 2))
    vectors = read_flo(folder / "00001_flow.flo")
    apart = [np.abs(warped(second, certain(way)) - first).mean() for way in (vectors, 0 * vectors, -vectors)]
    assert apart[0] < 0.6 * apart[1] < apart[2]
    there, back = (read_flo(folder / f"0000000-flow_{name}.flo") for name in ("01", "10"))
    seen = cv2.imread(str(folder / "0000000-occ_01.png"), cv2.IMREAD_GRAYSCALE) == 0
    assert agreeing(there, back)[seen].mean() > 0.98
    assert agreeing(there, -back)[seen].mean() < agreeing(there, back)[seen].mean()
