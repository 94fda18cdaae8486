"""A part of a clip: exactly its frames, its times and its sound, in every form that footage comes in."""

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.forms import FFMPEG, FORMS, Form, index_of, make
from tests.sound import LEAD_S, sound
from utils.errors import ClipError
from utils.media.clip import Clip
from utils.media.clip_part import part_of, span_between
from utils.media.intake import probe
from utils.media.timebase import Span
from utils.media.video import ClipBrightness, ClipFrames
from utils.media.write import write_clip

pytestmark = pytest.mark.slow

SPAN = Span(17, 49)
CODECS = {
    "mp4": ("-c:a", "aac"), "mp3.mp4": ("-c:a", "libmp3lame"), "mkv": ("-c:a", "flac"), "webm.mkv": ("-c:a", "libopus"),
    "mov": ("-c:a", "pcm_s16le"), "ogg.mkv": ("-c:a", "libvorbis"),
}  # fmt: skip
RISING = "aevalsrc=exprs='0.4*sin(900*t*(1+t))|0.2*sin(700*t)':s=48000:d=2.5"


@pytest.fixture(scope="module", params=FORMS, ids=lambda form: form.name)
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Form, Clip]:
    form: Form = request.param
    return form, probe(make(form, tmp_path_factory.mktemp("parts")))


def test_its_frames_are_those_of_the_span(stored: tuple[Form, Clip]) -> None:
    form, clip = stored
    part = part_of(clip, SPAN)
    frames = list(ClipFrames.of(part))
    assert [index_of(frame.rgb) - form.first_index for frame in frames] == list(SPAN)
    assert [frame.index for frame in frames] == list(range(len(SPAN)))
    scattered = [3, 4, 19, 31]
    drawn = [index_of(frame.rgb) - form.first_index for frame in ClipFrames.of(part).read(scattered)]
    assert drawn == [SPAN.start + index for index in scattered]
    assert sum(1 for _ in ClipBrightness(part)) == len(SPAN)
    for outside in ([len(SPAN)], [-1]):
        with pytest.raises(IndexError):
            list(ClipFrames.of(part).read(outside))


def test_it_is_written_with_its_own_times(stored: tuple[Form, Clip], tmp_path: Path) -> None:
    form, clip = stored
    part = part_of(clip, SPAN)
    write_clip(tmp_path / "copy.mp4", ClipFrames.of(part), part)
    copy = probe(tmp_path / "copy.mp4")
    assert [index_of(frame.rgb) - form.first_index for frame in ClipFrames.of(copy)] == list(SPAN)
    a_tick = clip.time_base if clip.constant_rate else Fraction(0)
    for index, frame in enumerate(SPAN):
        away_s = copy.time_s(index) - (clip.time_s(frame) - clip.time_s(SPAN.start))
        assert abs(away_s) <= a_tick
    if form.sound:
        assert copy.audio and abs(copy.audio.start_s) <= Fraction(1, copy.audio.rate_hz)


@pytest.mark.parametrize("name", CODECS)
def test_its_sound_is_cut_to_it(name: str, tmp_path: Path) -> None:
    """Sample by sample the same as in the clip, from the first picture of the part to the end of its last."""
    path = tmp_path / f"sounding.{name}"
    command = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x96:rate=30:d=2.5", "-f", "lavfi"]
    subprocess.run([*command, "-i", RISING, "-c:v", "libx264", *CODECS[name], str(path)], check=True)
    clip = probe(path)
    part = part_of(clip, SPAN)
    write_clip(tmp_path / "copy.mp4", ClipFrames.of(part), part)
    copy = probe(tmp_path / "copy.mp4")
    assert clip.audio and copy.audio
    rate_hz = clip.audio.rate_hz
    begin = round((LEAD_S + clip.time_s(SPAN.start)) * rate_hz)
    ours, theirs = sound(clip)[begin:], sound(copy)[LEAD_S * rate_hz :]
    length = round(part.duration_s * rate_hz)
    assert abs(copy.audio.start_s * rate_hz) <= 1
    assert 0 <= len(theirs) - length < 2048, "players end within the packet that holds the last sample"
    assert abs(copy.audio.duration_s - part.duration_s) < Fraction(2048, rate_hz)
    inside = theirs[200 : length - 200] / np.std(theirs[200 : length - 200])
    misses = [
        np.abs(inside - ours[200 + by : length - 200 + by] / np.std(ours[200:length])).mean() for by in range(-9, 10)
    ]
    assert abs(int(np.argmin(misses)) - 9) <= 1 and min(misses) < 0.05


def test_a_part_has_a_digest_of_its_own_and_none_of_a_part_of_all(stored: tuple[Form, Clip]) -> None:
    _, clip = stored
    parts = [part_of(clip, span) for span in (SPAN, Span(17, 48), Span(18, 49))]
    assert len({clip.digest, *(part.digest for part in parts)}) == 4
    assert part_of(clip, SPAN) == parts[0]
    assert part_of(clip, clip.span) is clip
    assert part_of(part_of(clip, Span(10, 60)), Span(7, 39)) == parts[0], "a part of a part is one of the whole"


def test_times_become_frames(stored: tuple[Form, Clip]) -> None:
    """A frame belongs to a part if it begins in it; times may be rounded to the millisecond."""
    _, clip = stored
    for start, stop in ((17, 49), (1, 2), (0, 9)):
        from_s, to_s = (round(float(clip.time_s(index)), 3) for index in (start, stop))
        assert span_between(clip, from_s, to_s) == Span(start, stop)
    assert span_between(clip, float(clip.time_s(30)), 0) == Span(30, len(clip))
    assert span_between(clip, 0, round(float(clip.duration_s), 3)) == clip.span


@pytest.mark.parametrize(
    ("from_s", "to_s", "why"),
    [
        (1.0, 1.0, "From 1 s to 1 s is no part of a clip"),
        (1.5, 0.5, "From 1.5 s to 0.5 s is no part"),
        (9.0, 0.0, "9 s is beyond the end of the clip, which is 2.500 s long"),
        (1.0, 2.6, "2.6 s is beyond the end"),
        (1.01, 1.02, "No frame begins between 1.01 s and 1.02 s"),
    ],
)
def test_what_is_no_part_is_refused_in_a_sentence(tmp_path: Path, from_s: float, to_s: float, why: str) -> None:
    clip = probe(make(FORMS[0], tmp_path))
    with pytest.raises(ClipError) as told:
        span_between(clip, from_s, to_s)
    assert why in told.value.problem
