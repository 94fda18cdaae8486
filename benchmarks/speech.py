"""How well and how fast speech is written down: Whisper base in int8, by us and by faster-whisper as it comes.

python -m benchmarks.speech [--speech two_cities.wav]
Spoken by espeak-ng, which says when each word begins, in four voices; with --speech, also the recording that
`tests/labels/two_cities.json` is of, whose words another program aligned. Told is how far starts of words are off, and
what a second of sound takes, of processors and by the clock.
"""

import argparse
import difflib
import json
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from tests.spoken import said, sounding
from tests.whispers import bring_base
from utils.project import PROJECT_ROOT
from utils.speech import silence, voice
from utils.speech.snapping import snapped
from utils.speech.sound import RATE_HZ, Samples, blocks, write_sound
from utils.speech.whisper import Whisper, windows_of
from utils.speech.words import Word

VOICES = ("en-us", "en-gb", "en-us+f3", "en-gb-scotland")
TALK = (
    0.8, "Hello and welcome to this short talk about the weather in the mountains.", 0.9,
    "Yesterday we walked up the narrow path, and the wind was very strong.", 0.3,
    "I think that the best time to start is early in the morning, before the sun is hot.", 1.4,
    "Take some water with you, a map, and a good friend.", 0.7,
)  # fmt: skip
LABELS = PROJECT_ROOT / "tests" / "labels" / "two_cities.json"
MOST_MS, MOST_FACTOR = 80, 0.35
"""What is asked: the median, and the real-time factor on two cores."""

Truth = Sequence[tuple[str, int]]


@dataclass(frozen=True)
class Measured:
    """One way of writing down one recording."""

    misses_ms: NDArray[np.int64]
    expected: int
    processors_s: float
    clock_s: float
    sound_s: float

    def __str__(self) -> str:
        size = np.abs(self.misses_ms)
        found = f"{len(size)}/{self.expected} words"
        off = f"median {np.median(size):3.0f} ms, 90 % within {np.percentile(size, 90):3.0f} ms"
        used, took = self.processors_s / self.sound_s, self.clock_s / self.sound_s
        return f"{found}, {off}, {used:.3f} processor-s and {took:.3f} s a second"


def main() -> None:
    """All recordings, both ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, help="the recording that the labels are of")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        ours = Whisper(bring_base(place / "whisper-base"), language="en", device="cpu")
        theirs = _theirs(place / "whisper-base")
        _ours(ours, np.zeros(RATE_HZ, np.int16))  # loaded before anything is measured
        off, factors = list[NDArray[np.int64]](), list[float]()
        for name, samples, truth in _recordings(place, asked.speech):
            mine, plain = measured(_ours, ours, samples, truth), measured(_plain, theirs, samples, truth)
            print(f"{name}\n  ours            {mine}\n  faster-whisper  {plain}", flush=True)
            off.append(mine.misses_ms)
            factors.append(mine.clock_s / mine.sound_s)
    median, factor = float(np.median(np.abs(np.concatenate(off)))), float(np.median(factors))
    print(f"asked: median {MOST_MS} ms, here {median:.0f}; real-time factor {MOST_FACTOR}, here {factor:.3f}")


def measured(way: Callable[[Any, Samples], Sequence[Word]], model: Any, samples: Samples, truth: Truth) -> Measured:
    """Write down a recording."""
    clock, processors = time.perf_counter(), time.process_time()
    words = way(model, samples)
    took, used = time.perf_counter() - clock, time.process_time() - processors
    return Measured(_misses(words, truth), len(truth), used, took, len(samples) / RATE_HZ)


def _ours(whisper: Whisper, samples: Samples) -> Sequence[Word]:
    model, length_ms = voice.find_voice_model(), len(samples) * 1000 // RATE_HZ
    assert model is not None
    levels = silence.levels_of(blocks(samples))
    speech = voice.speech_spans(model.probabilities(blocks(samples)), length_ms)
    windows = windows_of(speech, levels, silence.STEP_MS, length_ms)
    words = [word for heard in whisper.transcribe(samples, windows) for word in heard.words]
    return snapped(words, silence.quiet_spans(levels, 30.0, length_ms))


def _theirs(folder: Path) -> Any:
    from faster_whisper import WhisperModel

    return WhisperModel(str(folder), "cpu", compute_type="int8")


def _plain(model: Any, samples: Samples) -> Sequence[Word]:
    segments, _ = model.transcribe(
        np.asarray(samples, np.float32) / 32768, language="en", word_timestamps=True, vad_filter=True
    )
    return [
        Word(word.word.strip(), round(word.start * 1000), round(word.end * 1000))
        for segment in segments
        for word in segment.words
    ]


def _recordings(place: Path, speech: Path | None) -> Sequence[tuple[str, Samples, Truth]]:
    found = list[tuple[str, Samples, Truth]]()
    for name in VOICES:
        spoken = said(*TALK, voice=name)
        write_sound(sounding(place / "talk.mov", spoken.samples), place / f"{name}.npy")
        found.append((f"espeak-ng {name}", np.load(place / f"{name}.npy"), spoken.words))
    if speech:
        labels = json.loads(LABELS.read_text())["words"]
        found.append((speech.name, _read(speech), [(text, at) for text, at in labels]))
    return found


def _read(path: Path) -> Samples:
    resampler = av.AudioResampler("s16", "mono", RATE_HZ)
    with av.open(str(path)) as container:
        pieces = [
            piece.to_ndarray().ravel() for frame in container.decode(audio=0) for piece in resampler.resample(frame)
        ]
    return np.asarray(np.concatenate(pieces), np.int16)


def _misses(words: Sequence[Word], truth: Truth) -> NDArray[np.int64]:
    ours = [re.sub(r"\W", "", word.text.lower()) for word in words]
    theirs = [re.sub(r"\W", "", text.lower()) for text, _ in truth]
    same = difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    pairs = [(block.a + k, block.b + k) for block in same for k in range(block.size)]
    return np.array([words[one].start_ms - truth[other][1] for one, other in pairs], np.int64)


if __name__ == "__main__":
    main()
