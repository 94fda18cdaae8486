"""What the benchmark of finishing works on: a walker who comes and goes, b-roll, a logo, subtitles and music."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from utils.media.write import ClipWriter, Encoding, Shape
from utils.size import Size
from utils.walker import Scene, Shot

SIZE, RATE, SECONDS, HZ = Size(1280, 720), Fraction(30000, 1001), 26, 48_000
RENDERED = 100
"""Frames that are rendered; they are shown forward and backward by turns, as often as needed."""
CUTS = [(1.0 + 3 * k, 1.75 + 3 * k) for k in range(8)]
BROLL_AT_S, BROLL_S, FADE_S = 9.0, 3.0, 0.4
SUBTITLES = [(2.0 + 3 * k, 3.5 + 3 * k, f"Subtitle number {k + 1} of the film") for k in range(8)]
PLAN: dict[str, Any] = {
    "cut": [{"from_s": start, "to_s": stop} for start, stop in CUTS],
    "zoom": {"most": 1.08},
    "broll": [{"file": "broll.mp4", "at_s": BROLL_AT_S, "seconds": BROLL_S, "fade_s": FADE_S}],
    "pictures": [{"file": "logo.png", "left": 0.83, "top": 0.04, "width": 0.13}],
    "subtitles": {"file": "said.srt"},
    "music": {"file": "music.wav"},
}


def made(folder: Path) -> Path:
    """The folder with all of it, made at the first time."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "plan.yaml").exists():
        _clip(folder / "pictures.mp4", seed=1, frames=round(SECONDS * RATE), rate=RATE)
        _clip(folder / "broll.mp4", seed=2, frames=150, rate=Fraction(30))
        _sounding(folder / "pictures.mp4", folder / "talk.mp4", _speech())
        _wav(folder / "music.wav", _music())
        _logo(folder / "logo.png")
        (folder / "said.srt").write_text(srt(SUBTITLES))
        (folder / "plan.yaml").write_text(yaml.safe_dump(PLAN))
    return folder


def _clip(path: Path, *, seed: int, frames: int, rate: Fraction) -> None:
    scene = Scene(Shot(size=(SIZE.width_px, SIZE.height_px), rate=rate, frames=RENDERED, seed=seed))
    pictures = [picture for picture, _ in scene.frames()]
    turns = [*range(RENDERED), *range(RENDERED - 2, 0, -1)]
    with ClipWriter(path, Shape.steady(SIZE, rate), Encoding(crf=18, preset="veryfast")) as writer:
        for index in range(frames):
            writer.write(pictures[turns[index % len(turns)]], index)


def _speech() -> NDArray[np.float32]:
    """Something that swells about as often as people speak syllables."""
    at = np.arange(SECONDS * HZ) / HZ
    voice = sum(np.sin(2 * np.pi * 140 * k * at) / k for k in range(1, 9))
    return np.asarray(0.12 * voice * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * at)), np.float32)


def _music() -> NDArray[np.float32]:
    at = np.arange(12 * HZ) / HZ
    chord = sum(np.sin(2 * np.pi * pitch * at) for pitch in (220.0, 277.2, 329.6))
    return np.asarray(0.1 * chord, np.float32)


def _sounding(pictures: Path, path: Path, samples: NDArray[np.float32]) -> None:
    with av.open(str(pictures)) as source, av.open(str(path), "w") as target:
        video = target.add_stream_from_template(source.streams.video[0])
        audio = target.add_stream("aac", rate=HZ, layout="mono")
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = video
                target.mux(packet)
        for packet in [*audio.encode(_frame(samples)), *audio.encode(None)]:
            target.mux(packet)


def _wav(path: Path, samples: NDArray[np.float32]) -> None:
    with av.open(str(path), "w") as target:
        audio = target.add_stream("pcm_s16le", rate=HZ, layout="mono")
        levels = av.AudioFrame.from_ndarray(np.rint(samples * 32767).astype(np.int16)[None], "s16", "mono")
        levels.sample_rate, levels.pts, levels.time_base = HZ, 0, Fraction(1, HZ)
        for packet in [*audio.encode(levels), *audio.encode(None)]:
            target.mux(packet)


def _frame(samples: NDArray[np.float32]) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), "fltp", "mono")
    frame.sample_rate, frame.pts, frame.time_base = HZ, 0, Fraction(1, HZ)
    return frame


def _logo(path: Path) -> None:
    height, width = 90, 160
    down, across = np.indices((height, width))
    inside = ((down - 45) / 43) ** 2 + ((across - 80) / 78) ** 2 < 1
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 3] = 240, across, np.where(inside, 220, 0)
    Image.fromarray(pixels).save(path)


def srt(lines: list[tuple[float, float, str]]) -> str:
    """Lines with their times as SRT."""
    blocks = (f"{number}\n{_clock(a)} --> {_clock(b)}\n{text}\n" for number, (a, b, text) in enumerate(lines, start=1))
    return "\n".join(blocks)


def _clock(seconds: float) -> str:
    total = round(seconds * 1000)
    return f"00:{total // 60_000:02}:{total // 1000 % 60:02},{total % 1000:03}"
