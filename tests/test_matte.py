"""A matte follows the picture's edges, has no specks and no holes, and ends where the person ends."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from utils.image import RGB, Size, bounding_box
from utils.media.intake import probe
from utils.media.video import ClipFrames
from utils.people.matte import refined
from utils.people.model import PoseModel
from utils.walker import Scene, Shot

Mask = NDArray[np.uint8]
Seen = list[tuple[RGB, Mask, Mask]]


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Pictures of the walker, what the model sees of them, and their true mattes."""
    scene, model = Scene(Shot(frames=300)), PoseModel()
    found = []
    for index in (120, 240):
        picture, truth = scene.frame(index)
        body = model.detect(picture)
        model.forget()
        assert body is not None
        found.append((picture, body.mask, truth.matte))
    model.close()
    return found


def likeness(mask: Mask, truth: Mask) -> float:
    a, b = mask > 127, truth > 127
    return float((a & b).sum() / (a | b).sum())


def edge_error(mask: Mask, truth: Mask) -> float:
    """Mean difference, of 255, within 3 px of the true edge."""
    solid = (truth > 127).astype(np.uint8)
    band = cv2.dilate(solid, np.ones((7, 7), np.uint8)) != cv2.erode(solid, np.ones((7, 7), np.uint8))
    return float(np.abs(mask.astype(int) - truth)[band].mean())


def test_the_edge_moves_to_where_it_is(seen: Seen) -> None:
    for picture, mask, truth in seen:
        matte = refined(mask, picture)
        assert likeness(matte, truth) > max(0.96, likeness(mask, truth) + 0.003)
        assert edge_error(matte, truth) < 0.75 * edge_error(mask, truth)


def test_a_coarse_mask_is_mended(seen: Seen) -> None:
    """One of a quarter of the size, as a hurried model gives it."""
    for picture, _, truth in seen:
        coarse = cv2.resize(cv2.resize(truth, (160, 90), interpolation=cv2.INTER_AREA), (1280, 720))
        assert edge_error(refined(coarse, picture), truth) < 0.75 * edge_error(coarse, truth)


def test_exactly_nothing_away_from_the_person(seen: Seen) -> None:
    for picture, mask, truth in seen:
        matte = refined(mask, picture)
        near = cv2.dilate(np.maximum(mask, truth), np.ones((41, 41), np.uint8)) > 24
        assert not matte[~near].any()
        assert (matte[cv2.erode(truth, np.ones((15, 15), np.uint8)) == 255] > 250).mean() > 0.995


def test_specks_go_and_a_separated_hand_stays(seen: Seen) -> None:
    picture, _, truth = seen[0]
    box = bounding_box(truth, 128)
    assert box is not None
    mask = truth.copy()
    mask[40:60, 40:60] = 255
    assert not refined(mask, picture)[30:70, 30:70].any()
    cut = truth.copy()
    ankle = box.bottom - box.size.height_px // 8
    cut[ankle : ankle + 6] = 0
    shoes = truth[ankle + 20 : box.bottom] > 200
    assert (refined(cut, picture)[ankle + 20 : box.bottom][shoes] > 127).mean() > 0.9


def test_pinholes_are_closed(seen: Seen) -> None:
    picture, _, truth = seen[0]
    box = bounding_box(truth, 128)
    assert box is not None
    y, x = (box.top + box.size.height_px // 3, (box.left + box.right) // 2)
    assert truth[y - 12 : y + 12, x - 12 : x + 12].min() == 255
    holed = truth.copy()
    holed[y - 3 : y + 3, x - 3 : x + 3] = 0
    assert refined(holed, picture)[y - 3 : y + 3, x - 3 : x + 3].min() > 200


def test_nobody_gives_nothing(seen: Seen) -> None:
    picture = seen[0][0]
    assert not refined(np.zeros(picture.shape[:2], np.uint8), picture).any()
    assert not refined(np.full(picture.shape[:2], 60, np.uint8), picture).any()


@pytest.mark.parametrize("size", [Size(64, 64), Size(33, 101), Size(8, 8), Size(1, 1), Size(1080, 1920)])
def test_any_size(size: Size) -> None:
    picture = np.zeros((size.height_px, size.width_px, 3), np.uint8)
    mask = np.zeros(picture.shape[:2], np.uint8)
    part = slice(size.height_px // 4, size.height_px), slice(size.width_px // 3, max(1, 2 * size.width_px // 3))
    picture[part], mask[part] = (200, 120, 40), 255
    assert likeness(refined(mask, picture), mask) > 0.9
    assert (refined(np.full_like(mask, 255), picture) == 255).all()


@pytest.mark.footage
def test_shoes_are_kept(footage: Path) -> None:
    """White shoes on grass: where the joints of the feet lie there is a shoe, and no grass comes with it."""
    frames = ClipFrames.of(probe(footage / "sam2_juggler.mp4"))
    model = PoseModel(alone=True)
    for frame in frames.read([10, 181]):
        body = model.detect(frame.rgb)
        assert body is not None
        matte = refined(body.mask, frame.rgb)
        for x, y in np.rint(body.keypoints[27:33]).astype(int):
            assert matte[y - 6 : y + 7, x - 6 : x + 7].max() == 255
        feet = matte[640:] > 127
        red, green, blue = (frame.rgb[640:][..., each][feet].astype(int) for each in range(3))
        assert ((green - red > 12) & (green - blue > 40)).mean() < 0.08
    model.close()
