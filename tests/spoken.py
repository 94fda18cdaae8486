"""Speech with known times: espeak-ng says a text and tells when each word begins; and clips that sound as tests ask."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from tests.espeak_child import RATE_HZ
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.project import PROJECT_ROOT

Line = NDArray[np.float32]


@dataclass(frozen=True)
class Spoken:
    """What was said: samples from -1 to 1, and the text and moment of each word."""

    samples: Line
    words: tuple[tuple[str, int], ...]

    @property
    def ms(self) -> int:
        return len(self.samples) * 1000 // RATE_HZ


@cache
def say(text: str, voice: str = "en-us", words_a_minute: int = 150) -> Spoken:
    """A sentence of plain ASCII, spoken: always the same."""
    command = [sys.executable, "-m", "tests.espeak_child", voice, str(words_a_minute), text]
    told = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, check=True).stdout
    head, _, samples = told.partition(b"\n")
    words = tuple((word, sample * 1000 // RATE_HZ) for word, sample in json.loads(head))
    return Spoken(np.frombuffer(samples, np.int16).astype(np.float32) / 32768, words)


def said(*parts: str | float, voice: str = "en-us") -> Spoken:
    """Sentences, and pauses in seconds between them."""
    samples, words = [np.zeros(0, np.float32)], list[tuple[str, int]]()
    for part in parts:
        before_ms = sum(map(len, samples)) * 1000 // RATE_HZ
        spoken = say(part, voice) if isinstance(part, str) else Spoken(np.zeros(round(part * RATE_HZ), np.float32), ())
        samples.append(spoken.samples)
        words += [(text, before_ms + at) for text, at in spoken.words]
    return Spoken(np.concatenate(samples), tuple(words))


def sounding(
    path: Path, *tracks: Line, seconds: float | None = None, late_s: float = 0.0, rate_hz: int = RATE_HZ
) -> Clip:
    """A clip of small plain pictures whose sound tracks are these, stored without loss; two columns are stereo."""
    longest = max((len(each) for each in tracks), default=rate_hz) / rate_hz
    with av.open(str(path), "w") as target:
        pictures = target.add_stream("mpeg4", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sounds = [
            target.add_stream("pcm_s16le", rate=rate_hz, layout="stereo" if each.ndim == 2 else "mono")
            for each in tracks
        ]
        for index in range(max(1, round(10 * (seconds or longest + late_s)))):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 + index % 60, np.uint8), "rgb24")
            picture.pts, picture.time_base = index, Fraction(1, 10)
            target.mux(pictures.encode(picture))
        target.mux(pictures.encode(None))
        for stream, each in zip(sounds, tracks, strict=True):
            _write_sound(target, stream, each, round(late_s * rate_hz), rate_hz)
    return probe(path)


def _write_sound(target: Any, stream: Any, line: Sequence[float] | Line, first: int, rate_hz: int) -> None:
    levels = np.rint(np.clip(line, -1, 1) * 32767).astype(np.int16)
    for start in range(0, len(levels), rate_hz):
        part = np.ascontiguousarray(levels[start : start + rate_hz]).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(part, "s16", "stereo" if levels.ndim == 2 else "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, first + start, Fraction(1, rate_hz)
        target.mux(stream.encode(frame))
    target.mux(stream.encode(None))
