"""Painted pictures are recognised by what they show: whatever they are called, however they were changed."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.engines.base import View
from tests.engines import Painter
from tests.restyled_walk import Walk
from utils.errors import PictureError
from utils.image import RGB, Size
from utils.image.geometry import Matrix, corners, moved, resize, shift
from utils.image.picture_file import RGBA
from utils.paintings.key_set import Key
from utils.paintings.placing import FINE_PX
from utils.paintings.recognising import Footage, Recognised, Recogniser, once_each
from utils.walker import Shot

SIZE, EVERY, FRAMES = Size(320, 180), 12, 60
OFFERED = tuple(range(0, FRAMES, EVERY))
SHOWN = 12
"""The frame that is painted in most tests: the person walks, and stands still later."""
NEAR_PX = {"paint": 1.5}
"""A picture that was moved is found this exactly, in px of a frame of 320 px, or of one; broad strokes of paint have
their outlines a little beside those of the frame."""


@dataclass(frozen=True)
class Footages:
    """A walker, and the same frames in other clothes and as looks paint them."""

    walk: Walk
    looks: dict[str, RGB]

    @property
    def footage(self) -> Footage:
        return footage_of(self.walk.source)

    def recogniser(self, names: Sequence[str] = ()) -> Recogniser:
        """One that knows which frames were given out."""
        return Recogniser(self.footage, [Key(frame=frame, file=f"{frame:06}.png") for frame in OFFERED], names)


def footage_of(frames: Sequence[RGB]) -> Footage:
    """Frames in memory as a clip."""
    size = Size.of(frames[0])
    small = size.scaled(min(1.0, FINE_PX / max(size)))

    def read(wanted: Iterable[int]) -> Iterator[RGB]:
        return (np.asarray(cv2.resize(frames[index], small, interpolation=cv2.INTER_AREA)) for index in wanted)

    return Footage(size, len(frames), read)


@pytest.fixture(scope="module")
def known() -> Footages:
    walk = Walk(Shot(size=SIZE, frames=FRAMES), (0, FRAMES))
    joints = np.full((33, 2), np.nan, np.float32)
    views = [View(index, walk.source[index], walk.mattes[index], joints) for index in OFFERED]
    painted = {look: Painter.of(views, look=look, apply_to="both") for look in ("paint", "ink", "cel")}
    (view,) = [view for view in views if view.index == SHOWN]
    return Footages(walk, {look: paint(view) for look, paint in painted.items()} | {"clothes": walk.restyled[SHOWN]})


def opaque(picture: RGB) -> RGBA:
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])


def as_jpeg(picture: RGB) -> RGB:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=80)
    return np.array(Image.open(file))


def scaled(picture: RGB, width_px: int, height_px: int) -> RGB:
    shrinks = width_px < picture.shape[1]
    return np.asarray(
        cv2.resize(picture, (width_px, height_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    )


def shifted(picture: RGB, right_px: int, down_px: int) -> RGB:
    """A picture moved within its own frame."""
    move = np.array([[1, 0, right_px], [0, 1, down_px]], float)
    return np.asarray(cv2.warpAffine(picture, move, Size.of(picture), borderMode=cv2.BORDER_REPLICATE))


CHANGES: dict[str, tuple[Callable[[RGB], RGB], Matrix]] = {
    "as it was": (lambda picture: picture, np.eye(3)),
    "JPEG 80": (as_jpeg, np.eye(3)),
    "half": (lambda picture: scaled(picture, 160, 90), resize(SIZE, Size(160, 90))),
    "half as large again": (lambda picture: scaled(picture, 480, 270), resize(SIZE, Size(480, 270))),
    "squeezed": (lambda picture: scaled(picture, 320, 176), resize(SIZE, Size(320, 176))),
    "moved by 2 px": (lambda picture: shifted(picture, 2, -2), shift(2, -2)),
    "cropped by 10 %": (lambda picture: picture[9:171, 16:304], shift(-16, -9)),
    "cropped at a corner": (lambda picture: picture[:162, 32:], shift(-32, 0)),
    "cropped and enlarged": (
        lambda picture: scaled(picture[9:171, 16:304], 320, 180),
        resize(Size(288, 162), SIZE) @ shift(-16, -9),
    ),
}


def check_place(found: Recognised, expected: Matrix, near_px: float = 1.0) -> None:
    """Fail unless a picture lies where it belongs, in px of the frame."""
    away = moved(found.placed.to_picture, corners(SIZE)) - moved(expected, corners(SIZE))
    scale = abs(np.linalg.det(expected[:2, :2])) ** 0.5
    assert np.abs(away).max() / scale < near_px


@pytest.mark.parametrize(
    ("look", "change"),
    [
        *(("clothes", change) for change in CHANGES),
        *(("paint", change) for change in ("as it was", "JPEG 80", "cropped by 10 %")),
        *(("ink", change) for change in ("half", "moved by 2 px", "cropped at a corner")),
        *(("cel", change) for change in ("half as large again", "squeezed", "cropped and enlarged")),
    ],
)
def test_a_painting_is_recognised_however_it_was_changed(known: Footages, look: str, change: str) -> None:
    changed, expected = CHANGES[change]
    found = known.recogniser().recognised("painting.png", opaque(changed(known.looks[look])))
    assert (found.frame, found.by_name) == (SHOWN, False)
    check_place(found, expected, NEAR_PX.get(look, 1.0))
    if look != "paint" and change in ("as it was", "JPEG 80", "half", "half as large again", "squeezed"):
        assert not found.placed.moved, "only what was moved is registered"


@pytest.mark.parametrize("change", ["as it was", "half", "moved by 2 px", "cropped by 10 %"])
def test_a_cut_out_person_is_recognised_by_outline_and_colours(known: Footages, change: str) -> None:
    """The rest is transparent and black, as some programs leave it."""
    changed, expected = CHANGES[change]
    matte = known.walk.mattes[SHOWN]
    person = np.asarray(known.walk.restyled[SHOWN] * (matte[..., None] > 127), np.uint8)
    alpha = changed(np.repeat(matte[..., None], 3, axis=2))[..., 0]
    found = known.recogniser().recognised("person.png", np.dstack([changed(person), alpha]))
    assert found.frame == SHOWN
    check_place(found, expected, 2.5)


def test_without_the_frames_that_were_given_out_all_of_the_clip_are_looked_at(known: Footages) -> None:
    """Also one between those that are compared at first."""
    for index in (7, 24, 41):
        found = Recogniser(known.footage, (), ()).recognised("painting.png", opaque(known.walk.restyled[index]))
        assert abs(found.frame - index) <= 1


def test_frames_of_a_long_clip_are_spread_and_then_searched(known: Footages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.paintings.recognising.MOST_FRAMES", 8)
    for index in (5, 21, 42):
        found = Recogniser(known.footage, (), ()).recognised("painting.png", opaque(known.walk.restyled[index]))
        assert abs(found.frame - index) <= 1


def test_a_picture_of_another_clip_is_refused(known: Footages) -> None:
    chance = np.random.default_rng(4)
    strange = [
        chance.integers(0, 255, (180, 320, 3)),
        np.kron(chance.integers(0, 255, (9, 16, 3)), np.ones((20, 20, 1))),
    ]
    for picture in strange:
        with pytest.raises(PictureError, match=r"'beach\.png' shows no frame of this clip"):
            known.recogniser().recognised("beach.png", opaque(picture.astype(np.uint8)))


def test_swapped_names_are_refused_with_the_frame_that_is_shown(known: Footages) -> None:
    for name, shown in ((12, 48), (48, 12), (0, 36)):
        with pytest.raises(PictureError) as caught:
            known.recogniser().recognised(f"{name:06}.jpg", opaque(known.walk.restyled[shown]))
        assert caught.value.problem == f"'{name:06}.jpg' is named after frame {name} and shows frame {shown}."


def test_the_right_name_is_believed(known: Footages) -> None:
    """Also of a frame that was not given out."""
    for index in (12, 30, 48):
        found = known.recogniser([f"{index:06}_final.png"]).recognised(
            f"{index:06}_final.png", opaque(known.walk.restyled[index])
        )
        assert (found.frame, found.placed.moved, found.by_name) == (index, False, False)


def test_what_has_no_outline_left_is_taken_by_its_name_if_its_size_is_the_same(known: Footages) -> None:
    flat = opaque(np.full((180, 320, 3), (200, 80, 20), np.uint8))
    found = known.recogniser().recognised("000036.png", flat)
    assert found.frame == 36 and found.by_name and np.array_equal(found.placed.to_picture, np.eye(3))
    for name, picture in (("000036.png", flat[:90, :160]), ("flat.png", flat)):
        with pytest.raises(PictureError, match="shows no frame of this clip"):
            known.recogniser().recognised(name, np.ascontiguousarray(picture))


def test_two_pictures_of_one_frame_are_refused(known: Footages) -> None:
    recogniser = known.recogniser()
    found = {name: recogniser.recognised(name, opaque(known.walk.restyled[24])) for name in ("a.png", "b.png")}
    with pytest.raises(PictureError, match=r"'a\.png' and 'b\.png' both show frame 124"):
        once_each(found, 100)


def test_names_of_a_part_of_a_clip_count_from_the_beginning_of_the_file(known: Footages) -> None:
    footage = footage_of(known.walk.source[10:])
    footage = Footage(footage.size, footage.frames, footage.read, first=10)
    found = Recogniser(footage, (), ["000020.png"]).recognised("000020.png", opaque(known.walk.restyled[20]))
    assert found.frame == 10


@pytest.mark.parametrize("beyond_px", [1, 3, 5])
def test_what_is_painted_flat_and_over_its_outline_lies_where_it_was_given_out(known: Footages, beyond_px: int) -> None:
    """One colour with transparency around it: another scale or a place beside its own is faintly more alike."""
    name = f"{SHOWN:06}.png"
    shape = cv2.dilate(known.walk.mattes[SHOWN], np.ones((2 * beyond_px + 1,) * 2, np.uint8))
    flat = np.dstack([np.full_like(known.walk.source[SHOWN], (200, 60, 40)), np.where(shape > 127, 255, 0)])
    found = known.recogniser([name]).recognised(name, flat.astype(np.uint8))
    assert found.frame == SHOWN and not found.placed.moved
    check_place(found, np.eye(3), 0.01)
