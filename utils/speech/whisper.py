"""Transcripts by Whisper: faster-whisper on a folder of weights, several windows of speech at once, int8.

Speech is cut into windows of up to 28 s at its pauses, so that no word lies over an edge, and some of them are decoded
together; only these are in memory, whatever the length of the clip.
"""

import ctypes
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.errors import ModelError, SettingsError
from utils.speech.sound import RATE_HZ, Samples
from utils.speech.words import Spans, Word

WINDOW_MS = 28_000
"""Whisper sees 30 s at a time."""
TOGETHER_MS = 2_000
"""Speech that lies closer together shares a window."""
MARGIN_MS = 200
"""What a window holds of the pauses around it."""
BATCHES = {"cuda": 8, "cpu": 2}
"""Windows at once; a processor is no faster with more of them, and stops sooner with few."""
BEAM = 5
LEAST_REPEATS, LONGEST_PHRASE = 5, 10
"""A phrase of up to so many words that comes so often in a row, and is most of a window, is a loop of the model's."""
NO_SPEECH, DOUBT = 0.6, -1.0
"""Where the model thinks that nobody speaks, and doubts its own words as well, they are left out."""
SPEC = b"WhisperSpec"
"""What the weights of CTranslate2 begin with, after their version."""
CUBLAS = "libcublas.so.12"
PADDING = RATE_HZ // 2
"""Silence between windows that are handed over as one array."""


@dataclass(frozen=True)
class Understood:
    """What was understood in one window."""

    window: tuple[int, int]
    words: tuple[Word, ...]
    looped: bool = False
    """Whether the model only repeated itself there, and its words were left out."""


@dataclass
class Whisper:
    """A model in a folder; it is loaded at first use. `language` is found in the first windows if it is not given.

    Where the graphics card fails, the processor goes on, and `fallback` says why.
    """

    folder: Path
    threads: int = 0
    language: str | None = None
    device: str = field(default_factory=lambda: device())
    fallback: str = ""

    def transcribe(self, samples: Samples, windows: Spans) -> Iterator[Understood]:
        """The words of each window, in order."""
        size = BATCHES[self.device]
        for start in range(0, len(windows), size):
            yield from self._surely(samples, windows[start : start + size])

    def _surely(self, samples: Samples, windows: Spans) -> list[Understood]:
        """A batch on the card, and if that fails on the processor."""
        try:
            return list(self._batch(samples, windows))
        except (RuntimeError, ModelError) as error:
            if self.device == "cpu":
                raise
            self.device, self.fallback = "cpu", str(error).splitlines()[0][:200]
            self.__dict__.pop("_pipeline", None)
            return list(self._batch(samples, windows))

    def _batch(self, samples: Samples, windows: Spans) -> Iterator[Understood]:
        sound, begins = _concatenated(samples, windows)
        lengths = [(last - first) / 1000 for first, last in windows]
        clips = [{"start": at, "end": at + length} for at, length in zip(begins, lengths, strict=True)]
        pipeline = self._pipeline
        try:
            segments, info = pipeline.transcribe(
                sound, language=self.language, clip_timestamps=clips, word_timestamps=True, batch_size=len(clips),
                beam_size=BEAM, temperature=0.0, condition_on_previous_text=False,
            )  # fmt: skip
        except ValueError as error:
            raise SettingsError(
                f"Whisper knows no language {self.language!r:.20}.", "Write a code such as en, de or zh, or none."
            ) from error
        found: list[list[Any]] = [[] for _ in windows]
        for segment in segments:
            found[max(0, bisect_right(begins, segment.seek / 100 + 0.02) - 1)].append(segment)
        self.language = self.language or str(info.language)
        for window, begin, own in zip(windows, begins, found, strict=True):
            words = tuple(_words([each for each in own if not _is_doubtful(each)], window, begin))
            looped = is_loop([word.text for word in words])
            yield Understood(window, () if looped else words, looped)

    @cached_property
    def _pipeline(self) -> Any:
        """The loaded model; the folder holds all files, so nothing is fetched."""
        check_folder(self.folder)
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        kind = "int8_float16" if self.device == "cuda" else "int8"
        try:
            model = WhisperModel(str(self.folder), self.device, compute_type=kind, cpu_threads=self.threads)
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(
                f"The Whisper model in {self.folder} cannot be loaded ({str(error).splitlines()[0]:.200}).",
                "Fetch it again, or give a transcript as an SRT, VTT or JSON file.",
            ) from error
        return BatchedInferencePipeline(model)


def device() -> str:
    """cuda where CTranslate2 can use a card, else cpu."""
    return "cuda" if _sees_card() and _has_cublas() else "cpu"


def card_unused() -> str:
    """Why there is a card that transcripts cannot use; empty where there is none, or it can be used."""
    if not _sees_card() or _has_cublas():
        return ""
    return f"Transcripts are made on the processor: {CUBLAS} is missing. `pip install nvidia-cublas-cu12` brings it."


