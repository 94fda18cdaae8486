"""Detail that was lost on the way there and back: it returns to what was left alone, and not to what was painted."""

import cv2
import numpy as np
import pytest

from utils.image import RGB, Size
from utils.image.geometry import inverse
from utils.image.restore_detail import restore_detail
from utils.walker import Shot, walk

SIZE = Size(480, 270)
AWAY = np.array([[1.01, 0.02, 3.3], [-0.02, 1.01, 5.7], [0, 0, 1]])


def moved(picture: RGB, matrix: np.ndarray) -> RGB:  # type: ignore[type-arg]
    return np.asarray(
        cv2.warpPerspective(picture, matrix, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    )


@pytest.fixture(scope="module")
def original() -> RGB:
    return next(iter(walk(Shot(size=SIZE, frames=24))))[0]


@pytest.fixture(scope="module")
def there(original: RGB) -> RGB:
    return moved(original, AWAY)


def back(picture: RGB) -> RGB:
    return moved(picture, inverse(AWAY))


def fine(picture: RGB) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(picture - cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.5))


def test_what_was_left_alone_comes_out_as_it_was(original: RGB, there: RGB) -> None:
    assert (back(there) != original).any()
    assert (restore_detail(back(there), back(there), original) == original).all()


def test_another_colour_keeps_the_original_s_detail(original: RGB, there: RGB) -> None:
    """What is laid on in the stable picture lies on the source's own detail, and is as sharp."""
    tint = np.array([1.0, 0.9, 0.8])
    painted = back(np.rint(there * tint).astype(np.uint8))
    wanted = np.rint(original * tint)
    before, after = (np.abs(each - wanted).mean() for each in (painted, restore_detail(painted, back(there), original)))
    assert after < 0.4 * before


def test_flat_paint_stays_flat(original: RGB, there: RGB) -> None:
    """All that comes through of a grainy source is less than can be seen."""
    painted = cv2.GaussianBlur(there, (0, 0), 12)
    result = restore_detail(back(painted), back(there), original)
    lost = np.abs(fine(original) - fine(back(there))).mean()
    assert np.abs(fine(result) - fine(back(painted))).mean() < 0.15 * lost


def test_a_drawn_line_is_not_crossed_by_what_it_covers(original: RGB, there: RGB) -> None:
    inked = there.copy()
    line = np.zeros(there.shape[:2], np.uint8)
    cv2.line(line, (40, 20), (430, 250), 255, 7)
    inked[line > 0] = 12
    sure = cv2.erode(cv2.warpPerspective(line, inverse(AWAY), SIZE), np.ones((3, 3))) == 255
    result = restore_detail(back(inked), back(there), original)
    assert sure.sum() > 1000
    assert np.abs(result[sure].astype(int) - 12).mean() < 0.5 < np.abs(original.astype(int) - back(there))[sure].mean()
