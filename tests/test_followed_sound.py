"""The sound of a composed clip: whose it is, where it is cut, and that it is heard with its picture."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.align.overlay import Look, Overlay
from pipeline.align.sound import check_sound, stretches
from pipeline.align.time_map import TimeMap
from tests.aligned import Case, Pair
from tests.sound import LEAD_S, sound, sounding
from utils.align.labels import Label
from utils.align.placement import Placement
from utils.errors import SettingsError
from utils.media.clip import Clip
from utils.media.followed_sound import Followed, Reader, Stretch, followed
from utils.media.intake import probe
from utils.media.write import ClipWriter, Shape

RATE_HZ = 48_000
EDGE = 300
"""Samples in which an end is faded."""
Line = NDArray[np.float64]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Two seconds in hiss, and a silent part from half a second on."""
    folder = tmp_path_factory.mktemp("pair")
    pair = Case("silent", seconds=2.0, begin_s=0.5).made(folder)
    hiss = np.random.default_rng(3).normal(0, 0.1, 2 * RATE_HZ).astype(np.float32)
    return replace(pair, background=sounding(folder / "hiss.mov", pair.background, hiss))


def heard(clip: Clip, *parts: Stretch) -> tuple[Line, Line]:
    """What is heard, on a line of samples from the result's beginning; and the clip's own."""
    assert clip.audio is not None
    reader, line = Reader(clip, clip.audio), np.zeros(4 * RATE_HZ)
    for frame in followed(Followed(clip, parts), reader):
        assert frame.pts is not None
        line[frame.pts : frame.pts + frame.samples] = frame.to_ndarray()[0]
    reader.close()
    return line, sound(clip)[LEAD_S * RATE_HZ :] / 1.0


def test_at_its_own_speed_samples_are_copied(pair: Pair) -> None:
    """A cut ahead, and one back; silence between, before and behind."""
    parts = Stretch(0.1, 0.4, 0.9), Stretch(0.4, 0.6, 1.5), Stretch(1.0, 1.2, 0.2)
    line, own = heard(pair.background, *parts)
    for part in parts:
        at = np.arange(round(part.start_s * RATE_HZ) + EDGE, round(part.stop_s * RATE_HZ) - EDGE)
        shift = round((part.from_s - part.start_s) * RATE_HZ)
        assert np.abs(line[at] - own[at + shift] / np.abs(own).max() * np.abs(line).max()).max() < 0.02
    for low, high in ((0.0, 0.1), (0.6, 1.0), (1.2, 2.0)):
        assert not line[round(low * RATE_HZ) : round(high * RATE_HZ)].any()
    joined, _ = heard(pair.background, Stretch(0.1, 0.2, 0.9), Stretch(0.2, 0.4, 1.0))
    assert np.array_equal(joined[4800 + EDGE : 4 * 4800 - EDGE], line[4800 + EDGE : 4 * 4800 - EDGE]), "no fade between"


def test_at_another_speed_the_pitch_goes_with_it(pair: Pair, tmp_path: Path) -> None:
    tone = (0.3 * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE_HZ) / RATE_HZ)).astype(np.float32)
    line, _ = heard(sounding(tmp_path / "tone.mov", pair.background, tone), Stretch(0.0, 1.0, 0.25, 1.25))
    middle = line[4800:43200] * np.hanning(38400)
    strengths = np.abs(np.fft.rfft(middle))
    assert abs(int(strengths.argmax()) * RATE_HZ / 38400 - 1250) < 2
    strengths[900:1100] = 0
    assert strengths.max() < 0.01 * np.abs(np.fft.rfft(middle)).max(), "a clean tone"


def test_times_that_waver_are_one_stretch_and_cuts_are_kept() -> None:
    times = np.arange(240) / 60
    wavering = times + 0.5 + np.random.default_rng(1).normal(0, 0.001, 240)
    (one,) = stretches(times, wavering, 1 / 60)
    assert one.speed == 1.0 and abs(one.from_s - 0.5) < 0.001 and one.stop_s == pytest.approx(4.0)
    cut = np.where(times < 2, wavering, wavering + 1.5)
    first, second = stretches(times, cut, 1 / 60)
    assert (first.stop_s, second.start_s) == (2.0, 2.0) and second.from_s == pytest.approx(4.0, abs=0.002)
    (faster,) = stretches(times, 0.2 + 1.25 * (wavering - 0.5), 1 / 60)
    assert faster.speed == pytest.approx(1.25, abs=0.01)
    slower, faster = stretches(times, np.where(times < 2, 0.8 * times, 1.6 + 1.2 * (times - 2)), 1 / 60)
    assert slower.goes_on_in(faster) and slower.stop_s == pytest.approx(2.0, abs=0.1)


def test_sound_is_heard_with_its_picture_whichever_clip_it_is_of(pair: Pair, tmp_path: Path) -> None:
    """A silent foreground shows the background from half a second on; one that sounds is heard from there on."""
    count = len(pair.foreground)
    found = TimeMap(Placement(), pair.truth, np.full(count, 0.1), (Label.SURE,) * count, 1.0)
    trimmed = Overlay(pair.background, pair.foreground, found)
    assert isinstance(trimmed.sound, Followed) and trimmed.sound.clip is pair.background
    (only,) = trimmed.sound.stretches
    assert (only.start_s, only.stop_s, only.from_s, only.speed) == pytest.approx((0.0, 1.5, 0.5, 1.0))
    assert Overlay(pair.background, pair.foreground, found, Look(sound="none")).sound is None
    whole = Overlay(pair.background, pair.foreground, found, Look(length="whole"))
    assert (
        whole.sound is pair.background and replace(whole, look=Look(length="whole", sound="foreground")).sound is None
    )
    with pytest.raises(SettingsError, match="The foreground has no sound"):
        check_sound("foreground", pair.background, pair.foreground)

    shape = replace(Shape.like(pair.foreground), size=trimmed.size)
    with ClipWriter(tmp_path / "out.mp4", shape, sound=trimmed.sound) as writer:
        for index, picture in enumerate(trimmed.pictures()):
            writer.write(picture, index, 1)
    made, own = sound(probe(tmp_path / "out.mp4")), sound(pair.background)
    start, length = (LEAD_S * RATE_HZ + 9600), 24_000
    agree = [
        float(made[start : start + length] @ own[start + shift : start + shift + length])
        for shift in range(RATE_HZ // 2 - 50, RATE_HZ // 2 + 50)
    ]
    assert abs(int(np.argmax(agree)) - 50) <= 1

    loud = sounding(tmp_path / "fg.mov", pair.foreground, np.full(3 * RATE_HZ // 2, 0.2, np.float32))
    over = Overlay(pair.background, loud, found, Look(length="whole", sound="foreground"))
    assert isinstance(over.sound, Followed) and over.sound.clip is loud
    (only,) = over.sound.stretches
    assert (only.start_s, only.from_s) == pytest.approx((0.5, 0.0)) and only.stop_s == pytest.approx(2.0)
