"""Writing: what goes in comes out, at the same times, with the same sound; and a failure leaves nothing behind."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.forms import CLICK_S, FORMS, RATE, SIZE, X264, Form, index_of, make, render
from tests.sound import LEAD_S, lag, sound
from utils.digest import digest_file
from utils.errors import WriteError
from utils.image import Size
from utils.media.clip import Clip
from utils.media.colour import ColourTags
from utils.media.intake import probe
from utils.media.probe import Count
from utils.media.video import ClipFrames
from utils.media.write import ClipWriter, Encoding, Shape, write_clip
from utils.project import PROJECT_ROOT
from utils.walker import Shot, walk

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=FORMS, ids=lambda form: form.name)
def copied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Form, Clip, Clip]:
    """A form, its clip, and the clip that was written from its frames."""
    form: Form = request.param
    folder = tmp_path_factory.mktemp("written")
    clip = probe(make(form, folder))
    write_clip(folder / "copy.mp4", ClipFrames.of(clip), clip)
    return form, clip, probe(folder / "copy.mp4")


def test_frames_rate_and_times_are_kept(copied: tuple[Form, Clip, Clip]) -> None:
    form, clip, copy = copied
    assert len(copy) == len(clip)
    assert copy.rate == clip.rate
    assert copy.constant_rate is clip.constant_rate
    a_tick = min(clip.time_base, 1 / clip.rate / 8) if clip.constant_rate else Fraction(0)
    assert max(abs(copy.time_s(index) - clip.time_s(index)) for index in range(len(clip))) <= a_tick
    drawn = [index_of(frame.rgb) for frame in ClipFrames.of(copy)]
    assert drawn == list(range(form.first_index, form.first_index + form.frames))


def test_size_and_colour_tags_are_kept(copied: tuple[Form, Clip, Clip]) -> None:
    _, clip, copy = copied
    assert copy.size == Size(clip.size.width_px + clip.size.width_px % 2, clip.size.height_px + clip.size.height_px % 2)
    assert copy.colour == clip.colour.worked
    assert copy.colour.matrix != 0, "RGB is a matrix that pictures with separate brightness cannot have"


def test_sound_starts_where_it_started(copied: tuple[Form, Clip, Clip]) -> None:
    form, clip, copy = copied
    if not form.sound:
        assert copy.audio is None
        return
    assert clip.audio is not None and copy.audio is not None
    assert abs(copy.audio.start_s - clip.audio.start_s) * copy.audio.rate_hz < 1
    assert copy.audio.duration_s >= clip.audio.duration_s
    assert abs(lag(clip, copy)) < 1


def test_packets_count_as_pictures_and_sound_do(copied: tuple[Form, Clip, Clip]) -> None:
    _, _, copy = copied
    counted = Count.of(copy.path)
    assert (counted.frames, counted.rate, counted.audio) == (len(copy), copy.rate, copy.audio)


def test_the_click_is_heard_with_its_picture(tmp_path: Path) -> None:
    clip = probe(make(next(form for form in FORMS if form.name == "sound_pcm.mov"), tmp_path))
    loud = np.flatnonzero(sound(clip) > 0.4)
    assert abs(loud[0] / 48000 - LEAD_S - CLICK_S) < 1 / 1000


def test_an_odd_edge_is_repeated(tmp_path: Path) -> None:
    picture = np.zeros((33, 31, 3), np.uint8)
    picture[:, -1] = 200
    picture[-1] = 120
    path = tmp_path / "odd.mp4"
    with ClipWriter(path, Shape.steady(Size(31, 33), Fraction(25)), Encoding(crf=1)) as writer:
        writer.write(picture, 0)
    (frame,) = ClipFrames.of(probe(path))
    assert frame.rgb.shape == (34, 32, 3)
    assert abs(int(frame.rgb[10, 31, 0]) - 200) < 12
    assert abs(int(frame.rgb[33, 10, 0]) - 120) < 12


def test_pictures_of_another_size_are_a_mistake(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="160x96"),
        ClipWriter(tmp_path / "a.mp4", Shape.steady(SIZE, RATE)) as writer,
    ):
        writer.write(np.zeros((96, 161, 3), np.uint8), 0)
    assert list(tmp_path.iterdir()) == []


def test_colours_survive_a_write(tmp_path: Path) -> None:
    """Read as the tags say, the pixels are those that were written, in every matrix and range."""
    bars = np.repeat(np.array([[220, 40, 40], [40, 200, 60], [50, 60, 210], [128, 128, 128]], np.uint8), 40, axis=0)
    picture = np.broadcast_to(bars[None], (96, 160, 3)).copy()
    for number, tags in enumerate(
        [ColourTags(1, 1, 1), ColourTags(6, 6, 6), ColourTags(9, 9, 14), ColourTags(1, 1, 1, full_range=True)]
    ):
        path = tmp_path / f"{number}.mp4"
        shape = Shape(SIZE, RATE, 1 / RATE, tags)
        with ClipWriter(path, shape, Encoding(crf=1)) as writer:
            writer.write(picture, 0)
        clip = probe(path)
        assert clip.colour.matrix == tags.matrix
        assert clip.colour.full_range is tags.full_range
        (frame,) = ClipFrames.of(clip)
        assert np.abs(frame.rgb[:, 10:150:40].astype(int) - picture[:, 10:150:40]).max() <= 3


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "result.mp4"
    path.write_bytes(b"an older result")
    with pytest.raises(KeyboardInterrupt), ClipWriter(path, Shape.steady(SIZE, RATE)) as writer:
        for index in range(10):
            writer.write(render(index), index)
        raise KeyboardInterrupt
    assert path.read_bytes() == b"an older result"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.mp4"]


def test_what_is_written_can_be_played_while_it_loads(tmp_path: Path) -> None:
    path = tmp_path / "fast.mp4"
    with ClipWriter(path, Shape.steady(SIZE, RATE)) as writer:
        writer.write(render(0), 0)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_the_same_frames_give_the_same_file_every_time(tmp_path: Path) -> None:
    """Often, because what x264 does with AVX-512 by itself goes wrong only now and then."""
    shot = Shot(size=(320, 180), frames=45)
    pictures, files = [rgb for rgb, _ in walk(shot)], set()
    for number in range(16):
        path = tmp_path / f"{number}.mp4"
        with ClipWriter(path, Shape.steady(Size(*shot.size), RATE), Encoding(12, "veryfast")) as writer:
            for index, picture in enumerate(pictures):
                writer.write(picture, index)
        files.add(digest_file(path))
    assert len(files) == 1


def test_no_place_to_write_in_is_said(tmp_path: Path) -> None:
    steady = Shape.steady(SIZE, RATE)
    with pytest.raises(WriteError, match=r"'a\.mp4' could not be written.*Check that"):
        ClipWriter(tmp_path / "absent" / "a.mp4", steady).__enter__()
    with pytest.raises(WriteError, match="it is a folder"):
        ClipWriter(tmp_path, steady).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_no_pictures_are_no_result(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="no picture"), ClipWriter(tmp_path / "a.mp4", Shape.steady(SIZE, RATE)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_the_encoder_refuses_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(WriteError, match="another size"),
        ClipWriter(tmp_path / "a.mp4", Shape.steady(Size(20000, 64), RATE)) as writer,
    ):
        writer.write(np.zeros((64, 20000, 3), np.uint8), 0)
    assert list(tmp_path.iterdir()) == []


def test_two_who_write_the_same_file_both_write_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with ClipWriter(path, Shape.steady(SIZE, RATE)) as one, ClipWriter(path, Shape.steady(SIZE, RATE)) as other:
        for index in range(20):
            one.write(render(index), index)
            other.write(render(index + 100), index)
    assert [index_of(frame.rgb) for frame in ClipFrames.of(probe(path))] in (
        list(range(20)),
        list(range(100, 120)),
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]


def test_a_rate_that_no_encoder_counts_with_keeps_its_times(tmp_path: Path) -> None:
    """A mean rate of fourteen minutes of jitter has a numerator that no field holds."""
    path = tmp_path / "jitter.mp4"
    shape = Shape(SIZE, Fraction(4500000000, 75027703), Fraction(1, 90000), ColourTags(6, 6, 6))
    times = [0, 1501, 3007, 4499, 6010]
    with ClipWriter(path, shape) as writer:
        for index, pts in enumerate(times):
            writer.write(render(index), pts, 1500)
    clip = probe(path)
    assert [clip.time_s(index) for index in range(5)] == [Fraction(pts, 90000) for pts in times]


SOUNDS = {
    "pcm.mkv": ("-c:a", "pcm_s16le"),
    "pcm.avi": ("-c:a", "pcm_s16le"),
    "odd_rate.mkv": ("-c:a", "pcm_s16le", "-ar", "37800"),
    "low_rate.mkv": ("-c:a", "libmp3lame", "-ar", "8000"),
    "wma.wmv": ("-c:a", "wmav2"),
    "surround.mkv": ("-c:a", "pcm_s16le", "-ac", "6"),
    "ac3.mkv": ("-c:a", "ac3"),
    "mp2.ts": ("-c:a", "mp2"),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_every_kind_of_sound_is_carried_in_time(name: str, tmp_path: Path) -> None:
    clip = probe(make(Form(name, X264, sound=SOUNDS[name]), tmp_path))
    assert clip.audio is not None
    write_clip(tmp_path / "copy.mp4", ClipFrames.of(clip), clip)
    copy = probe(tmp_path / "copy.mp4")
    assert copy.audio is not None
    if copy.audio.rate_hz == clip.audio.rate_hz:
        assert abs(lag(clip, copy)) <= 1
    ours, theirs = (np.flatnonzero(sound(each) > 0.3)[0] / each.audio.rate_hz for each in (copy, clip) if each.audio)
    assert abs(ours - theirs) < 1 / 500


def test_sound_that_changes_its_form_is_carried_in_time(tmp_path: Path) -> None:
    """Broadcasts do: stereo at one rate, then mono at another."""
    first = make(Form("one.ts", X264, sound=("-c:a", "mp2", "-ar", "44100")), tmp_path)
    second = make(Form("two.ts", X264, sound=("-c:a", "mp2"), before=("@offset=2.5",)), tmp_path)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    clip = probe(joined)
    assert clip.audio is not None and not clip.audio.steady
    assert any("changes its form" in note for note in clip.notes)
    write_clip(tmp_path / "copy.mp4", ClipFrames.of(clip), clip)
    copy = probe(tmp_path / "copy.mp4")
    assert copy.audio is not None and copy.audio.steady
    assert abs(copy.audio.duration_s - clip.duration_s) < Fraction(1, 5)


FILL = """
import resource, sys
from pathlib import Path
import numpy as np
from tests.forms import RATE, SIZE
from utils.errors import WriteError
from utils.media.write import ClipWriter, Shape
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
noise = np.random.default_rng(0)
try:
    with ClipWriter(Path(sys.argv[1]), Shape.steady(SIZE, RATE)) as writer:
        for index in range(400):
            writer.write(noise.integers(0, 256, (96, 160, 3), dtype=np.uint8), index)
except WriteError as error:
    print(error)
"""


def test_a_disk_that_fills_up_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path / "big.mp4")],
        capture_output=True,
        text=True,
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert child.returncode == 0, child.stderr
    assert "could not be written: File too large" in child.stdout
    assert list(tmp_path.iterdir()) == []
