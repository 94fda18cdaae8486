"""The plate is the place itself wherever it was seen, says where it was not, and cannot fill the memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from utils.camera.path import CameraPath
from utils.camera.tracking import track
from utils.errors import ClipError
from utils.image import RGB, Box, Size
from utils.image.geometry import Matrix, inverse, normal, shift
from utils.media.video import Frame
from utils.place.background import Plate, build_plate
from utils.place.inpainting import fill
from utils.place.masked_median import Layer, Mask, merge
from utils.place.mosaic import LARGEST_PX, lay_out
from utils.place.samples import LEVELS
from utils.place.shadow_mask import shadow_mask
from utils.walker import Shot, Truth, walk

pytestmark = pytest.mark.slow

SIZE = Size(480, 270)
FRAMES = 96


@dataclass(frozen=True)
class Film:
    """Frames with their truth, some of them more than once, as a clip of its own."""

    pictures: list[RGB]
    truths: list[Truth]

    @property
    def size(self) -> Size:
        return SIZE

    def __len__(self) -> int:
        return len(self.pictures)

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        return (Frame(index, index, self.pictures[index]) for index in wanted)

    def mattes(self, wanted: Iterable[int]) -> Iterator[Mask]:
        return (self.truths[index].matte for index in wanted)

    def rough_mattes(self, wanted: Iterable[int]) -> Iterator[Mask]:
        """As a small model makes them: coarse, and now too large, now too small."""
        for index in wanted:
            small = cv2.resize(self.truths[index].matte, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
            change = (cv2.erode, cv2.dilate, lambda matte, _: matte)[index % 3]
            yield cv2.resize(cv2.GaussianBlur(change(small, np.ones((2, 2))), (0, 0), 0.7), SIZE)

    def only(self, frames: list[int]) -> "Film":
        return Film([self.pictures[each] for each in frames], [self.truths[each] for each in frames])

    @property
    def camera(self) -> CameraPath:
        """The true one."""
        cameras = np.array([truth.view.camera for truth in self.truths])
        return path(normal(inverse(cameras[0]) @ cameras))

    def seen(self, index: int) -> RGB:
        """The place alone, as exposed in a frame."""
        truth = self.truths[index]
        return np.clip(truth.plate * truth.gain + 0.5, 0, 255).astype(np.uint8)


def path(matrices: Matrix) -> CameraPath:
    count = len(matrices)
    return CameraPath(matrices, np.ones(count), tuple(range(count)), Fraction(1, 30), SIZE, SIZE)


def psnr(one: RGB, other: RGB, where: np.ndarray) -> float:  # type: ignore[type-arg]
    error = (one.astype(float) - other)[where]
    return float(10 * np.log10(255**2 / max(1e-9, (error**2).mean())))


def quality(plate: Plate, film: Film, camera: CameraPath, index: int, where: np.ndarray | None = None) -> float:  # type: ignore[type-arg]
    """PSNR of what the plate shows of a frame, against the place itself, where the plate knows it."""
    matrix, truth = camera.matrices[index], film.truths[index]
    shown = plate.view(matrix, SIZE, plate.gain(film.pictures[index], truth.matte, matrix))
    known = plate.unseen(matrix, SIZE) == 0
    return psnr(shown, film.seen(index), known if where is None else known & where)


@pytest.fixture(scope="module")
def film() -> Film:
    shot = Shot(size=SIZE, frames=FRAMES, rate=Fraction(12), exposure_drift=0.12)
    pictures, truths = zip(*walk(shot), strict=True)
    return Film(list(pictures), list(truths))


@pytest.fixture(scope="module")
def plate(film: Film) -> Plate:
    return build_plate(film, film.mattes, film.camera, range(FRAMES))


def test_it_is_the_place_that_every_frame_saw(film: Film, plate: Plate) -> None:
    assert min(quality(plate, film, film.camera, index) for index in range(0, FRAMES, 9)) > 38


def test_person_and_shadow_are_gone(film: Film, plate: Plate) -> None:
    for index in (20, 50, 80):
        truth = film.truths[index]
        assert quality(plate, film, film.camera, index, truth.matte > 128) > 34
        assert quality(plate, film, film.camera, index, truth.shadow > 20) > 34
        assert psnr(film.pictures[index], film.seen(index), truth.shadow > 20) < 25


def test_without_mattes_the_person_stays(film: Film, plate: Plate) -> None:
    ghost = build_plate(film, lambda wanted: (np.zeros_like(each) for each in film.mattes(wanted)), film.camera,
                        range(FRAMES))  # fmt: skip
    there = film.truths[50].matte > 128
    assert quality(ghost, film, film.camera, 50, there) < quality(plate, film, film.camera, 50, there) - 6


def test_rough_mattes_and_a_measured_camera_are_good_enough(film: Film) -> None:
    people = film.rough_mattes(range(FRAMES))
    motions = list(track(zip(film.pictures, people, strict=True)))
    camera = path(np.array([motion.matrix for motion in motions]))
    plate = build_plate(film, film.rough_mattes, camera, range(FRAMES))
    assert min(quality(plate, film, camera, index) for index in range(0, FRAMES, 9)) > 36


def test_somebody_who_holds_nearly_all_the_time_is_gone_too(film: Film) -> None:
    """Nine frames in ten show the person on the same spot: the others still say what is there."""
    held = film.only([*range(0, 16, 4), *([44, 46, 48, 50, 52] * 14), *range(88, 96, 2)])
    plate = build_plate(held, held.mattes, held.camera, range(len(held)))
    assert quality(plate, held, held.camera, 20, held.truths[20].matte > 128) > 33
    assert quality(plate, held, held.camera, 20, held.truths[20].shadow > 20) > 30


def test_what_was_never_seen_is_marked(film: Film) -> None:
    held = film.only(list(range(42, 60)))
    plate = build_plate(held, held.mattes, held.camera, range(len(held)))
    hidden = np.ones(SIZE[::-1], np.bool_)
    for matrix, truth in zip(held.camera.matrices, held.truths, strict=True):
        clear = cv2.warpPerspective((truth.matte < 8).astype(np.uint8), matrix, SIZE, borderValue=1)
        hidden &= clear == 0
    found = plate.unseen(np.eye(3), SIZE) > 0
    assert hidden.mean() > 0.02
    assert found[hidden].mean() > 0.98
    assert abs(found.mean() - hidden.mean()) < 0.02
    assert 0 < plate.unseen_share < 0.2


def test_the_exposure_of_a_frame_is_found(film: Film, plate: Plate) -> None:
    gains = [
        plate.gain(film.pictures[index], film.truths[index].matte, film.camera.matrices[index])
        / film.truths[index].gain
        for index in range(0, FRAMES, 9)
    ]
    assert np.ptp([truth.gain for truth in film.truths]) > 0.08
    assert np.ptp(gains, axis=0).max() < 0.006


def test_where_nothing_of_the_place_shows_the_exposure_is_left(film: Film, plate: Plate) -> None:
    everywhere = np.full(SIZE[::-1], 255, np.uint8)
    assert (plate.gain(film.pictures[0], everywhere, np.eye(3)) == 1).all()


def test_it_is_the_same_every_time(film: Film, plate: Plate) -> None:
    again = build_plate(film, film.mattes, film.camera, range(FRAMES))
    assert (again.image == plate.image).all() and (again.seen == plate.seen).all()


def test_a_shot_of_one_frame_is_that_frame(film: Film) -> None:
    plate = build_plate(film, film.mattes, film.camera, range(7, 8))
    assert plate.size == SIZE
    clear = (film.truths[7].matte == 0) & (film.truths[7].shadow == 0)
    assert quality(plate, film, film.camera, 7, clear) > 40


def test_it_is_kept_in_files(plate: Plate, tmp_path: Path) -> None:
    plate.save(tmp_path)
    back = Plate.load(tmp_path)
    assert (back.image == plate.image).all() and (back.seen == plate.seen).all()
    assert (back.to_plate == plate.to_plate).all() and back.notes == plate.notes
    (tmp_path / "seen.png").write_bytes(b"no picture")
    with pytest.raises(ClipError):
        Plate.load(tmp_path)


def test_a_pan_of_ten_minutes_does_not_fill_the_memory() -> None:
    pan = path(np.array([shift(40.0 * index, 0) for index in range(18000)]))
    mosaic = lay_out(pan, range(18000))
    assert mosaic.size.width_px * mosaic.size.height_px <= 1.01 * LARGEST_PX
    assert mosaic.scale < 1 and "%" in mosaic.notes[0]
    assert len(mosaic.matrices) == 18000


def test_frames_that_look_elsewhere_are_left_out() -> None:
    """A camera that turns on and on: no flat picture holds what lies behind it."""
    focal = 480.0
    middle = np.array([[focal, 0, 240], [0, focal, 135], [0, 0, 1]])
    angles = np.radians(np.arange(180))
    turns = [np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]]) for a in angles]
    mosaic = lay_out(path(normal(np.array([middle @ turn @ np.linalg.inv(middle) for turn in turns]))), range(180))
    assert 60 < len(mosaic.matrices) < 140
    assert mosaic.size.width_px < 8 * SIZE.width_px


def test_the_middle_is_that_of_the_samples_that_may_be_used() -> None:
    rng = np.random.default_rng(2)
    stack = rng.integers(60, 64, (9, 40, 50, 3), dtype=np.uint8)
    away = np.full((9, 40, 50), LEVELS, np.uint8)
    stack[:5, 10:20], away[:5, 10:20] = 250, 0
    stack[:3, 30:], away[:, 30:] = 200, 4
    away[3:, 30:] = 9
    away[:, :3] = 0
    box = Box(0, 0, 50, 40)
    layers = [Layer(box, picture, level) for picture, level in zip(stack, away, strict=True)]
    result, seen = merge(layers, np.ones((9, 3), np.float32), box.size, LEVELS, 5)
    assert (result[:3] == 0).all() and (seen[:3] == 0).all()
    assert np.abs(result[3:] - 61.5).max() < 2
    assert (seen[10:20] == 4).all() and (seen[3:10] == 9).all()


def test_a_shadow_is_what_is_darker_next_to_the_person() -> None:
    clean = np.full((90, 160, 3), 180, np.float32)
    person = np.zeros((90, 160), np.bool_)
    person[20:70, 70:85] = True
    picture = clean.copy()
    picture[62:70, 85:120] *= 0.6
    picture[5:12, 10:30] *= 0.6
    picture[64:70, 50:70] *= np.array([1, 0.5, 0.3], np.float32)
    found = shadow_mask(picture, clean, person, np.ones_like(person))
    assert found[63:69, 87:118].all()
    assert not found[:15].any() and not found[66:68, 52:66].any() and not found[person].any()


def test_a_made_up_wall_keeps_its_stripes() -> None:
    """Posts before a wall of stones: carried on through the hole, not smeared."""
    y, x = np.mgrid[:200, :300]
    wall = np.where((x % 40 < 8)[..., None], [40, 60, 50], 150 + 20 * ((y // 12) % 2)[..., None]).astype(np.uint8)
    hole = np.zeros(wall.shape[:2], np.bool_)
    hole[60:150, 130:190] = True
    broken = wall.copy()
    broken[hole] = 0
    made = fill(broken, hole, np.ones_like(hole))
    smeared = cv2.inpaint(broken, hole.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    assert (made[~hole] == wall[~hole]).all()
    assert psnr(made, wall, hole) > psnr(smeared, wall, hole) + 6
