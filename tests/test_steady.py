"""A steadied copy: every plane is moved where it belongs, and colours stay what they were."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.forms import FORMS, make
from utils.camera.path import CameraPath
from utils.camera.stabilization import stabilise
from utils.camera.stabilized_copy import followed, moved_planes, write_steady
from utils.camera.warp import warp
from utils.image import Orientation, Size
from utils.image.geometry import Matrix, corners, inverse, moved, normal, shift
from utils.media.clip import Clip
from utils.media.colour import ColourConverter, ColourTags
from utils.media.cursor import Cursor
from utils.media.intake import probe
from utils.media.planes import PlaneReader
from utils.media.video import ClipFrames
from utils.media.write import ClipWriter, Encoding, Shape
from utils.walker import Reels, Shot, film
from utils.walker.scene import Scene

SIZE = Size(320, 180)
SHOT = Shot(size=SIZE, frames=24)
MOVES = [
    shift(9.3, 7.8),
    shift(11, 3) @ np.array([[1.01, 0.03, 0], [-0.03, 1.01, 0], [2e-5, -1e-5, 1]]),
    shift(160, -40) @ np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]]),
]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    path = tmp_path_factory.mktemp("steady") / "clip.mp4"
    film(SHOT, Reels(clip=path))
    return probe(path)


@pytest.mark.parametrize("matrix", MOVES, ids=["shifted", "shaken", "turned far"])
def test_a_plane_goes_where_the_matrix_says(matrix: Matrix) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (180, 320), np.uint8)
    plane = cv2.GaussianBlur(noise, (0, 0), 3)
    out = np.empty((200, 345), np.uint8)
    warp(plane, matrix, out, 16)
    column, row = np.meshgrid(np.arange(345), np.arange(200))
    places = moved(inverse(matrix), np.stack([column.ravel(), row.ravel()], 1).astype(float)) + 2
    padded = np.pad(plane.astype(float), 2, constant_values=16)
    places = np.clip(places, 0, np.array(padded.shape[::-1]) - 1.001)
    whole = places.astype(int)
    (x, y), (right, down) = whole.T, (places - whole).T
    upper = padded[y, x] * (1 - right) + padded[y, x + 1] * right
    lower = padded[y + 1, x] * (1 - right) + padded[y + 1, x + 1] * right
    wanted = (upper * (1 - down) + lower * down).reshape(out.shape)
    steepest = 239  # of levels from one pixel to the next, at the rim: weights have 8 bits both ways
    assert np.abs(out - wanted).max() < 0.5 + 2 * steepest / 256
    assert np.abs(out - wanted).mean() < 0.3
    assert abs(float((out - wanted).mean())) < 0.05


def test_the_camera_is_followed_in_the_brightness_alone(clip: Clip) -> None:
    scene = Scene(SHOT)
    cameras = np.array([scene.view(index).camera for index in range(SHOT.frames)])
    truth, found = normal(inverse(cameras[0]) @ cameras), followed(clip).matrices
    off_px = [
        np.abs(moved(a, corners(SIZE)) - moved(b, corners(SIZE))).max() for a, b in zip(truth, found, strict=True)
    ]
    assert max(off_px) < 0.5


def test_colours_are_those_of_moving_rgb(clip: Clip) -> None:
    """Inside they differ by less than a level, no channel leans, and no pixel aside do colours agree better."""
    matrix, size = MOVES[0] @ np.array([[1.002, 0.004, 0], [-0.004, 1.002, 0], [0, 0, 1]]), Size(340, 200)
    convert, cursor = ColourConverter(clip.colour), Cursor(clip)
    picture = cursor.frame(10)
    cursor.close()
    planes = PlaneReader(clip).planes(picture)
    other = cv2.warpPerspective(convert.to_rgb(picture, SIZE), matrix, size, flags=cv2.INTER_CUBIC)

    def away(sited: Matrix) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        ours = convert.to_rgb(moved_planes(replace(planes, sited=sited), matrix, size, 16), size)
        return np.asarray((ours.astype(int) - other)[14:-14, 14:-14])

    assert np.abs(away(planes.sited)).mean() < 1
    assert np.abs(away(planes.sited).mean(axis=(0, 1))).max() < 0.2
    for aside in (shift(1, 0), shift(-1, 0), shift(0, 1), shift(0, -1)):
        assert np.abs(away(aside @ planes.sited)).mean() > np.abs(away(planes.sited)).mean()


def test_the_copy_keeps_times_and_tags_and_holds_every_pixel(clip: Clip, tmp_path: Path) -> None:
    calm = stabilise(followed(clip))
    write_steady(tmp_path / "a.mp4", clip, calm)
    made = probe(tmp_path / "a.mp4")
    assert made.colour == clip.colour and made.rate == clip.rate and len(made) == len(clip)
    assert all(0 <= there - here <= 1 for there, here in zip(made.size, calm.canvas, strict=True))


@pytest.mark.parametrize(
    "form", [form for form in FORMS if form.quarter_turns or form.mirrored], ids=lambda each: each.name
)
def test_turned_colours_lie_where_the_turned_brightness_says(form: object, tmp_path: Path) -> None:
    clip = probe(make(form, tmp_path))  # type: ignore[arg-type]
    cursor = Cursor(clip)
    planes = PlaneReader(clip).planes(cursor.frame(11))
    cursor.close()
    size = Size.of(planes.brightness)
    assert size == clip.size and clip.orientation != Orientation()
    height, width = planes.colours[0].shape
    across = moved(planes.sited, corners(Size(width, height)))
    assert (across.min(axis=0) >= 0).all() and (across.max(axis=0) <= np.array(size) - 1).all()
    (first,) = ClipFrames.of(clip).read([11])
    grey = cv2.cvtColor(first.rgb, cv2.COLOR_RGB2GRAY).astype(float)
    assert np.corrcoef(grey.ravel(), planes.brightness.ravel())[0, 1] > 0.99


def test_a_frame_of_the_encoders_own_form_is_not_converted(tmp_path: Path, clip: Clip) -> None:
    cursor = Cursor(clip)
    with ClipWriter(tmp_path / "a.mp4", Shape.like(clip), Encoding(crf=1)) as writer:
        writer.write(cursor.frame(0), 0)
    cursor.close()
    (again,) = ClipFrames.of(probe(tmp_path / "a.mp4"))
    (source,) = ClipFrames.of(clip).read([0])
    assert np.abs(again.rgb.astype(int) - source.rgb).mean() < 1
    with (
        pytest.raises(ValueError, match="320x180"),
        ClipWriter(tmp_path / "b.mp4", Shape(Size(64, 64), clip.rate, 1 / clip.rate, ColourTags(1, 1, 1))) as writer,
    ):
        cursor = Cursor(clip)
        writer.write(cursor.frame(0), 0)


def test_a_path_of_another_clip_is_a_mistake(clip: Clip, tmp_path: Path) -> None:
    still = CameraPath(np.eye(3)[None], np.ones(1), (0,), clip.time_base, clip.size, clip.size)
    with pytest.raises(ValueError, match="1 frames"):
        write_steady(tmp_path / "a.mp4", clip, still)
