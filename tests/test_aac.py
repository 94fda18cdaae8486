"""Encoded sound stays in time with the pictures, whatever its times and its format do on the way."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.measure import peak_mb
from utils.media.aac import LAYOUTS, AacTrack
from utils.media.clip import AudioTrack

PIECE, RATE_HZ = 1024, 48000
SECONDS = 8
CLICK_S = 0.5
"""When in each second a short tone begins."""


def pieces(start_s: float, end_s: float, rate_hz: int = RATE_HZ, channels: int = 2) -> Iterator[av.AudioFrame]:
    """Sound with a click in each second, in pieces with the times that they belong to."""
    first, end = round(start_s * rate_hz), round(end_s * rate_hz)
    for start in range(first, end, PIECE):
        time_s = np.arange(start, min(start + PIECE, end)) / rate_hz
        clicks = np.sin(2 * np.pi * 1000 * time_s) * ((time_s - CLICK_S) % 1 < 0.05)
        samples = np.tile(clicks.astype(np.float32), (channels, 1))
        piece = av.AudioFrame.from_ndarray(samples, "fltp", LAYOUTS[channels])
        piece.sample_rate, piece.pts, piece.time_base = rate_hz, start, Fraction(1, rate_hz)
        yield piece


def again(after_s: float) -> Iterator[av.AudioFrame]:
    """All of the sound, the second before a moment twice."""
    yield from pieces(0, after_s)
    yield from pieces(after_s - 1, SECONDS)


def overlapping() -> Iterator[av.AudioFrame]:
    """All of the sound, and in each second a piece twice."""
    for start_s in range(SECONDS):
        yield from pieces(start_s, start_s + 1)
        yield from pieces(start_s + 1 - PIECE / RATE_HZ, start_s + 1)


def changing() -> Iterator[av.AudioFrame]:
    """Sound that changes its rate and its channels twice."""
    yield from pieces(0, 3)
    yield from pieces(3, 5, 44100, 1)
    yield from pieces(5, SECONDS, 22050, 6)


def encoded(path: Path, sound: Iterator[av.AudioFrame], origin_s: Fraction = Fraction(0)) -> None:
    """An MP4 of the sound alone."""
    track = AudioTrack(0, "pcm_s16le", RATE_HZ, 2, Fraction(0), Fraction(SECONDS), damaged=False, steady=False)
    with av.open(str(path), "w") as output:
        for packet in AacTrack(output, track, origin_s, Fraction(10_000)).packets(sound):
            output.mux(packet)


def clicks_s(path: Path) -> list[float]:
    """When clicks begin in a file."""
    with av.open(str(path)) as container:
        decoded = list(container.decode(audio=0))
    samples = np.concatenate([np.abs(piece.to_ndarray()[0]) for piece in decoded])
    loud = np.flatnonzero(samples > 0.3)
    begin = loud[np.diff(loud, prepend=-RATE_HZ) > RATE_HZ // 4]
    start_s = Fraction(decoded[0].pts or 0) * Fraction(decoded[0].time_base or 0)
    return [float(start_s) + at / RATE_HZ for at in begin]


@pytest.mark.parametrize(
    ("sound", "missing"),
    [
        (lambda: pieces(0, SECONDS), ()),
        (lambda: again(4), ()),
        (overlapping, ()),
        (changing, ()),
        (lambda: pieces(2, SECONDS), (0, 1)),
        (lambda: chain(pieces(0, 2), pieces(5.3, SECONDS)), (2, 3, 4)),
        (lambda: chain(pieces(0, 2.2), pieces(2.3, 4, 44100, 1), pieces(4, SECONDS)), ()),
    ],
    ids=["plain", "a second twice", "overlaps", "other formats", "late", "a gap of seconds", "a gap and a format"],
)
def test_clicks_are_heard_when_they_are_due(sound, missing: tuple[int, ...], tmp_path: Path) -> None:
    encoded(tmp_path / "a.mp4", sound())
    due = [second + CLICK_S for second in range(SECONDS) if second not in missing]
    assert clicks_s(tmp_path / "a.mp4") == pytest.approx(due, abs=0.003)


def test_a_piece_with_a_wrong_time_shifts_nothing_for_long(tmp_path: Path) -> None:
    wrong = list(pieces(0, SECONDS))
    wrong[50].pts = (wrong[50].pts or 0) + 2 * RATE_HZ
    encoded(tmp_path / "a.mp4", iter(wrong))
    assert clicks_s(tmp_path / "a.mp4")[-4:] == pytest.approx([4.5, 5.5, 6.5, 7.5], abs=0.003)


def test_sound_before_the_pictures_keeps_its_distance(tmp_path: Path) -> None:
    encoded(tmp_path / "a.mp4", pieces(0.4, SECONDS), origin_s=Fraction(1, 4))
    due = [second + CLICK_S - 0.25 for second in range(SECONDS)]
    assert clicks_s(tmp_path / "a.mp4") == pytest.approx(due, abs=0.003)


LONG_GAP = """
import sys
from itertools import chain
from pathlib import Path
from tests.test_aac import encoded, pieces
encoded(Path(sys.argv[1]), chain(pieces(0, 1), pieces({end_s}, {end_s} + 1)))
"""


def test_a_long_gap_does_not_lie_in_memory(tmp_path: Path) -> None:
    """Twenty minutes of silence are 460 MB of samples."""
    short, long = (peak_mb(LONG_GAP.format(end_s=end_s), str(tmp_path / "a.mp4")) for end_s in (10, 1200))
    assert long - short < 50
