"""Sound as a check of an alignment: where clips sound alike, when that is sure, and what is said of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.align.sound_check import SoundCheck
from pipeline.align.time_map import TimeMap
from tests.aligned import Case, Pair
from tests.sound import sounding
from utils.align.labels import Label
from utils.align.placement import Placement
from utils.align.sound import Heard, heard

RATE_HZ = 48_000
Line = NDArray[np.float32]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Five seconds, of which the foreground shows three, from 1.2 s on."""
    small = Case("small", seconds=5.0, begin_s=1.2, end_s=4.2, crop=(100, 60, 64, 64))
    return small.made(tmp_path_factory.mktemp("pair"))


def murmur(seed: int, seconds: float = 5.0) -> Line:
    """Hiss that swells and falls, as speech does."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE_HZ)
    loud = np.interp(np.arange(count), np.linspace(0, count, round(8 * seconds)), rng.uniform(0, 1, round(8 * seconds)))
    return np.asarray(0.2 * loud**2 * rng.normal(size=count), np.float32)


def listened(pair: Pair, behind: Line, own: Line, folder: Path) -> Heard | None:
    clips = [sounding(folder / f"{name}.mov", clip, line) for name, clip, line in (
        ("bg", pair.background, behind), ("fg", pair.foreground, own))]  # fmt: skip
    return heard(*clips)


def test_the_shift_is_heard_whatever_the_level_and_the_noise(pair: Pair, tmp_path: Path) -> None:
    behind = murmur(1)
    own = behind[round(1.2 * RATE_HZ) : round(4.2 * RATE_HZ)]
    noise = np.random.default_rng(9).normal(0, 0.004, len(own)).astype(np.float32)
    found = listened(pair, behind, 0.3 * own + noise, tmp_path)
    assert found is not None and abs(found.begins_s - 1.2) < 0.01 and found.confidence > 0.6


def test_other_sound_silence_and_a_beat_are_not_sure(pair: Pair, tmp_path: Path) -> None:
    behind = murmur(1)
    beat = np.asarray(0.3 * (np.arange(5 * RATE_HZ) % (RATE_HZ // 2) < 2000) * murmur(3), np.float32)
    silence = np.zeros(3 * RATE_HZ, np.float32)
    for one, other in ((behind, murmur(2, 3.0)), (behind, silence), (beat, beat[: 3 * RATE_HZ])):
        found = listened(pair, one, other, tmp_path)
        assert found is not None and found.confidence < 0.5
    assert heard(pair.background, pair.foreground) is None, "neither has any"


def test_what_is_said_follows_from_both(pair: Pair) -> None:
    count = len(pair.foreground)
    found = TimeMap(Placement(), pair.truth, np.full(count, 0.1), (Label.SURE,) * count, 1.0)

    def check(begins_s: float, confidence: float, by: TimeMap = found) -> SoundCheck | None:
        return SoundCheck.of(Heard(begins_s, confidence), by, pair.background, pair.foreground)

    agreeing, other = check(1.22, 0.9), check(3.4, 0.9)
    assert agreeing and agreeing.agrees and "agree" in agreeing.sentence
    assert other and not other.agrees and other.document()["agrees"] is False
    assert "begins at 3.40 s, the picture 1.20 s" in other.sentence
    assert check(3.4, 0.3) is None and SoundCheck.of(None, found, pair.background, pair.foreground) is None
    cut = replace(found, moments=np.where(np.arange(count) < 60, pair.truth, pair.truth + 40))
    later = check(1.2 + 40 / 60, 0.9, cut)
    assert later and later.agrees, "after a cut it agrees with a part"
