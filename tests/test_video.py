"""Reading: in every form that footage comes in, each index gives exactly the picture that carries it."""

import random
from pathlib import Path

import numpy as np
import pytest

from tests.forms import FORMS, Form, index_of, make
from utils.image import Size
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.media.timebase import Span
from utils.media.video import ClipFrames

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=FORMS, ids=lambda form: form.name)
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Form, Clip]:
    form: Form = request.param
    return form, probe(make(form, tmp_path_factory.mktemp("forms")))


def test_probe_tells_what_is_there(stored: tuple[Form, Clip]) -> None:
    form, clip = stored
    assert len(clip) == form.frames
    assert clip.size == form.display_size
    assert clip.constant_rate is form.constant
    assert form.rate is None or clip.rate == form.rate
    assert (clip.audio is not None) == bool(form.sound)
    assert Clip.from_json(clip.to_json()) == clip


def test_every_frame_is_the_one_of_its_index(stored: tuple[Form, Clip]) -> None:
    form, clip = stored
    drawn = [index_of(frame.rgb) for frame in ClipFrames.of(clip)]
    assert drawn == list(range(form.first_index, form.first_index + form.frames))


def test_random_ranges_give_no_wrong_frame(stored: tuple[Form, Clip]) -> None:
    form, clip = stored
    chance = random.Random(form.name)
    frames = ClipFrames.of(clip)
    for _ in range(6):
        start = chance.randrange(len(clip))
        span = Span(start, min(len(clip), start + chance.randrange(1, 8)))
        assert [index_of(frame.rgb) - form.first_index for frame in frames.read(span)] == list(span)
    scattered = sorted(chance.sample(range(len(clip)), 9))
    read = list(frames.read(scattered))
    assert [frame.index for frame in read] == scattered
    assert [index_of(frame.rgb) - form.first_index for frame in read] == scattered
    assert [frame.pts for frame in read] == [clip.pts[index] for index in scattered]


def test_a_seek_gives_the_same_pixels_as_decoding_on(stored: tuple[Form, Clip]) -> None:
    """A picture built on the wrong reference would carry its index and still be wrong."""
    _, clip = stored
    last = len(clip) - 1
    decoded_on = {frame.index: frame.rgb for frame in ClipFrames.of(clip) if frame.index in (last - 9, last)}
    for index, rgb in decoded_on.items():
        (alone,) = ClipFrames.of(clip).read([index])
        assert np.array_equal(alone.rgb, rgb)


def test_frames_are_asked_for_forward(stored: tuple[Form, Clip]) -> None:
    _, clip = stored
    with pytest.raises(IndexError):
        list(ClipFrames.of(clip).read([5, 4]))
    with pytest.raises(IndexError):
        list(ClipFrames.of(clip).read([len(clip)]))


def test_smaller_frames_are_the_same_pictures(tmp_path: Path) -> None:
    clip = probe(make(FORMS[0], tmp_path))
    frames = list(ClipFrames.of(clip, Size(80, 48)).read(Span(10, 20)))
    assert [index_of(frame.rgb) for frame in frames] == list(range(10, 20))
    assert {frame.rgb.shape for frame in frames} == {(48, 80, 3)}


def test_the_scale_of_a_turned_clip_is_that_of_the_upright_picture(tmp_path: Path) -> None:
    clip = probe(make(next(form for form in FORMS if form.name == "turned_90.mp4"), tmp_path))
    (frame,) = ClipFrames.of(clip, Size(48, 80)).read([7])
    assert frame.rgb.shape == (80, 48, 3)
    assert index_of(frame.rgb) == 7


def test_real_clips_read_alike_in_order_and_at_random(footage: Path) -> None:
    for name in ("shaky_skater.mp4", "sports2d_side_walk.mp4"):
        clip = probe(footage / name)
        small = ClipFrames.of(clip, Size(clip.size.width_px // 8, clip.size.height_px // 8))
        wanted = sorted(random.Random(name).sample(range(len(clip)), 5))
        in_order = {frame.index: frame.rgb for frame in small if frame.index in wanted}
        for index in wanted:
            (alone,) = small.read([index])
            assert np.array_equal(alone.rgb, in_order[index])
