"""Speech by Silero VAD, the small network inside of the package faster-whisper, run by onnxruntime block by block.

It tells speech from music and noise, which levels cannot. `find_voice_model` is None where a package is missing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.digest import digest_file
from utils.speech.sound import RATE_HZ
from utils.speech.words import Spans

MODEL = "silero_vad_v6.onnx"
WINDOW, CONTEXT = 512, 64
"""Samples of one probability, and of those before it that the network sees again."""
ON, OFF = 0.5, 0.35
"""Probabilities at which speech begins, and below which it ends."""
LEAST_SPEECH_MS, LEAST_PAUSE_MS = 90, 100
"""Shorter speech is none; a shorter pause does not end it."""
HIDDEN = 128


@dataclass(frozen=True)
class VoiceModel:
    """The network's file."""

    path: Path

    @cached_property
    def digest(self) -> str:
        """Digest of its content."""
        return digest_file(self.path)

    def probabilities(self, blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
        """The probability of speech in every 32 ms."""
        running = _Running(self.path)
        found = [running.next(windows) for windows in _windows(blocks)]
        return np.concatenate(found) if found else np.zeros(0, np.float32)


def find_voice_model() -> VoiceModel | None:
    """The network, if it and onnxruntime are installed; neither is loaded."""
    spec = find_spec("faster_whisper")
    if spec is None or spec.origin is None or not _installed("onnxruntime"):
        return None
    path = Path(spec.origin).parent / "assets" / MODEL
    return VoiceModel(path) if path.is_file() else None


def speech_spans(probabilities: NDArray[np.float32], length_ms: int) -> Spans:
    """Stretches of speech: they begin at a high probability and end where it stays low."""
    step_ms = WINDOW * 1000 / RATE_HZ
    found, start, end = list[tuple[int, int]](), -1, -1
    for index, probability in enumerate(probabilities.tolist()):
        at = round(index * step_ms)
        if probability >= ON:
            start, end = (at if start < 0 else start), -1
        elif start >= 0 and probability < OFF:
            end = at if end < 0 else end
            if at + step_ms - end >= LEAST_PAUSE_MS:
                found.append((start, end))
                start, end = -1, -1
    if start >= 0:
        found.append((start, length_ms if end < 0 else end))
    return tuple((first, min(last, length_ms)) for first, last in found if last - first >= LEAST_SPEECH_MS)


@dataclass
class _Running:
    """The network while it runs over a sound: its memory goes on from block to block."""

    path: Path
    state: dict[str, NDArray[np.float32]] = field(
        default_factory=lambda: {name: np.zeros((1, 1, HIDDEN), np.float32) for name in ("h", "c")}
    )
    context: NDArray[np.float32] = field(default_factory=lambda: np.zeros((1, CONTEXT), np.float32))

    def next(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probabilities of the next windows."""
        before = np.concatenate([self.context, windows[:-1, -CONTEXT:]])
        self.context = windows[-1:, -CONTEXT:]
        seen = np.concatenate([before, windows], axis=1)
        found, self.state["h"], self.state["c"] = self._session.run(None, {"input": seen, **self.state})
        return np.asarray(found, np.float32).ravel()

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        return onnxruntime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])


def _windows(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Whole windows of blocks; the last one is filled up with silence."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([rest, block])
        whole = len(held) // WINDOW * WINDOW
        rest = held[whole:]
        if whole:
            yield held[:whole].reshape(-1, WINDOW)
    if len(rest):
        yield np.pad(rest, (0, WINDOW - len(rest)))[None]


def _installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False
