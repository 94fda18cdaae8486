"""Encoding: the composite is written as the finished clip, each frame encoded once, with the source's sound."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.compose.composite import Composed, Composite
from pipeline.stage import Stage, Work
from utils.media.clip import Clip
from utils.media.probe import Count
from utils.media.video import Frame
from utils.media.write import Encoding, write_clip
from utils.prefetch import prefetch
from utils.store import Entry

CLIP, FACTS = "result.mp4", "facts.json"


@dataclass(frozen=True)
class Encoded:
    """The finished clip, read from the cache."""

    entry: Entry

    @property
    def path(self) -> Path:
        """The path of the video file."""
        return self.entry.path(CLIP)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Frames in and out, the rate, and the offset of the sound."""
        return dict(json.loads(self.entry.read_bytes(FACTS)))


@dataclass(frozen=True)
class Watched:
    """A composite on its way to the encoder, and a callback that sees each of its pictures pass by."""

    composite: Composite
    see: Callable[[Composed], None] = lambda composed: None

    @property
    def digest(self) -> str:
        """The digest of the composite; watching changes nothing."""
        return self.composite.digest

    def frames(self) -> Iterator[Frame]:
        """All finished pictures in order."""
        for composed in prefetch(self.composite.composed(range(len(self.composite)))):
            self.see(composed)
            yield Frame(composed.source.index, composed.source.pts, composed.picture)


def _encode(work: Work) -> None:
    watched: Watched = work.inputs["composite"]
    clip = watched.composite.stable.clip
    encoding = Encoding(work.settings["encode.crf"], work.settings["encode.x264_preset"])
    write_clip(work.folder / CLIP, prefetch(_reported(watched.frames(), work, len(clip))), clip, encoding)
    (work.folder / FACTS).write_text(json.dumps(encoded_facts(clip, work.folder / CLIP)))


def _reported(frames: Iterable[Frame], work: Work, count: int) -> Iterator[Frame]:
    """The frames, with progress reported for each."""
    for frame in frames:
        work.report(frame.index + 1, count)
        yield frame


def encoded_facts(clip: Clip, path: Path) -> dict[str, Any]:
    """Frame counts, rate and sound offset of the finished file, found by reading it again to its end."""
    result = Count.of(path)
    offset = result.audio.start_s - clip.audio.start_s if result.audio and clip.audio else None
    return {
        "frames_in": len(clip),
        "frames_out": result.frames,
        "fps": float(result.rate),
        "audio_offset_ms": None if offset is None else round(float(offset) * 1000, 4),
    }


ENCODE = Stage("encode", version=1, run=_encode, settings=("encode.crf", "encode.x264_preset"), tools=("av",))
