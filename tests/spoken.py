"""Speech with known times: espeak-ng says a text and tells when each word begins; and clips that sound as tests ask."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from utils.media.clip import Clip
from utils.media.intake import probe

RATE_HZ = 22_050
"""Of espeak-ng."""
WORD, END = 1, 5
Line = NDArray[np.float32]


@dataclass(frozen=True)
class Spoken:
    """What was said: samples from -1 to 1, and the text and moment of each word."""

    samples: Line
    words: tuple[tuple[str, int], ...]

    @property
    def ms(self) -> int:
        return len(self.samples) * 1000 // RATE_HZ


class _Name(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("text", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Name),
    ]


_Heard = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@cache
def _library() -> Any:
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    assert library.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0) == RATE_HZ
    return library


@cache
def say(text: str, voice: str = "en-us", words_a_minute: int = 150) -> Spoken:
    """A sentence of plain ASCII, spoken."""
    pieces, events = list[NDArray[np.int16]](), list[tuple[int, int, int]]()

    def hear(samples: Any, count: int, found: Any) -> int:
        index = 0
        while found[index].type:
            if found[index].type == WORD:
                events.append((found[index].text_position, found[index].length, found[index].sample))
            index += 1
        if samples and count:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    library, callback, said = _library(), _Heard(hear), text.encode("ascii")
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetVoiceByName(voice.encode())
    library.espeak_SetParameter(1, words_a_minute, 0)
    library.espeak_Synth(said, len(said) + 1, 0, 1, 0, 1, None, None)
    words = [(text[at - 1 : at - 1 + length], sample * 1000 // RATE_HZ) for at, length, sample in events]
    return Spoken(np.concatenate(pieces).astype(np.float32) / 32768, tuple(words))


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