def _sees_card() -> bool:
    import ctranslate2

    return bool(ctranslate2.get_cuda_device_count())


@cache
def _has_cublas() -> bool:
    """Whether the library of CUDA 12 that CTranslate2 looks for can be loaded, also from NVIDIA's own package."""
    found = [CUBLAS]
    with suppress(ModuleNotFoundError):
        spec = find_spec("nvidia.cublas")
        places = (spec.submodule_search_locations if spec else None) or ()
        found += [str(Path(place) / "lib" / CUBLAS) for place in places]
    for name in found:
        with suppress(OSError):
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
            return True
    return False


def check_folder(folder: Path) -> None:
    """Raise ModelError where the weights are those of another program, which is said before anything is loaded."""
    try:
        with (folder / "model.bin").open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise ModelError(f"{folder} holds no model.bin ({error.strerror}).", "Fetch the model again.") from error
    if SPEC not in head:
        raise ModelError(
            f"{folder / 'model.bin'} is no Whisper model of CTranslate2.",
            "Models of whisper.cpp (ggml) and of OpenAI (.pt) have another form: fetch one with `models fetch`.",
        )


def is_loop(texts: Sequence[str]) -> bool:
    """Whether words are for the most part one phrase again and again."""
    plain = [text.lower().strip(".,!?") for text in texts]
    for length in range(1, LONGEST_PHRASE + 1):
        run = best = 0
        for index in range(length, len(plain)):
            run = run + 1 if plain[index] == plain[index - length] else 0
            best = max(best, run)
        if best + length >= max(LEAST_REPEATS * length, len(plain) / 2):
            return True
    return False


def windows_of(speech: Spans, loudness: NDArray[np.float32], step_ms: int, length_ms: int) -> Spans:
    """Windows around speech; where somebody speaks on without a pause, they end at the quietest moment."""
    pieces = [piece for span in speech for piece in _cut(span, loudness, step_ms)]
    windows = list[tuple[int, int]]()
    for first, last in pieces:
        fits = windows and first - windows[-1][1] < TOGETHER_MS and last - windows[-1][0] <= WINDOW_MS
        if fits:
            windows[-1] = (windows[-1][0], last)
        else:
            windows.append((first, last))
    return _with_margins(windows, length_ms)


def _with_margins(windows: Sequence[tuple[int, int]], length_ms: int) -> Spans:
    """Windows with a part of the pauses around them, and none of each other."""
    edges = [0, *(edge for window in windows for edge in window), length_ms]
    gaps = [max(0, last - first) // 2 for first, last in zip(edges[::2], edges[1::2], strict=True)]
    gaps[0], gaps[-1] = 2 * gaps[0], 2 * gaps[-1]
    return tuple(
        (max(0, first - min(MARGIN_MS, before)), min(length_ms, last + min(MARGIN_MS, after)))
        for (first, last), before, after in zip(windows, gaps, gaps[1:], strict=False)
    )


def _cut(span: tuple[int, int], loudness: NDArray[np.float32], step_ms: int) -> Iterator[tuple[int, int]]:
    first, last = span
    while last - first > WINDOW_MS:
        begin, end = (first + WINDOW_MS // 2) // step_ms, (first + WINDOW_MS) // step_ms
        part = loudness[begin:end]
        at = (begin + int(part.argmin()) if len(part) else end) * step_ms
        yield first, at
        first = at
    yield first, last


def _concatenated(samples: Samples, windows: Spans) -> tuple[NDArray[np.float32], list[float]]:
    """The sound of windows one after the other, silence between them, and where each begins in s."""
    pieces, begins, at = list[NDArray[np.float32]](), list[float](), 0
    for first, last in windows:
        piece = samples[first * RATE_HZ // 1000 : last * RATE_HZ // 1000].astype(np.float32) / 32768
        padded = np.pad(piece, (0, PADDING + -len(piece) % (RATE_HZ // 100)))
        pieces.append(padded)
        begins.append(at / RATE_HZ)
        at += len(padded)
    return np.concatenate(pieces), begins


def _is_doubtful(segment: Any) -> bool:
    return bool(segment.no_speech_prob > NO_SPEECH and segment.avg_logprob < DOUBT)


def _words(segments: Sequence[Any], window: tuple[int, int], begin_s: float) -> Iterator[Word]:
    """The words of segments in the clip's time, in order and inside of their window."""
    first, last = window
    at = first
    for word in (word for segment in segments for word in segment.words or ()):
        if text := word.word.strip():
            start = min(max(first + round((word.start - begin_s) * 1000), at), last)
            at = min(max(first + round((word.end - begin_s) * 1000), start), last)
            yield Word(text, start, at, round(float(word.probability), 4))
