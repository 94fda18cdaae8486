"""A plate's own ideas about where the person is: also at the edge of the picture, where nobody is recognised."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest

from pipeline.compose.plates import PersonCover
from utils.camera.path import CameraPath
from utils.camera.tracking import Mask
from utils.image import RGB, Box, Size, bounding_box
from utils.image.geometry import inverse, normal
from utils.image.metrics import psnr_db
from utils.media.video import Frame
from utils.place.background import Plate, build_plate
from utils.walker import Shot, Truth
from utils.walker.scene import Scene

pytestmark = pytest.mark.slow

SIZE = Size(480, 270)
SHOT = Shot(size=SIZE, rate=Fraction(15), frames=150)
FRAMES = range(118, 150)
SEEN_SHARE = 0.4
"""Of the area that the person has, from which on they are recognised."""


@dataclass(frozen=True)
class Leaving:
    """The end of a walk: a person who goes out of the picture, and is not recognised any more when most of them is."""

    pictures: list[RGB]
    truths: list[Truth]

    @property
    def size(self) -> Size:
        return SIZE

    def __len__(self) -> int:
        return len(self.pictures)

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        return (Frame(index, index, self.pictures[index]) for index in wanted)

    def found(self, wanted: Iterable[int]) -> Iterator[Mask]:
        largest = max(int((each.matte > 8).sum()) for each in self.truths)
        for index in wanted:
            matte = self.truths[index].matte
            yield matte if (matte > 8).sum() > SEEN_SHARE * largest else np.zeros_like(matte)

    @property
    def boxes(self) -> list[Box | None]:
        return [bounding_box(matte) for matte in self.found(range(len(self)))]

    @property
    def camera(self) -> CameraPath:
        cameras = np.array([truth.view.camera for truth in self.truths])
        count = len(cameras)
        pts = tuple(range(count))
        first = normal(inverse(cameras[0]) @ cameras)
        return CameraPath(first, np.ones(count), pts, Fraction(1, 30), SIZE, SIZE)


@pytest.fixture(scope="module")
def film() -> Leaving:
    scene = Scene(SHOT)
    pictures, truths = zip(*map(scene.frame, FRAMES), strict=True)
    return Leaving(list(pictures), list(truths))


def worst_db(plate: Plate, film: Leaving) -> float:
    """On pixels that are said to have been seen."""
    scores = []
    for truth, matrix in zip(film.truths, film.camera.matrices, strict=True):
        true = np.clip(truth.plate + 0.5, 0, 255).astype(np.uint8)
        scores.append(psnr_db(plate.view(matrix, SIZE), true, plate.unseen(matrix, SIZE) == 0))
    return min(scores)


def test_who_is_half_gone_is_not_taken_for_the_place(film: Leaving) -> None:
    span = range(len(film))
    boxes = film.boxes
    assert None in boxes and (film.truths[boxes.index(None)].matte > 8).any()
    plain, careful = (
        build_plate(film, mattes, film.camera, span)
        for mattes in (film.found, PersonCover(film.found, boxes, linger_frames=15).mattes)
    )
    assert worst_db(careful, film) > worst_db(plain, film) + 1
    assert careful.unseen_share < plain.unseen_share + 0.1


def test_only_for_a_moment_and_only_where_nobody_is_found(film: Leaving) -> None:
    boxes = film.boxes
    gone = boxes.index(None)
    short = PersonCover(film.found, boxes, linger_frames=2)
    after = list(short.mattes(range(gone - 1, gone + 3)))
    assert (after[0] == next(film.found([gone - 1]))).all()
    assert [bool(each.any()) for each in after[1:]] == [True, True, False]
    last = boxes[gone - 1]
    assert last is not None and (after[1][last.slices] == 255).all()
    assert not any(each.any() for each in replace(short, boxes=[None] * len(boxes)).mattes([gone]))
